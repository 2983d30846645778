"""Dashboards and Genie spaces that somebody edited in the workspace since the last deploy.

The recorded `etag` tells. The official CLI refuses to overwrite such a dashboard without `--force`,
and only warns of it in `plan`; of an edited Genie space it says nothing, we warn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from brickyard.deploy.calls import Caller
from brickyard.deploy.plan import Plan
from brickyard.deploy.project import BrokenBundle, Project
from brickyard.deploy.state import State
from brickyard.resources import TYPES
from brickyard.values import Diagnostic, Severity, warning

STOPPING: Final = "dashboards"
CODE: Final = "deploy/modified-remotely"


def check_edited(project: Project, made: Plan, *, force: bool) -> tuple[Diagnostic, ...]:
    """A warning for each edited object that the plan overwrites; none when that is wanted."""
    return () if force else tuple(_edited(project, made))


def stop_if_edited(project: Project, made: Plan, *, force: bool) -> tuple[Diagnostic, ...]:
    """Raise `BrokenBundle` for edited dashboards; the findings that stop nothing come back."""
    found = check_edited(project, made, force=force)
    if any(_stops(one) for one in found):
        raise BrokenBundle(
            [replace(one, severity=Severity.ERROR) if _stops(one) else one for one in found]
        )
    return found


def stop_if_dashboards_edited(project: Project, recorded: State) -> None:
    """The same before there is a plan, of dashboards alone. Raises `BrokenBundle`."""
    caller = Caller(workspace=project.workspace)
    found = []
    for address, entry in sorted(recorded.entries.items()):
        parts = address.split(".")
        declared = project.resolved.tree.get(address)
        if parts[1] != STOPPING or len(parts) != 3 or declared is None:
            continue
        actual = caller.read(TYPES[STOPPING], entry.id)
        if actual is not None and actual.whole.get("etag") != entry.state.get("etag"):
            found.append(replace(_finding(project, address), severity=Severity.ERROR))
    if found:
        raise BrokenBundle(found)


def _edited(project: Project, made: Plan) -> Iterator[Diagnostic]:
    for address, node in made.nodes.items():
        etag = node.changes.get("etag")
        if etag is None or etag.old == etag.remote or address != node.parent:
            continue
        if etag.remote is None:  # it is gone, and nothing can be written over
            continue
        yield _finding(project, address)


def _finding(project: Project, address: str) -> Diagnostic:
    kind, key = address.split(".")[1:3]
    value = project.resolved.tree.get(address)
    what = "dashboard" if kind == STOPPING else "genie space"
    return warning(
        CODE,
        f'{what} "{key}" has been modified remotely',
        f"Somebody edited this {what} in the workspace after the last deploy, and a deploy would"
        " write the bundle's version over it. Compare the two: `generate` writes what is there"
        " into a file. `--force` deploys the bundle's; the edits are lost then.",
        path=address,
        at=value.locations if value is not None else (),
        is_explained=True,
    )


def _stops(found: Diagnostic) -> bool:
    return str(found.path).startswith(f"resources.{STOPPING}.")
