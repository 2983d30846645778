"""Deploying bundles: project, plan, apply, run, destroy, against any workspace.

project = open_project("path/to/bundle", "dev")
plan = make_plan(project)
deployed = apply_plan(project, plan)
result = run_job(project, "nightly", {"date": "2026-01-01"})
"""

from brickyard.deploy.apply import Event, StepFailed
from brickyard.deploy.artifacts import BuildFailed
from brickyard.deploy.connect import NoAuthentication
from brickyard.deploy.deployment import Deployed, apply_plan, destroy
from brickyard.deploy.disk import NoBundle, find_root
from brickyard.deploy.embedded import NotRunning
from brickyard.deploy.graph import Cycle
from brickyard.deploy.hooks import HookFailed
from brickyard.deploy.http import ApiFailure, Unreachable, Workspace
from brickyard.deploy.job_runs import RunResult, Step
from brickyard.deploy.lock import Locked
from brickyard.deploy.lookups import NoAnswer
from brickyard.deploy.may_deploy import NoFolder
from brickyard.deploy.plan import Action, Plan, PlanFault
from brickyard.deploy.plan_file import BadPlan, read_plan, write_plan
from brickyard.deploy.planning import Prevented, make_plan
from brickyard.deploy.project import (
    BrokenBundle,
    Project,
    connect_project,
    load_project,
    open_project,
)
from brickyard.deploy.run import RunLost, RunRefused, find_runnable
from brickyard.deploy.running import await_others, run_job
from brickyard.deploy.sources import source_paths
from brickyard.deploy.state import BadState
from brickyard.deploy.sync import SyncConflict

# What can go wrong outside the program; each message is fit to be shown as it is.
WORLD_ERRORS: tuple[type[Exception], ...] = (
    ApiFailure,
    BadPlan,
    BadState,
    BuildFailed,
    Cycle,
    HookFailed,
    Locked,
    NoAnswer,
    NoAuthentication,
    NoBundle,
    NoFolder,
    NotRunning,
    OSError,
    PlanFault,
    Prevented,
    RunLost,
    RunRefused,
    StepFailed,
    SyncConflict,
    Unreachable,
)

__all__ = [
    "WORLD_ERRORS",
    "Action",
    "ApiFailure",
    "BrokenBundle",
    "Deployed",
    "Event",
    "NotRunning",
    "Plan",
    "Project",
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
