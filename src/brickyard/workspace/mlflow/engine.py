"""MLflow for the three workspaces: one server of its own, isolated by MLflow's workspaces.

Each of our workspaces is one of MLflow's: experiments, runs, traces and logged models of one are
unknown in the others. Who may do what with an experiment is kept by the permissions engine, under
the experiment's id.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import ApiError, Home, Principal, Store, WorkspaceInfo
from brickyard.workspace.mlflow.artifacts import local_path
from brickyard.workspace.mlflow.child import TrackingServer
from brickyard.workspace.mlflow.proxy import Proxy
from brickyard.workspace.mlflow.signing import Signer
from brickyard.workspace.mlflow.subjects import Owners

if TYPE_CHECKING:
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND = "experiments"


class MlflowEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        permissions: PermissionsEngine,
        files: FilesEngine,
    ) -> None:
        self._permissions = permissions
        self._files = files
        self._server = TrackingServer(home, workspaces)
        self.artifacts_root = home.mlflow / "artifacts"
        self.proxy = Proxy(self._server)
        self.owners = Owners(self._ask)
        self.signer = Signer(home.keys / "mlflow-signing")

    def start(self) -> None:
        """Nothing: MLflow's server starts with the first request that needs it."""

    def stop(self) -> None:
        self.proxy.close()
        self._server.stop()

    def warm(self) -> None:
        """Start MLflow's server in the background. Its failure shows with the first request."""
        threading.Thread(target=self._warm, name="mlflow-warm", daemon=True).start()

    def state(self) -> str:
        return self._server.state()

    def artifact_path(self, workspace: WorkspaceInfo, uri: str) -> Path:
        """The folder or file behind `dbfs:/databricks/mlflow-tracking/...`; it may not exist."""
        return local_path(self.artifacts_root, workspace.name, uri)

    def require(
        self, principal: Principal, workspace: WorkspaceInfo, ids: Iterable[str], level: str
    ) -> None:
        """Raise PERMISSION_DENIED unless the principal has the level on every experiment."""
        for one in ids:
            self._permissions.require(principal, workspace, KIND, one, level)

    async def require_known(self, workspace: WorkspaceInfo, ids: Iterable[str]) -> None:
        """Raise RESOURCE_DOES_NOT_EXIST when one of the experiments does not exist."""
        for one in ids:
            await self._ask(
                workspace.name, "/api/2.0/mlflow/experiments/get", (("experiment_id", one),)
            )

    def readable(
        self, principal: Principal, workspace: WorkspaceInfo, ids: Iterable[str]
    ) -> frozenset[str]:
        """Those experiments that the principal may see."""
        can = self._permissions.can
        return frozenset(one for one in ids if can(principal, workspace, KIND, one, "CAN_READ"))

    def require_folder(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        """An experiment's name is a workspace path whose folder exists and may be edited."""
        parent = name.rpartition("/")[0]
        if not name.startswith("/") or name.endswith("/"):
            raise ApiError(
                "INVALID_PARAMETER_VALUE",
                f"Invalid experiment name {name!r}: it must be an absolute path of the workspace, "
                f"for example '/Users/{principal.user_name}/my-experiment'",
            )
        if parent:
            self._files.object(workspace, parent)

    def own(self, principal: Principal, workspace: WorkspaceInfo, experiment: str) -> None:
        self._permissions.grant_owner(principal, workspace, KIND, experiment)

    async def _ask(self, workspace: str, path: str, query: tuple[tuple[str, str], ...]) -> Any:
        return (await self.proxy.send(workspace, "GET", path, query=query)).result()

    def _warm(self) -> None:
        try:
            self._server.ensure()
        except ApiError:
            pass
