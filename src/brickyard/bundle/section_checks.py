"""Sections that are one reference: they are needed before any reference has a value.

In the official CLI the code that first looks into such a section fails there, so each has words of
its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.values import Diagnostic, Value, error

BEFORE_TARGETS: Final[Mapping[str, str]] = {
    "resources": 'expected a map at "resources", found string',
    "scripts": 'expected a map at "", found string',
}
OF_TARGETS: Final = 'expected a map to index "targets.{}.resources", found string'
OF_SETTINGS: Final[Mapping[str, str]] = {
    "workspace": 'expected a map to index "workspace.host", found string',
    "sync": 'expected a map to index "paths", found string',
    "sync.paths": "expected a map or sequence, found string",
    "sync.include": "expected a map or sequence, found string",
    "sync.exclude": "expected a map or sequence, found string",
}


def check_sections(draft: Draft) -> Draft:
    """Before a target is laid over the rest. Reads: `resources`, `scripts`, `targets`."""
    words = dict(BEFORE_TARGETS)
    for name in (draft.tree.get("targets") or Value({})).items:
        words[f"targets.{name}"] = OF_TARGETS.format(name)
    return draft.noting(*_of(draft, words)[:1])


def check_settings(draft: Draft) -> Draft:
    """With the target laid over. Reads: `workspace`, `sync`."""
    return draft.noting(*_of(draft, OF_SETTINGS)[:1])


def _of(draft: Draft, words: Mapping[str, str]) -> list[Diagnostic]:
    return list(_references(draft, words.items()))


def _references(draft: Draft, words: Iterable[tuple[str, str]]) -> Iterable[Diagnostic]:
    for path, summary in words:
        section = draft.tree.get(tuple(path.split(".", 1)))
        if section is not None and isinstance(section.data, str):
            yield error(
                "bundle/reference-for-section",
                summary,
                f"`{section.text}` has no value yet when `{path}` is read. Write it out.",
                path=path,
                at=section.locations,
            )
