"""The engine of Lakebase: `instances` with their roles, and what is `shared` in Unity Catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brickyard.workspace.kernel import Home, Principal, Store, WorkspaceInfo
from brickyard.workspace.lakebase.instances import Instances
from brickyard.workspace.lakebase.shared import Place, Shared

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine


class LakebaseEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self.instances = Instances(store, permissions)
        self.shared = Shared(catalog, self._use_database)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def _use_database(
        self, principal: Principal, workspace: WorkspaceInfo, place: Place, makes_missing: bool
    ) -> None:
        self.instances.use_database(
            principal, workspace, place.home, place.database, makes_missing=makes_missing
        )
