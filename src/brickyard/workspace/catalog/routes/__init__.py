"""Every route of Unity Catalog, one module per noun."""

from __future__ import annotations

from brickyard.workspace.catalog.routes import (
    bindings,
    catalogs,
    connections,
    credentials,
    functions,
    grants,
    locations,
    metastores,
    mlflow_models,
    mlflow_versions,
    models,
    outside,
    schemas,
    secrets,
    tables,
    tags,
    volumes,
)
from brickyard.workspace.kernel import Route

ROUTES: tuple[Route, ...] = (
    *metastores.ROUTES,
    *catalogs.ROUTES,
    *bindings.ROUTES,
    *schemas.ROUTES,
    *secrets.ROUTES,
    *tables.ROUTES,
    *volumes.ROUTES,
    *functions.ROUTES,
    *grants.ROUTES,
    *credentials.ROUTES,
    *locations.ROUTES,
    *connections.ROUTES,
    *outside.ROUTES,
    *models.ROUTES,
    *mlflow_models.ROUTES,
    *mlflow_versions.ROUTES,
    *tags.ROUTES,
)
