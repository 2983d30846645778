"""The metastore as catalog.MetastoresAPI of the SDK reads it: one, for all three workspaces."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.catalog.metastore import ID, NAME, REGION
from brickyard.workspace.kernel import Call, Json, Route, not_found

BASE = "/api/2.1/unity-catalog"


def assignment(call: Call) -> Json:
    return {
        "metastore_id": ID,
        "workspace_id": call.workspace.id,
        "default_catalog_name": call.workspace.catalog,
    }


def summary(call: Call) -> Json:
    root = call.engines.catalog.metastore.root()
    return {
        "metastore_id": ID,
        "global_metastore_id": f"local:{REGION}:{ID}",
        "name": NAME,
        "cloud": "local",
        "region": REGION,
        "owner": root.owner,
        "privilege_model_version": "1.0",
        "storage_root": call.engines.catalog.metastore.home.catalogs.as_uri(),
        "created_at": root.created_at,
        "created_by": root.created_by,
        "updated_at": root.updated_at,
        "updated_by": root.updated_by,
    }


def browse(call: Call) -> Json:
    return {"metastores": [summary(call)]}


def fetch(call: Call) -> Any:
    if call.path["id"] != ID:
        raise not_found(
            f"Metastore '{call.path['id']}' does not exist.", "METASTORE_DOES_NOT_EXIST"
        )
    return summary(call)


ROUTES = (
    Route("GET", BASE + "/current-metastore-assignment", assignment),
    Route("GET", BASE + "/metastore_summary", summary),
    Route("GET", BASE + "/metastores", browse),
    Route("GET", BASE + "/metastores/{id}", fetch),
)
