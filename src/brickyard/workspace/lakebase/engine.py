"""The engine of Lakebase: `instances` with their roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brickyard.workspace.kernel import Home, Store, WorkspaceInfo
from brickyard.workspace.lakebase.instances import Instances

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

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""
