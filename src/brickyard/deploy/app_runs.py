"""Running an app of a deployed bundle: its compute started, its source deployed, both waited for.

Follows the official CLI (`bundle/run/app.go`, `bundle/appdeploy/app.go`), whose words it says. A
deployment that is under way is waited for and then followed by ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from brickyard.deploy.calls import Caller
from brickyard.deploy.http import ApiFailure, Json, Workspace, segment
from brickyard.deploy.planning import prepare_resources
from brickyard.deploy.project import Project
from brickyard.deploy.recorded_values import recorded_value
from brickyard.deploy.references import places, substitute, without_unset
from brickyard.deploy.run import Runnable, RunRefused
from brickyard.resources import TYPES
from brickyard.resources.apps import BASE, compute_state, deployment

LIMIT_S: Final = 20 * 60.0
PAUSE_S: Final = 0.5
STOPPED: Final = ("", "STOPPED", "ERROR")
Say = Callable[[str], None]


def run_app(project: Project, app: Runnable, say: Say, *, wait: bool = True) -> str:
    """Start the app where it is stopped and deploy its source; the app's address.

    `say` is told each step. Raises `RunRefused` when it does not start or its deployment fails.
    """
    workspace = project.workspace
    body = _deployment(project, app)
    say(f"✓ Getting the status of the app {app.id}")
    found = workspace.get(_path(app.id))
    for part, what in (("app_status", "App"), ("compute_status", "App compute")):
        if state := (found.get(part) or {}).get("state"):
            say(f"✓ {what} is in {state} state")
    if compute_state(found) in STOPPED:
        say(f"✓ Starting the app {app.id}")
        workspace.post(_path(app.id, "start"))
        found = _await_compute(workspace, app.id, lambda: say("✓ App is starting..."))
        _await_deployments(workspace, app.id, found, say)
        say("✓ App is started!")
    elif compute_state(found) == "STARTING":
        found = _await_compute(workspace, app.id, lambda: None)
    made = _deploy(workspace, app.id, body, say)
    if wait:
        _await_deployment(workspace, app.id, made, say)
    return str(found.get("url") or "")


def _deployment(project: Project, app: Runnable) -> Json:
    """The request: source, command and environment as the bundle has them now."""
    given = prepare_resources(project, say=lambda _: None).resources["apps"].get(app.name)
    if given is None:
        raise RunRefused(f"app {app.name} is no longer in the bundle: deploy it first")
    entries = project.store.pull().state.entries
    caller = Caller(workspace=project.workspace)

    def actual(address: str) -> Mapping[str, Any]:
        found = caller.read(TYPES[address.split(".")[1]], entries[address].id)
        return found.whole if found is not None else {}

    parts = {
        name: given[name] for name in ("source_code_path", "config", "git_source") if name in given
    }
    value = substitute(parts, lambda reference: recorded_value(reference, entries, actual))
    value = without_unset(parts, value)
    missing = next(places(value), None)
    if missing is not None:
        raise RunRefused(f"{app.address}.{missing[0]}: {missing[1]} is not deployed")
    return deployment(value, {}, app.id)


def _deploy(workspace: Workspace, name: str, body: Json, say: Say) -> Json:
    """Begin a deployment, once the one that may be under way has ended."""
    try:
        return workspace.post(_path(name, "deployments"), body)
    except ApiFailure as refused:
        found = workspace.get(_path(name))
        if not _under_way(found):
            raise RunRefused(f"cannot deploy app {name}: {refused}") from refused
        _await_deployments(workspace, name, found, say)
    return workspace.post(_path(name, "deployments"), body)


def _await_compute(workspace: Workspace, name: str, starting: Callable[[], None]) -> Json:
    give_up_at = time.monotonic() + LIMIT_S
    is_told = False
    while True:
        found = workspace.get(_path(name))
        state = compute_state(found)
        if state == "ACTIVE":
            return found
        if state in ("ERROR", "STOPPED"):
            said = (found.get("compute_status") or {}).get("message") or state
            raise RunRefused(f"app {name} does not start: {said}")
        if time.monotonic() > give_up_at:
            raise RunRefused(f"app {name} has not started after {LIMIT_S / 60:.0f} minutes")
        if not is_told:
            starting()
            is_told = True
        time.sleep(PAUSE_S)


def _await_deployments(workspace: Workspace, name: str, found: Json, say: Say) -> None:
    """Wait for what is being deployed to the app already."""
    for word, running in _under_way(found).items():
        say(f"✓ Waiting for the {word} deployment to complete...")
        _await_deployment(workspace, name, running, lambda _: None, fails=False)
        say(f"✓ {word.capitalize()} deployment is completed!")


def _under_way(found: Json) -> Mapping[str, Json]:
    both = {word: found.get(f"{word}_deployment") or {} for word in ("active", "pending")}
    return {
        word: one
        for word, one in both.items()
        if (one.get("status") or {}).get("state") == "IN_PROGRESS"
    }


def _await_deployment(
    workspace: Workspace, name: str, made: Json, say: Say, *, fails: bool = True
) -> None:
    path = _path(name, "deployments", str(made["deployment_id"]))
    give_up_at = time.monotonic() + LIMIT_S
    said = ""
    while True:
        status = workspace.get(path).get("status") or {}
        state, message = str(status.get("state") or ""), str(status.get("message") or "")
        if message and message != said:
            said = message
            say(f"✓ {message}" if state not in ("FAILED", "CANCELLED") else message)
        if state == "SUCCEEDED":
            return
        if state in ("FAILED", "CANCELLED"):
            if fails:
                raise RunRefused(f"the deployment of app {name} {state.lower()}: {message}")
            return
        if time.monotonic() > give_up_at:
            raise RunRefused(f"app {name} is not deployed after {LIMIT_S / 60:.0f} minutes")
        time.sleep(PAUSE_S)


def _path(*parts: str) -> str:
    return "/".join((BASE, *(segment(part) for part in parts)))
