"""All engines of one metastore, assembled in the order in which they may use each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from brickyard.workspace.agents.engine import AgentsEngine
from brickyard.workspace.alerts.engine import AlertsEngine
from brickyard.workspace.apps.engine import AppsEngine
from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.compute.engine import ComputeEngine
from brickyard.workspace.dashboards.engine import DashboardsEngine
from brickyard.workspace.files.engine import FilesEngine
from brickyard.workspace.functions.engine import FunctionsEngine
from brickyard.workspace.gateway.engine import GatewayEngine
from brickyard.workspace.genie.engine import GenieEngine
from brickyard.workspace.git.engine import GitEngine
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.jobs.engine import JobsEngine
from brickyard.workspace.kernel import Home, Store, WorkspaceInfo
from brickyard.workspace.lakebase.engine import LakebaseEngine
from brickyard.workspace.mlflow.engine import MlflowEngine
from brickyard.workspace.monitors.engine import MonitorsEngine
from brickyard.workspace.permissions.engine import PermissionsEngine
from brickyard.workspace.pipelines.engine import PipelinesEngine
from brickyard.workspace.queries.engine import QueriesEngine
from brickyard.workspace.scoring.engine import ScoringEngine
from brickyard.workspace.secrets.engine import SecretsEngine
from brickyard.workspace.serving.engine import ServingEngine
from brickyard.workspace.spark.engine import SparkEngine
from brickyard.workspace.sql.engine import SqlEngine
from brickyard.workspace.vector_search.engine import VectorSearchEngine


class Engine(Protocol):
    """What the assembly needs of every engine."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    home: Home
    store: Store
    workspaces: Mapping[str, WorkspaceInfo]
    identity: IdentityEngine
    secrets: SecretsEngine
    catalog: CatalogEngine
    files: FilesEngine
    git: GitEngine
    permissions: PermissionsEngine
    compute: ComputeEngine
    spark: SparkEngine
    sql: SqlEngine
    mlflow: MlflowEngine
    serving: ServingEngine
    gateway: GatewayEngine
    agents: AgentsEngine
    apps: AppsEngine
    pipelines: PipelinesEngine
    dashboards: DashboardsEngine
    vector_search: VectorSearchEngine
    functions: FunctionsEngine
    genie: GenieEngine
    lakebase: LakebaseEngine
    alerts: AlertsEngine
    queries: QueriesEngine
    monitors: MonitorsEngine
    scoring: ScoringEngine
    jobs: JobsEngine

    def start(self) -> None:
        """Put defaults in place and let every engine take up its work, lowest first. Quick."""
        for engine in self._in_order():
            engine.start()

    def stop(self) -> None:
        """End gracefully, highest first; what an engine started ends with it."""
        for engine in reversed(self._in_order()):
            engine.stop()

    def _in_order(self) -> tuple[Engine, ...]:
        return (
            self.identity,
            self.secrets,
            self.catalog,
            self.permissions,
            self.files,
            self.git,
            self.compute,
            self.spark,
            self.sql,
            self.mlflow,
            self.serving,
            self.gateway,
            self.agents,
            self.apps,
            self.pipelines,
            self.dashboards,
            self.vector_search,
            self.functions,
            self.genie,
            self.lakebase,
            self.queries,
            self.alerts,
            self.monitors,
            self.scoring,
            self.jobs,
        )
