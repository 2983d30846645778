"""How to run a model version: its folder, its environment, what it may see, who it is.

The process acts as the endpoint's creator: its token reaches our own API only, its mounts show what
the creator may read, never to write. Secrets named in `environment_vars` are read at each start.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.kernel import Home, WorkspaceInfo, invalid
from brickyard.workspace.processes import Environments, Mounts
from brickyard.workspace.processes.user_code import with_site
from brickyard.workspace.serving.build_log import BuildLog
from brickyard.workspace.serving.config import Entity
from brickyard.workspace.serving.scorer import Recipe
from brickyard.workspace.serving.user_policy import credentials_file, user_scopes_of

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.kernel import Principal
    from brickyard.workspace.secrets.engine import SecretsEngine

TOKEN_LIFETIME_S = 90 * 24 * 3600
# What nearly every model imports: done once, for all.
MODULES = (
    "uvicorn",
    "uvicorn.protocols.http.httptools_impl",
    "pandas",
    "sklearn",
    "mlflow.pyfunc.scoring_server",
    "mlflow.pyfunc.model",
    "mlflow.sklearn",
    "mlflow.tracing",
    "mlflow.types.agent",
    "mlflow.types.responses",
    "databricks.sdk",
)
SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONUNBUFFERED": "1"}
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TZ")


class Recipes:
    def __init__(
        self,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        secrets: SecretsEngine,
        catalog: CatalogEngine,
    ) -> None:
        self._home = home
        self._workspaces = workspaces
        self._identity = identity
        self._secrets = secrets
        self._catalog = catalog
        self._environments = Environments(home.environments, home=home.root)

    def prepare(
        self, workspace_name: str, entity: Entity, creator: str, folder: Path, log: BuildLog
    ) -> Recipe:
        """Slow when the environment is new. Raises ApiError and UnresolvedEnvironment."""
        workspace = self._workspaces[workspace_name]
        principal = self._identity.principal(creator, workspace.name)
        try:
            model = self._model(principal, workspace, entity)
            python = self.python(model, entity, log)
            given = {
                name: self._secrets.resolve(value, principal, workspace)
                for name, value in entity.environment_vars.items()
            }
        except Exception as fault:
            log.say(f"Failed: {fault}")
            raise
        token = self._identity.issue_token(
            principal,
            workspace.name,
            lifetime_s=TOKEN_LIFETIME_S,
            comment=f"served entity {entity.name}",
        )
        user_scopes = user_scopes_of(model)
        own = credentials_file(folder, token) if user_scopes else {}
        return Recipe(
            python=python,
            model=model,
            environment=with_site(
                {**_inherited(), **_connection(workspace, token), **own, **given}
            ),
            user_scopes=user_scopes,
            mounts=self._mounts(principal, workspace, model, folder),
            concurrency=entity.concurrency,
            memory_bytes=entity.memory_bytes,
            forget=lambda: self._identity.revoke(token),
        )

    def python(self, model: Path, entity: Entity, log: BuildLog) -> Path:
        """The interpreter with the model's requirements."""
        file = model / "requirements.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        shown = Mounts(home=self._home.root, readable=(model,)).shows
        log.begin(f"{entity.entity_name}, version {entity.entity_version}", lines)
        began = time.monotonic()
        python = self._environments.environment(lines, folder=model, shows=shown)
        kind = (
            "the workspace's own" if python == Path(sys.executable) else python.parent.parent.name
        )
        log.say(f"The environment is ready: {kind}, after {time.monotonic() - began:.1f} s")
        return python

    def check(self, principal: Principal, workspace: WorkspaceInfo, entity: Entity) -> None:
        """Raise unless the principal may execute this model version and it has artifacts."""
        self._model(principal, workspace, entity)

    def _model(self, principal: Principal, workspace: WorkspaceInfo, entity: Entity) -> Path:
        name = entity.entity_name
        self._catalog.authorize(principal, workspace, "EXECUTE", "model", name)
        found = self._catalog.model_version(name, entity.entity_version)
        if found.status != "READY":
            raise invalid(f"Version {found.version} of {name} is not ready: {found.status}")
        if not (found.path / "MLmodel").is_file():
            raise invalid(f"Version {found.version} of {name} holds no MLflow model")
        return found.path

    def _mounts(
        self, principal: Principal, workspace: WorkspaceInfo, model: Path, folder: Path
    ) -> Mounts:
        catalogs = self._catalog.mounts(principal, workspace)
        return Mounts(
            home=self._home.root,
            catalogs=tuple(replace(one, mode="ro") for one in catalogs),
            readable=(model, self._home.environments),
            writable=(folder,),
        )


def warm_environment() -> dict[str, str]:
    """What a process that only imports needs to know: nothing of a workspace or a creator."""
    return with_site({**_inherited(), **SETTINGS})


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def _connection(workspace: WorkspaceInfo, token: str) -> dict[str, str]:
    return {
        "DATABRICKS_HOST": workspace.url,
        "DATABRICKS_TOKEN": token,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": "databricks-uc",
        "IS_IN_DB_MODEL_SERVING_ENV": "true",
        **SETTINGS,
    }
