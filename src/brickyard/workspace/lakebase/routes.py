"""The routes of Lakebase: the database API, with what it shows in Unity Catalog."""

from __future__ import annotations

from brickyard.workspace.lakebase.instance_routes import ROUTES as INSTANCES
from brickyard.workspace.lakebase.shared_routes import ROUTES as SHARED

ROUTES = (*INSTANCES, *SHARED)
