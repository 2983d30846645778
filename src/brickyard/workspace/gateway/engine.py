"""The gateway: every request to a serving endpoint goes through it, whatever is behind one.

It knows who may ask, what is behind each served entity, and sends the request there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brickyard.workspace.gateway import foundation
from brickyard.workspace.gateway.admission import Admission
from brickyard.workspace.gateway.flow import Flow
from brickyard.workspace.kernel import Home, Store, WorkspaceInfo, now_ms

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.secrets.engine import SecretsEngine
    from brickyard.workspace.serving.engine import ServingEngine


class GatewayEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        secrets: SecretsEngine,
        catalog: CatalogEngine,
        permissions: PermissionsEngine,
        serving: ServingEngine,
    ) -> None:
        self._workspaces = workspaces
        self._serving = serving
        self.admission = Admission(store, serving)
        self.flow = Flow(serving)

    def start(self) -> None:
        self._serving.provide(foundation.endpoints(self._workspaces, {}, now_ms()))

    def stop(self) -> None:
        """Nothing runs."""
