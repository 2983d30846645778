"""Which domains the workspace has, and how their engines are put together.

To add a domain: build its engine here, in the order of use, and list its routes.
"""

from __future__ import annotations

from collections.abc import Mapping

from brickyard.workspace.agents.engine import AgentsEngine
from brickyard.workspace.agents.routes import ROUTES as AGENTS
from brickyard.workspace.alerts.destination_routes import ROUTES as DESTINATIONS
from brickyard.workspace.alerts.engine import AlertsEngine
from brickyard.workspace.alerts.routes import ROUTES as ALERTS
from brickyard.workspace.apps.engine import AppsEngine
from brickyard.workspace.apps.routes import ROUTES as APPS
from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.catalog.routes import ROUTES as CATALOG
from brickyard.workspace.compute.engine import ComputeEngine
from brickyard.workspace.compute.routes import ROUTES as COMPUTE
from brickyard.workspace.dashboards.engine import DashboardsEngine
from brickyard.workspace.dashboards.routes import ROUTES as DASHBOARDS
from brickyard.workspace.engines import Engines
from brickyard.workspace.files.engine import FilesEngine
from brickyard.workspace.files.routes import ROUTES as FILES
from brickyard.workspace.functions.engine import FunctionsEngine
from brickyard.workspace.functions.routes import ROUTES as FUNCTIONS
from brickyard.workspace.gateway.engine import GatewayEngine
from brickyard.workspace.gateway.routes import ROUTES as GATEWAY
from brickyard.workspace.genie.engine import GenieEngine
from brickyard.workspace.genie.routes import ROUTES as GENIE
from brickyard.workspace.git.engine import GitEngine
from brickyard.workspace.git.routes import ROUTES as GIT
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.identity.routes import ROUTES as IDENTITY
from brickyard.workspace.jobs.engine import JobsEngine
from brickyard.workspace.jobs.routes import ROUTES as JOBS
from brickyard.workspace.kernel import Home, Route, Store, WorkspaceInfo
from brickyard.workspace.lakebase.engine import LakebaseEngine
from brickyard.workspace.lakebase.routes import ROUTES as LAKEBASE
from brickyard.workspace.mcp.routes import ROUTES as MCP
from brickyard.workspace.mlflow.engine import MlflowEngine
from brickyard.workspace.mlflow.routes import ROUTES as MLFLOW
from brickyard.workspace.monitors.engine import MonitorsEngine
from brickyard.workspace.monitors.routes import ROUTES as MONITORS
from brickyard.workspace.operations.routes import routes_over
from brickyard.workspace.pages.routes import page_routes
from brickyard.workspace.permissions.engine import PermissionsEngine
from brickyard.workspace.permissions.routes import ROUTES as PERMISSIONS
from brickyard.workspace.pipelines.engine import PipelinesEngine
from brickyard.workspace.pipelines.routes import ROUTES as PIPELINES
from brickyard.workspace.processes import Environments
from brickyard.workspace.processes.user_code import UserCode
from brickyard.workspace.queries.engine import QueriesEngine
from brickyard.workspace.queries.routes import ROUTES as QUERIES
from brickyard.workspace.scoring.engine import ScoringEngine
from brickyard.workspace.secrets.engine import SecretsEngine
from brickyard.workspace.secrets.routes import ROUTES as SECRETS
from brickyard.workspace.serving.engine import ServingEngine
from brickyard.workspace.serving.routes import ROUTES as SERVING
from brickyard.workspace.spark.engine import SparkEngine
from brickyard.workspace.sql.engine import SqlEngine
from brickyard.workspace.sql.routes import ROUTES as SQL
from brickyard.workspace.vector_search.engine import VectorSearchEngine
from brickyard.workspace.vector_search.routes import ROUTES as VECTOR_SEARCH

SERVICES: tuple[Route, ...] = (
    *IDENTITY,
    *SECRETS,
    *CATALOG,
    *FILES,
    *GIT,
    *PERMISSIONS,
    *COMPUTE,
    *SQL,
    *MLFLOW,
    *SERVING,
    *AGENTS,
    *GATEWAY,
    *APPS,
    *PIPELINES,
    *DASHBOARDS,
    *VECTOR_SEARCH,
    *FUNCTIONS,
    *MCP,
    *GENIE,
    *LAKEBASE,
    *QUERIES,
    *ALERTS,
    *DESTINATIONS,
    *MONITORS,
    *JOBS,
)
ROUTES: tuple[Route, ...] = (*SERVICES, *page_routes(SERVICES), *routes_over(SERVICES))


