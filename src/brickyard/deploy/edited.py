"""Dashboards and Genie spaces that somebody edited in the workspace since the last deploy.

The recorded `etag` tells. The official CLI refuses to overwrite such a dashboard without `--force`,
and only warns of it in `plan`; of an edited Genie space it says nothing, we warn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from brickyard.deploy.plan import Plan
from brickyard.deploy.project import BrokenBundle, Project
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


def _edited(project: Project, made: Plan) -> Iterator[Diagnostic]:
    for address, node in made.nodes.items():
        kind, key = address.split(".")[1:3]
        etag = node.changes.get("etag")
        if etag is None or etag.old == etag.remote or address != node.parent:
            continue
        value = project.resolved.tree.get(address)
        what = "dashboard" if kind == STOPPING else "genie space"
        yield warning(
            CODE,
            f'{what} "{key}" has been modified remotely',
            f"This {what} has been modified remotely since the last bundle deployment.\n"
            "These modifications are untracked and will be overwritten on deploy.\n\n"
            f"Make sure that the local {what} definition matches what you intend to deploy\n"
            "before proceeding with the deployment.\n\n"
            "To overwrite the remote changes with your local version, use --force.\n"
            "The remote modifications will be lost.",
            path=address,
            at=value.locations if value is not None else (),
        )


def _stops(found: Diagnostic) -> bool:
    return str(found.path).startswith(f"resources.{STOPPING}.")
