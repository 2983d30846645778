"""The routes of Lakebase: the database API, the Postgres API, what both show in Unity Catalog."""

from __future__ import annotations

from brickyard.workspace.lakebase.instance_routes import ROUTES as INSTANCES
from brickyard.workspace.lakebase.postgres_routes import ROUTES as POSTGRES
from brickyard.workspace.lakebase.shared_routes import ROUTES as SHARED

ROUTES = (*INSTANCES, *SHARED, *POSTGRES)
