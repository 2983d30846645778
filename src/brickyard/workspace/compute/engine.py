"""The engine of compute: clusters with their libraries, the pools and policies they name.

All of it is virtual: what a bundle, a job or a client asks for is kept, checked and shown, and
tasks run on this machine whatever it says (docs/decisions/0014-…).
"""

from __future__ import annotations

from collections.abc import Mapping

from brickyard.workspace.compute.clusters import Clusters
from brickyard.workspace.compute.policies import Policies
from brickyard.workspace.compute.pools import Pools
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.kernel import Home, Store, WorkspaceInfo
from brickyard.workspace.permissions.engine import PermissionsEngine


class ComputeEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self.pools = Pools(store, identity, permissions)
        self.policies = Policies(store, permissions)
        self.clusters = Clusters(store, identity, permissions, self.pools, self.policies)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing runs."""
