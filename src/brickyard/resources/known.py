"""Every key that may stand under `resources`, what messages call one of its kind, and secrets."""

from __future__ import annotations

from typing import Final

# A field whose name ends so holds a secret as it is; others of its kind refer to a secret scope.
PLAINTEXT: Final = "_plaintext"
TITLES: Final = {
    "alerts": "Alert",
    "apps": "App",
    "catalogs": "Catalog",
    "clusters": "Cluster",
    "dashboards": "Dashboard",
    "database_catalogs": "Database catalog",
    "database_instances": "Database instance",
    "experiments": "Experiment",
    "external_locations": "External location",
    "genie_spaces": "Genie space",
    "instance_pools": "Instance pool",
    "job_runs": "Job run",
    "jobs": "Job",
    "model_serving_endpoints": "Model serving endpoint",
    "models": "Model",
    "pipelines": "Pipeline",
    "postgres_branches": "Postgres branch",
    "postgres_catalogs": "Postgres catalog",
    "postgres_databases": "Postgres database",
    "postgres_endpoints": "Postgres endpoint",
    "postgres_projects": "Postgres project",
    "postgres_roles": "Postgres role",
    "postgres_synced_tables": "Postgres synced table",
    "quality_monitors": "Quality monitor",
    "registered_models": "Registered model",
    "schemas": "Schema",
    "secret_scopes": "Secret scope",
    "secrets": "Secret",
    "sql_warehouses": "SQL warehouse",
    "synced_database_tables": "Synced database table",
    "vector_search_endpoints": "Vector search endpoint",
    "vector_search_indexes": "Vector search index",
    "volumes": "Volume",
}
# What the official `summary` calls several of a kind, where that is not the title with an s.
PLURAL_TITLES: Final = {
    "external_locations": "External Locations",
    "genie_spaces": "Genie Spaces",
    "instance_pools": "Instance Pools",
    "job_runs": "Job Runs",
    "model_serving_endpoints": "Model Serving Endpoints",
    "postgres_branches": "Postgres branches",
    "quality_monitors": "Quality Monitors",
    "registered_models": "Registered Models",
    "secret_scopes": "Secret Scopes",
    "sql_warehouses": "SQL Warehouses",
    "vector_search_endpoints": "Vector Search Endpoints",
    "vector_search_indexes": "Vector Search Indexes",
}


def plural_title(kind: str) -> str:
    """What several resources of a type are called, as in the official `summary`."""
    return PLURAL_TITLES.get(kind) or f"{TITLES[kind]}s"
