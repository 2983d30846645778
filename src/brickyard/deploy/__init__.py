"""Deploying bundles: project, plan, apply, run, destroy, against any workspace.

project = open_project("path/to/bundle", "dev")
plan = make_plan(project)
deployed = apply_plan(project, plan)
result = run_job(project, "nightly", {"date": "2026-01-01"})
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from brickyard.deploy.apply import Event
    from brickyard.deploy.deployment import AT_LOCK, Deployed, apply_plan, destroy
    from brickyard.deploy.disk import find_root
    from brickyard.deploy.embedded import NotRunning
    from brickyard.deploy.hooks import HookFailed
    from brickyard.deploy.http import ApiFailure, Unreachable, Workspace
    from brickyard.deploy.job_runs import RunResult, Step
    from brickyard.deploy.lock import Locked
    from brickyard.deploy.may_deploy import NoFolder
    from brickyard.deploy.plan import Action, Plan
    from brickyard.deploy.plan_file import read_plan, write_plan
    from brickyard.deploy.planning import make_plan
    from brickyard.deploy.project import (
        BrokenBundle,
        Project,
        connect_project,
        load_project,
        open_project,
    )
    from brickyard.deploy.run import RunRefused, find_runnable
    from brickyard.deploy.running import await_others, run_job
    from brickyard.deploy.sources import source_paths
    from brickyard.deploy.world_errors import WORLD_ERRORS

# Name -> module. They are imported when they are asked for: `validate` needs few of the thirty
# modules, and its start is what people wait for.
HOMES: Final[Mapping[str, str]] = {
    "AT_LOCK": "deployment",
    "Action": "plan",
    "ApiFailure": "http",
    "BrokenBundle": "project",
    "Deployed": "deployment",
    "Event": "apply",
    "Locked": "lock",
    "NoFolder": "may_deploy",
    "HookFailed": "hooks",
    "NotRunning": "embedded",
    "Plan": "plan",
    "Project": "project",
    "RunRefused": "run",
    "RunResult": "job_runs",
    "Step": "job_runs",
    "Unreachable": "http",
    "WORLD_ERRORS": "world_errors",
    "Workspace": "http",
    "apply_plan": "deployment",
    "await_others": "running",
    "connect_project": "project",
    "destroy": "deployment",
    "find_root": "disk",
    "find_runnable": "run",
    "load_project": "project",
    "make_plan": "planning",
    "open_project": "project",
    "read_plan": "plan_file",
    "run_job": "running",
    "source_paths": "sources",
    "write_plan": "plan_file",
}

__all__ = [
    "AT_LOCK",
    "WORLD_ERRORS",
    "Action",
    "ApiFailure",
    "BrokenBundle",
    "Deployed",
    "Event",
    "HookFailed",
    "Locked",
    "NoFolder",
    "NotRunning",
    "Plan",
    "Project",
    "RunRefused",
    "RunResult",
    "Step",
    "Unreachable",
    "Workspace",
    "apply_plan",
    "await_others",
    "connect_project",
    "destroy",
    "find_root",
    "find_runnable",
    "load_project",
    "make_plan",
    "open_project",
    "read_plan",
    "run_job",
    "source_paths",
    "write_plan",
]


def __getattr__(name: str) -> Any:
    """PEP 562: a name of the room, from the module where it lives."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    globals()[name] = found
    return found
