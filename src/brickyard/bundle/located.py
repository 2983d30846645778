"""`__locations`: where resources stand in the files, for editors that read `validate -o json`.

The shape is the official CLI's: files by index, and for a path the places that contributed to it as
`[file, line, column]`, the one that counts first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.bundle.resolved import Resolved
from brickyard.values import Value

VERSION = 1


def located(resolved: Resolved) -> dict[str, Any]:
    """Places of the top-level keys, of resources and their groups, and of jobs' tasks."""
    tree = resolved.tree.drop("targets").drop("environments")
    found = {
        path: [place for place in value.locations if place.file and place.line]
        for path, value in _shown(tree)
    }
    files = sorted({place.file for places in found.values() for place in places})
    return {
        "version": VERSION,
        "files": files,
        "locations": {
            path: [[files.index(place.file), place.line, place.column] for place in places]
            for path, places in found.items()
            if places
        },
    }


def _shown(tree: Value) -> Iterator[tuple[str, Value]]:
    yield from tree.items.items()
    groups = tree.get("resources")
    for kind, group in groups.items.items() if groups is not None else ():
        yield f"resources.{kind}", group
        for key, resource in group.items.items():
            path = f"resources.{kind}.{key}"
            yield path, resource
            tasks = resource.get("tasks") if kind == "jobs" else None
            if tasks is not None:
                yield f"{path}.tasks", tasks
                for at, task in enumerate(tasks.elements):
                    yield f"{path}.tasks[{at}]", task