def assemble(home: Home, store: Store, workspaces: Mapping[str, WorkspaceInfo]) -> Engines:
    """Every engine of the metastore, with its defaults in place. Quick: nothing is started."""
    identity = IdentityEngine(store, home, workspaces)
    secrets = SecretsEngine(store, home, workspaces, identity=identity)
    catalog = CatalogEngine(store, home, workspaces, identity=identity)
    permissions = PermissionsEngine(store, home, workspaces, identity=identity)
    files = FilesEngine(
        store, home, workspaces, identity=identity, catalog=catalog, permissions=permissions
    )
    git = GitEngine(
        store, home, workspaces, identity=identity, files=files, permissions=permissions
    )
    compute = ComputeEngine(store, home, workspaces, identity=identity, permissions=permissions)
    spark = SparkEngine(store, home, workspaces, identity=identity, catalog=catalog, files=files)
    sql = SqlEngine(
        store, home, workspaces, identity=identity, permissions=permissions, spark=spark
    )
    mlflow = MlflowEngine(
        store,
        home,
        workspaces,
        identity=identity,
        permissions=permissions,
        files=files,
        catalog=catalog,
    )
    serving = ServingEngine(
        store,
        home,
        workspaces,
        identity=identity,
        secrets=secrets,
        catalog=catalog,
        permissions=permissions,
    )
    gateway = GatewayEngine(
        store,
        home,
        workspaces,
        identity=identity,
        secrets=secrets,
        catalog=catalog,
        permissions=permissions,
        serving=serving,
    )
    code = UserCode(
        home=home,
        identity=identity,
        catalog=catalog,
        files=files,
        spark=spark,
        environments=Environments(home.environments, home=home.root),
    )
    lakebase = LakebaseEngine(store, home, workspaces, catalog=catalog, permissions=permissions)
    apps = AppsEngine(
        store,
        home,
        workspaces,
        identity=identity,
        secrets=secrets,
        catalog=catalog,
        files=files,
        permissions=permissions,
        serving=serving,
        lakebase=lakebase,
    )
    pipelines = PipelinesEngine(
        store,
        home,
        workspaces,
        identity=identity,
        catalog=catalog,
        permissions=permissions,
        code=code,
    )
    dashboards = DashboardsEngine(store, home, workspaces, files=files, permissions=permissions)
    vector_search = VectorSearchEngine(
        store,
        home,
        workspaces,
        identity=identity,
        catalog=catalog,
        permissions=permissions,
        serving=serving,
    )
    functions = FunctionsEngine(
        store,
        home,
        workspaces,
        identity=identity,
        catalog=catalog,
        spark=spark,
        sql=sql,
        serving=serving,
        vector_search=vector_search,
        secrets=secrets,
    )
    genie = GenieEngine(store, home, workspaces, files=files, permissions=permissions)
    monitors = MonitorsEngine(store, home, workspaces, identity=identity, catalog=catalog, sql=sql)
    queries = QueriesEngine(store, identity=identity, files=files, permissions=permissions, sql=sql)
    alerts = AlertsEngine(
        store,
        home,
        workspaces,
        identity=identity,
        files=files,
        permissions=permissions,
        sql=sql,
    )
    jobs = JobsEngine(
        store,
        home,
        workspaces,
        identity=identity,
        secrets=secrets,
        catalog=catalog,
        permissions=permissions,
        sql=sql,
        alerts=alerts,
        queries=queries,
        pipelines=pipelines,
        code=code,
        git=git,
    )
    return Engines(
        home=home,
        store=store,
        workspaces=workspaces,
        identity=identity,
        secrets=secrets,
        catalog=catalog,
        files=files,
        git=git,
        permissions=permissions,
        compute=compute,
        spark=spark,
        sql=sql,
        mlflow=mlflow,
        serving=serving,
        gateway=gateway,
        agents=AgentsEngine(store, serving=serving),
        apps=apps,
        pipelines=pipelines,
        dashboards=dashboards,
        vector_search=vector_search,
        functions=functions,
        genie=genie,
        lakebase=lakebase,
        alerts=alerts,
        queries=queries,
        monitors=monitors,
        scoring=ScoringEngine(home, workspaces, identity=identity, mlflow=mlflow, code=code),
        jobs=jobs,
    )
