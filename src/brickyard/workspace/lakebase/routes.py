"""The routes of Lakebase: the database API (instances) and what belongs to it."""

from __future__ import annotations

from brickyard.workspace.lakebase.instance_routes import ROUTES as INSTANCES

ROUTES = (*INSTANCES,)
