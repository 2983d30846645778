"""How the workspace starts any child process: tasks, Spark engines, model scorers, MLflow.

`start(Launch(...)) -> Child` runs a program under a supervisor, in a mount view (`Mounts`) that
the kernel enforces where it can (`enforcement()` says). `Environments` keeps Python environments
by requirement; a `WarmPool` starts children whose imports are already done.
"""

from brickyard.workspace.processes.child import Child, Launch, Limits, has_own_ports, start
from brickyard.workspace.processes.environments import Environments, UnresolvedEnvironment
from brickyard.workspace.processes.mounts import (
    CatalogView,
    Enforcement,
    Mounts,
    VolumeMount,
    enforcement,
)
from brickyard.workspace.processes.warm_pool import WarmChild, WarmPool

__all__ = [
    "CatalogView",
    "Child",
    "Enforcement",
    "Environments",
    "Launch",
    "Limits",
    "Mounts",
    "UnresolvedEnvironment",
    "VolumeMount",
    "WarmChild",
    "WarmPool",
    "enforcement",
    "has_own_ports",
    "start",
]
