"""MLflow's own tracking server, as the one child process that all workspaces share.

Run as `python -m brickyard.workspace.mlflow.tracking_server`, with its settings in the environment
(`settings` of `child.py`). Follows `mlflow.server` of MLflow 3.17 and sets four things which its
command line has no option for, so that clients with `tracking_uri="databricks"` find what they
expect; `tests/conformance/mlflow` holds the contract for each MLflow version:

- artifact locations have the form `dbfs:/databricks/mlflow-tracking/<experiment>/<run>/artifacts`
  (`logged_models/<model>`, `<trace>` beside the runs), which such clients map to our Files API;
- the server itself reads that form from the local artifact folder of the request's workspace;
- an experiment may name its own artifact location although MLflow's workspaces are enabled;
- it answers on a unix socket, to callers that know a secret.

Left out: jobs, the gateway and MLflow's own authentication; the routes in front do the latter.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Any

ARTIFACT_ROOT = "dbfs:/databricks/mlflow-tracking"
SECRET_HEADER = "x-brickyard-secret"


def main() -> None:
    database, socket = (
        os.environ["BRICKYARD_MLFLOW_DATABASE"],
        os.environ["BRICKYARD_MLFLOW_SOCKET"],
    )
    secret = os.environ.pop("BRICKYARD_MLFLOW_SECRET")
    names = os.environ["BRICKYARD_MLFLOW_WORKSPACES"].split(",")
    uri = f"sqlite:///{database}"
    # Read by `mlflow.server` when it is imported.
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = uri
    os.environ["_MLFLOW_SERVER_REGISTRY_STORE"] = uri
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = ARTIFACT_ROOT
    _use_databricks_locations()
    _open_stores(uri, names)
    _serve(socket, secret)


def _use_databricks_locations() -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

    from brickyard.workspace.kernel import ApiError
    from brickyard.workspace.mlflow.artifacts import local_path

    SqlAlchemyStore.MODELS_FOLDER_NAME = "logged_models"
    SqlAlchemyStore.TRACE_FOLDER_NAME = ""
    WorkspaceAwareSqlAlchemyStore.create_experiment = SqlAlchemyStore.create_experiment
    root = Path(os.environ["BRICKYARD_MLFLOW_ARTIFACTS"])

    def repository(artifact_uri: str, *args: Any, **kwargs: Any) -> Any:
        from mlflow.utils.workspace_context import get_request_workspace

        try:
            folder = local_path(root, get_request_workspace() or "", artifact_uri)
        except ApiError as fault:
            raise MlflowException.invalid_parameter_value(fault.message) from None
        return LocalArtifactRepository(folder.as_uri())

    _artifact_repository_registry.register("dbfs", repository)


def _open_stores(uri: str, names: list[str]) -> None:
    """Create or upgrade the database, and MLflow's workspaces in it."""
    from mlflow.entities import Workspace
    from mlflow.server import handlers
    from mlflow.server.workspace_helpers import _get_workspace_store

    handlers.initialize_backend_stores(uri, uri, ARTIFACT_ROOT, workspace_store_uri=uri)
    store = _get_workspace_store()
    known = {workspace.name for workspace in store.list_workspaces()}
    for name in names:
        if name not in known:
            store.create_workspace(Workspace(name=name, default_artifact_root=ARTIFACT_ROOT))


def _serve(socket: str, secret: str) -> None:
    import uvicorn
    from mlflow.server.fastapi_app import app

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(SECRET_HEADER.encode(), b"")
            if not hmac.compare_digest(given, secret.encode()):
                await send({"type": "http.response.start", "status": 403, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await app(scope, receive, send)

    uvicorn.run(
        guarded,
        uds=socket,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=3600,  # the callers close idle connections
    )


if __name__ == "__main__":
    main()
