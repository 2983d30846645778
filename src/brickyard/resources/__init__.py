"""One declaration per resource type: REST calls, id, field behaviours, waits, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from brickyard.resources.access import ACCESS, PRINCIPALS, principal_of, rank_of
from brickyard.resources.alerts import ALERTS
from brickyard.resources.apps import APPS
from brickyard.resources.catalogs import CATALOGS
from brickyard.resources.catalogue import Catalogue, catalogue
from brickyard.resources.clusters import CLUSTERS
from brickyard.resources.dashboards import DASHBOARDS
from brickyard.resources.database import (
    DATABASE_CATALOGS,
    DATABASE_INSTANCES,
    SYNCED_DATABASE_TABLES,
)
from brickyard.resources.declaration import (
    AccessType,
    Call,
    Field,
    Json,
    Lookup,
    On,
    Power,
    Prefix,
    Read,
    ResourceType,
    Tags,
    Wait,
)
from brickyard.resources.experiments import EXPERIMENTS
from brickyard.resources.external_locations import EXTERNAL_LOCATIONS
from brickyard.resources.genie_spaces import GENIE_SPACES
from brickyard.resources.instance_pools import INSTANCE_POOLS
from brickyard.resources.job_runs import JOB_RUNS
from brickyard.resources.jobs import JOBS
from brickyard.resources.known import PLAINTEXT, TITLES, plural_title
from brickyard.resources.model_serving_endpoints import MODEL_SERVING_ENDPOINTS
from brickyard.resources.models import MODELS
from brickyard.resources.pipelines import PIPELINES
from brickyard.resources.postgres import (
    POSTGRES_BRANCHES,
    POSTGRES_CATALOGS,
    POSTGRES_DATABASES,
    POSTGRES_ENDPOINTS,
    POSTGRES_PROJECTS,
    POSTGRES_ROLES,
    POSTGRES_SYNCED_TABLES,
)
from brickyard.resources.quality_monitors import QUALITY_MONITORS
from brickyard.resources.registered_models import REGISTERED_MODELS
from brickyard.resources.schemas import SCHEMAS
from brickyard.resources.secret_scopes import SECRET_SCOPES
from brickyard.resources.secrets import SECRETS
from brickyard.resources.sql_warehouses import SQL_WAREHOUSES
from brickyard.resources.vector_search_endpoints import VECTOR_SEARCH_ENDPOINTS
from brickyard.resources.vector_search_indexes import VECTOR_SEARCH_INDEXES
from brickyard.resources.volumes import VOLUMES

# Every type that a bundle may declare.
TYPES: Final[Mapping[str, ResourceType]] = {
    kind.key: kind
    for kind in (
        ALERTS,
        APPS,
        CATALOGS,
        CLUSTERS,
        DASHBOARDS,
        DATABASE_CATALOGS,
        DATABASE_INSTANCES,
        EXPERIMENTS,
        EXTERNAL_LOCATIONS,
        GENIE_SPACES,
        INSTANCE_POOLS,
        JOBS,
        JOB_RUNS,
        MODELS,
        MODEL_SERVING_ENDPOINTS,
        PIPELINES,
        POSTGRES_BRANCHES,
        POSTGRES_CATALOGS,
        POSTGRES_DATABASES,
        POSTGRES_ENDPOINTS,
        POSTGRES_PROJECTS,
        POSTGRES_ROLES,
        POSTGRES_SYNCED_TABLES,
        QUALITY_MONITORS,
        REGISTERED_MODELS,
        SCHEMAS,
        SECRETS,
        SECRET_SCOPES,
        SQL_WAREHOUSES,
        SYNCED_DATABASE_TABLES,
        VECTOR_SEARCH_ENDPOINTS,
        VECTOR_SEARCH_INDEXES,
        VOLUMES,
    )
}

__all__ = [
    "ACCESS",
    "PLAINTEXT",
    "PRINCIPALS",
    "TITLES",
    "TYPES",
    "AccessType",
    "Call",
    "Catalogue",
    "Field",
    "Json",
    "Lookup",
    "On",
    "Power",
    "Prefix",
    "Read",
    "ResourceType",
    "Tags",
    "Wait",
    "catalogue",
    "plural_title",
    "principal_of",
    "rank_of",
]
