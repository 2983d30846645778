"""The engine of Lakebase: `instances`, `projects` and their `operations`, and what is `shared` in
Unity Catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brickyard.workspace.kernel import Home, Principal, Store, WorkspaceInfo
from brickyard.workspace.lakebase.instances import Instances
from brickyard.workspace.lakebase.operations import Operations
from brickyard.workspace.lakebase.projects import Projects
from brickyard.workspace.lakebase.shared import INSTANCE, Place, Shared

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
        self._workspaces = workspaces
        self.instances = Instances(store, permissions)
        self.projects = Projects(store, permissions)
        self.operations = Operations(store)
        self.shared = Shared(catalog, self._use_database)

    def start(self) -> None:
        """Forget what is past its time."""
        self.operations.forget_old(self._workspaces)
        self.projects.purge_old(self._workspaces)

    def stop(self) -> None:
        """Nothing to stop."""

    def _use_database(
        self, principal: Principal, workspace: WorkspaceInfo, place: Place, makes_missing: bool
    ) -> None:
        homes = self.instances if place.kind == INSTANCE else self.projects
        homes.use_database(
            principal, workspace, place.home, place.database, makes_missing=makes_missing
        )
