"""`${…}` in strings: the grammar, and every reference to a resource that a value holds.

A segment begins with a letter and holds letters, digits, inner `-` and `_`; segments are joined by
dots and may carry `[n]`. Anything else in `${}` is literal text, and there is no escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from brickyard.values import Path, Value, show, steps

SEGMENT: Final = r"[^\W\d_][^\W_]*(?:[-_]+[^\W_]+)*(?:\[[0-9]+\])*"
REFERENCE: Final = re.compile(r"\$\{(" + SEGMENT + r"(?:\." + SEGMENT + r")*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One `${resources.…}` in a value: where it stands and what it names."""

    path: str  # where it stands, relative to the resource: "tasks[0].job_id"
    text: str  # "${resources.jobs.a.id}"
    address: str  # "resources.jobs.a"
    field: str  # "id"; empty for the resource as a whole
    is_whole: bool  # the string is this reference and nothing else


def is_pure(text: str) -> bool:
    """True when the whole string is one reference."""
    return text.startswith("${") and REFERENCE.fullmatch(text) is not None


def names_in(text: str) -> tuple[str, ...]:
    """What the references in a string name, in order: `var.catalog`."""
    return tuple(REFERENCE.findall(text)) if "${" in text else ()


def references(value: Value) -> tuple[Reference, ...]:
    """Every reference to a resource in a value."""
    return tuple(_references(value))


def _references(value: Value) -> Iterator[Reference]:
    for path, part in value.walk():
        if not isinstance(part.data, str) or "${" not in part.data:
            continue
        for name in names_in(part.data):
            way = steps(name)
            if way[0] == "resources" and len(way) > 2:
                yield _reference(path, part.data, name, way)


def _reference(path: Path, text: str, name: str, way: Path) -> Reference:
    written = "${" + name + "}"
    return Reference(
        path=show(path),
        text=written,
        address=show(way[:3]),
        field=show(way[3:]),
        is_whole=text == written,
    )
