"""What the embedded workspace cannot make: said before anything is changed, not half-way.

It answers part of Databricks' API and lists its routes under a path of its own. Nobody is asked for
that list but the embedded workspace and what else listens on this machine.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from brickyard.deploy.http import ApiFailure
from brickyard.deploy.plan import Action, Plan, declaration
from brickyard.deploy.project import BrokenBundle, Project
from brickyard.resources import TITLES
from brickyard.values import Diagnostic, Severity, refusal

ROUTES: Final = "/api/2.0/brickyard/routes"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
PARAMETER: Final = re.compile(r"\{[^}]*\}")


def check_served(project: Project, made: Plan) -> tuple[Diagnostic, ...]:
    """One finding for each resource to create that the target's workspace has no service for."""
    wanted = [
        node.address
        for node in made.pending
        if node.action in (Action.CREATE, Action.RECREATE) and node.address == node.parent
    ]
    if not wanted or urlsplit(project.workspace.host).hostname not in LOOPBACK:
        return ()
    try:
        listed = project.workspace.get(ROUTES)["routes"]
    except ApiFailure:  # not ours, or from before this list
        return ()
    served = {(one["method"], _shape(one["path"])) for one in listed}
    found: list[Diagnostic] = []
    for address in wanted:
        create = declaration(address)[0].create
        if (create.method, _shape(create.path)) not in served:
            found.append(_unserved(project, address))
    return tuple(found)


def stop_if_unserved(project: Project, made: Plan) -> None:
    """Raise `BrokenBundle` when something planned cannot be made in the target's workspace."""
    found = check_served(project, made)
    if found:
        raise BrokenBundle([replace(one, severity=Severity.ERROR) for one in found])


def _shape(path: str) -> str:
    return PARAMETER.sub("{}", path).rstrip("/")


def _unserved(project: Project, address: str) -> Diagnostic:
    value = project.resolved.tree.get(address)
    title = TITLES[address.split(".")[1]].lower()
    return refusal(
        "deploy/not-in-embedded-workspace",
        f"the embedded workspace has no service that makes a {title}",
        "Deploy it to a target with `workspace.host`, keep it out of this target, or choose the"
        " others with --select.",
        path=address,
        at=value.locations if value is not None else (),
    )
