"""What the embedded workspace cannot make or run: said before anything is changed, not half-way.

It answers part of Databricks' API and lists its routes, and the task types that it runs, under a
path of its own. Nobody else is asked for that list: it names itself in the headers of its answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from brickyard.bundle import tasks_of
from brickyard.deploy.http import ApiFailure
from brickyard.deploy.plan import Action, Plan, declaration
from brickyard.deploy.project import BrokenBundle, Project
from brickyard.resources import TITLES
from brickyard.values import Diagnostic, Severity, refusal, show, warning

ROUTES: Final = "/api/2.0/brickyard/routes"
EMBEDDED: Final = "brickyard"  # how its server names itself
UNSERVED: Final = "deploy/not-in-embedded-workspace"
MADE: Final = (Action.CREATE, Action.RECREATE, Action.UPDATE)
PARAMETER: Final = re.compile(r"\{[^}]*\}")


def check_served(project: Project, made: Plan) -> tuple[Diagnostic, ...]:
    """One finding for each resource to create that the target's workspace has no service for, and
    a warning for each task, new or changed, of a type that does not run there."""
    wanted = [
        node.address for node in made.pending if node.action in MADE and node.address == node.parent
    ]
    if not wanted or project.workspace.software != EMBEDDED:
        return ()
    try:
        told = project.workspace.get(ROUTES)
    except ApiFailure:  # not ours, or from before this list
        return ()
    served = {(one["method"], _shape(one["path"])) for one in told["routes"]}
    running = frozenset(told.get("task_types") or ())
    found: list[Diagnostic] = []
    for address in wanted:
        create = declaration(address)[0].create
        if (create.method, _shape(create.path)) not in served:
            found.append(_unserved(project, address))
        elif running and address.startswith("resources.jobs."):
            found.extend(_not_running(project, address, running))
    return tuple(found)


def stop_if_unserved(project: Project, made: Plan) -> None:
    """Raise `BrokenBundle` when something planned cannot be made in the target's workspace."""
    found = [one for one in check_served(project, made) if one.code == UNSERVED]
    if found:
        raise BrokenBundle([replace(one, severity=Severity.ERROR) for one in found])


def _shape(path: str) -> str:
    return PARAMETER.sub("{}", path).rstrip("/")


def _unserved(project: Project, address: str) -> Diagnostic:
    value = project.resolved.tree.get(address)
    title = TITLES[address.split(".")[1]].lower()
    return refusal(
        UNSERVED,
        f"the embedded workspace has no service that makes a {title}",
        "Deploy it to a target with `workspace.host`, keep it out of this target, or choose the"
        " others with --select.",
        path=address,
        at=value.locations if value is not None else (),
    )


def _not_running(project: Project, address: str, running: frozenset[str]) -> Iterator[Diagnostic]:
    """A warning for each task of a job whose type is not among those that run."""
    job = project.resolved.tree.get(address)
    for path, task in tasks_of(job) if job is not None else ():
        for name, value in task.items.items():
            if not name.endswith("_task") or name in running:
                continue
            yield warning(
                "deploy/task-does-not-run",
                f"the embedded workspace keeps a {name} and cannot run it",
                "The job is made; a run of it fails when this task's turn comes. Databricks runs"
                " it.",
                path=f"{address}.{show((*path, name))}",
                at=value.key_locations,
            )
