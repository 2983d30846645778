"""MLflow for the three workspaces: one server of its own, isolated by MLflow's workspaces.

Each of our workspaces is one of MLflow's: experiments, runs, traces and logged models of one are
unknown in the others. Who may do what with an experiment is kept by the permissions engine, under
the experiment's id.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    invalid,
)
from brickyard.workspace.mlflow.activities import Activities
from brickyard.workspace.mlflow.artifacts import local_path
from brickyard.workspace.mlflow.child import TrackingServer
from brickyard.workspace.mlflow.datasets import Datasets
from brickyard.workspace.mlflow.proxy import Proxy
from brickyard.workspace.mlflow.registered_models import RegisteredModels
from brickyard.workspace.mlflow.reviews import Reviews
from brickyard.workspace.mlflow.scheduled import ScheduledScorers
from brickyard.workspace.mlflow.signing import Signed, Signer
from brickyard.workspace.mlflow.subjects import Owners
from brickyard.workspace.mlflow.webhooks import Webhooks
from brickyard.workspace.permissions.engine import Subject

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND = "experiments"
SIGNED = "/api/2.0/brickyard/artifacts"
GET_EXPERIMENT = "/api/2.0/mlflow/experiments/get"


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
        catalog: CatalogEngine,
    ) -> None:
        self._permissions = permissions
        self._files = files
        self._server = TrackingServer(home, workspaces)
        self.models = RegisteredModels(store, permissions)
        self.activities = Activities(store)
        self.webhooks = Webhooks(store, home, workspaces)
        self.datasets = Datasets(store, catalog)
        self.reviews = Reviews(store)
        self.scheduled = ScheduledScorers(store)
        self.artifacts_root = home.mlflow / "artifacts"
        self.proxy = Proxy(self._server)
        self.owners = Owners(self._ask)
        self.signer = Signer(home.keys / "mlflow-signing")
        self._database = home.mlflow / "mlflow.db"
        files.places.above_experiment = self.above_experiment

    def start(self) -> None:
        """Nothing: MLflow's server starts with the first request that needs it."""

    def stop(self) -> None:
        self.webhooks.stop()
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

    def signed_address(self, workspace: WorkspaceInfo, method: str, path: str) -> str:
        """An address for one use of one artifact, without a token. `path` is below its workspace's
        artifacts.
        """
        token = self.signer.sign(Signed(method=method, workspace=workspace.name, path=path))
        return f"{workspace.url}{SIGNED}?token={token}"

    async def require(
        self, principal: Principal, workspace: WorkspaceInfo, ids: Iterable[str], level: str
    ) -> None:
        """Raise unless the principal has the level on every experiment.

        PERMISSION_DENIED, or RESOURCE_DOES_NOT_EXIST for an experiment that is none. What somebody
        may do with a folder, they may do with the experiments in it.
        """
        for one in ids:
            can = self._permissions.can
            if await asyncio.to_thread(can, principal, workspace, KIND, one, level):
                continue
            found = await self._ask(workspace.name, GET_EXPERIMENT, (("experiment_id", one),))
            name = str(found["experiment"]["name"])
            await asyncio.to_thread(self._require_above, principal, workspace, one, name, level)

    def readable(
        self, principal: Principal, workspace: WorkspaceInfo, named: Mapping[str, str]
    ) -> frozenset[str]:
        """Those experiments (id to name) that the principal may see."""
        above: dict[str, tuple[Subject, ...]] = {}
        seen = set()
        for one, name in named.items():
            folder = _folder(name)
            if folder not in above:
                above[folder] = self._above(workspace, folder)
            if self._permissions.can(principal, workspace, KIND, one, "CAN_READ", above[folder]):
                seen.add(one)
        return frozenset(seen)

    def require_folder(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        """An experiment's name is a workspace path whose folder exists and may be edited."""
        if not name.startswith("/") or name.endswith("/"):
            raise invalid(
                f"Invalid experiment name {name!r}: it must be an absolute path of the workspace, "
                f"for example '/Users/{principal.user_name}/my-experiment'",
            )
        folder = _folder(name)
        self._files.object(workspace, folder)
        nearest, *rest = self._above(workspace, folder)
        may_edit = self._permissions.can(
            principal, workspace, nearest.type, nearest.id, "CAN_EDIT", tuple(rest)
        )
        if not may_edit:
            raise denied(f"{principal.user_name} does not have CAN_EDIT permission on {folder}")

    def own(self, principal: Principal, workspace: WorkspaceInfo, experiment: str) -> None:
        self._permissions.grant_owner(principal, workspace, KIND, experiment)

    def _require_above(
        self, principal: Principal, workspace: WorkspaceInfo, one: str, name: str, level: str
    ) -> None:
        above = self._above(workspace, _folder(name))
        self._permissions.require(principal, workspace, KIND, one, level, above)

    def above_experiment(self, workspace: WorkspaceInfo, one: str) -> tuple[Subject, ...]:
        """The folders that an experiment lies in, nearest first. Asks MLflow's database itself:
        files are served also while its server does not run.
        """
        asked = "SELECT name FROM experiments WHERE experiment_id = ? AND workspace = ?"
        if not one.isdecimal() or not self._database.exists():
            return ()
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute(asked, (int(one), workspace.name)).fetchone()
        return self._above(workspace, _folder(str(found[0]))) if found else ()

    def runs(
        self, experiment: str, *, deleted: bool, since_ms: int, until_ms: int, most: int
    ) -> list[str]:
        """Ids of an experiment's runs by when they began, or were deleted; the oldest first."""
        stage, time = ("deleted", "deleted_time") if deleted else ("active", "start_time")
        asked = (
            f"SELECT run_uuid FROM runs WHERE experiment_id = ? AND lifecycle_stage = ?"
            f" AND {time} BETWEEN ? AND ? ORDER BY {time} LIMIT ?"
        )
        if not experiment.isdecimal() or not self._database.exists():
            return []
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute(asked, (int(experiment), stage, since_ms, until_ms, most))
            return [str(one) for (one,) in found]

    def newest_trace_ms(self, experiment: str) -> int | None:
        """When the newest trace of an experiment began, from MLflow's database."""
        asked = "SELECT max(timestamp_ms) FROM trace_info WHERE experiment_id = ?"
        if not experiment.isdecimal() or not self._database.exists():
            return None
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as database:
            try:
                found = database.execute(asked, (int(experiment),)).fetchone()
            except (
                sqlite3.OperationalError
            ):  # MLflow is about to make its tables, or to change them
                return None
        return int(found[0]) if found and found[0] is not None else None

    def _above(self, workspace: WorkspaceInfo, folder: str) -> tuple[Subject, ...]:
        """A folder and those above it, nearest first; nothing when it is gone."""
        try:
            nearest = str(self._files.object(workspace, folder).id)
        except ApiError:
            return ()
        rest = self._files.ancestors(workspace, nearest) or ()
        return tuple(Subject("directories", str(one)) for one in (nearest, *rest))

    async def _ask(self, workspace: str, path: str, query: tuple[tuple[str, str], ...]) -> Any:
        return (await self.proxy.send(workspace, "GET", path, query=query)).result()

    def _warm(self) -> None:
        try:
            self._server.ensure()
        except ApiError:
            pass


def _folder(name: str) -> str:
    return name.rpartition("/")[0] or "/"
