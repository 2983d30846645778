"""Resources that a target does without, as `brickyard.yml` says of its environment.

    environments:
      dev:
        without: [resources.jobs.nightly, resources.pipelines.*]

A target of `databricks.yml` can add resources and change them, and cannot take one away. The
official CLI does not read `brickyard.yml`: it goes on to deploy them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.values import Diagnostic, Value, did_you_mean, warning

FILE: Final = "brickyard.yml"


def leave_out(draft: Draft) -> Draft:
    """Drops what the target does without. Reads: `brickyard.yml`. Writes: `resources`."""
    tree, found = draft.tree, list[Diagnostic]()
    resources = tree.get("resources") or Value({})
    declared = [
        f"resources.{kind}.{key}" for kind, each in resources.items.items() for key in each.items
    ]
    for pattern in _patterns(draft):
        chosen = [address for address in declared if fnmatchcase(address, pattern.text)]
        for address in chosen:
            tree = tree.drop(tuple(address.split(".", 2)))
        if not chosen:
            found.append(_nothing(pattern, declared))
    return draft.having(tree, found)


def _patterns(draft: Draft) -> tuple[Value, ...]:
    """`without` of the environments that go to the target; what else is wrong there is not said
    here."""
    parsed = draft.files.parsed(FILE)
    environments = parsed[0].get("environments") if parsed is not None else None
    found: list[Value] = []
    for name, one in (environments.items if environments is not None else {}).items():
        target, without = one.get("target"), one.get("without")
        if (target.text if target is not None and target.text else name) == draft.target:
            found += without.elements if without is not None else ()
    return tuple(found)


def _nothing(pattern: Value, declared: list[str]) -> Diagnostic:
    return warning(
        "bundle/without-nothing",
        f"there is no {pattern.text or 'such resource'} to do without",
        "Write addresses as `resources.jobs.nightly`, or patterns as `resources.pipelines.*`."
        f" {did_you_mean(pattern.text, declared)}".rstrip(),
        at=pattern.locations,
    )
