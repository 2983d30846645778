"""`--fail-on-active-runs`: no deploy under the feet of what runs."""

from __future__ import annotations

from typing import Final

from brickyard.deploy.http import ApiFailure, Workspace, segment
from brickyard.deploy.job_runs import active_runs
from brickyard.deploy.planning import Prevented
from brickyard.deploy.project import Project
from brickyard.deploy.state import State

SETTING: Final = "bundle.deployment.fail_on_active_runs"
AT_REST: Final = frozenset({"IDLE", "FAILED", "DELETED"})


def is_wanted(project: Project) -> bool:
    """Whether the bundle asks for the check itself."""
    found = project.resolved.tree.get(SETTING)
    return found is not None and found.data is True


def check_idle(workspace: Workspace, state: State) -> None:
    """Raises `Prevented` when a deployed job or pipeline is running. Gone ones are at rest."""
    for address, entry in state.entries.items():
        _, kind, *rest = address.split(".")
        if len(rest) != 1 or not entry.id:
            continue
        if kind == "jobs" and _job_runs(workspace, entry.id):
            raise Prevented(f"job {entry.id} is running")
        if kind == "pipelines" and _pipeline_runs(workspace, entry.id):
            raise Prevented(f"pipeline {entry.id} is running")


def _job_runs(workspace: Workspace, id: str) -> bool:
    try:
        return bool(active_runs(workspace, int(id)))
    except ApiFailure as failure:
        if failure.is_missing:
            return False
        raise


def _pipeline_runs(workspace: Workspace, id: str) -> bool:
    try:
        state = workspace.get(f"/api/2.0/pipelines/{segment(id)}").get("state")
    except ApiFailure as failure:
        if failure.is_missing:
            return False
        raise
    return state not in AT_REST
