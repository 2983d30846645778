"""What can go wrong outside the program; each message is fit to be shown as it is."""

from __future__ import annotations

from brickyard.deploy.apply import StepFailed
from brickyard.deploy.artifacts import BuildFailed
from brickyard.deploy.connect import NoAuthentication
from brickyard.deploy.disk import NoBundle
from brickyard.deploy.embedded import NotRunning
from brickyard.deploy.graph import Cycle
from brickyard.deploy.hooks import HookFailed
from brickyard.deploy.http import ApiFailure, Unreachable
from brickyard.deploy.local_files import SyncConflict
from brickyard.deploy.lock import Locked
from brickyard.deploy.lookups import NoAnswer
from brickyard.deploy.may_deploy import NoFolder
from brickyard.deploy.plan import PlanFault
from brickyard.deploy.plan_file import BadPlan
from brickyard.deploy.planning import NotPlanned, Prevented
from brickyard.deploy.run import RunLost, RunRefused
from brickyard.deploy.state import BadState
from brickyard.deploy.state_store import NotRead

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
    NotPlanned,
    NotRead,
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
