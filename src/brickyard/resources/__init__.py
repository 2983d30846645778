"""One declaration per resource type: REST calls, id, field behaviours, waits, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from brickyard.resources.access import ACCESS
from brickyard.resources.catalogue import Catalogue, catalogue
from brickyard.resources.declaration import (
    AccessType,
    Call,
    Field,
    Json,
    On,
    Prefix,
    Read,
    ResourceType,
    Tags,
    Wait,
)
from brickyard.resources.experiments import EXPERIMENTS
from brickyard.resources.jobs import JOBS
from brickyard.resources.known import TITLES
from brickyard.resources.model_serving_endpoints import MODEL_SERVING_ENDPOINTS
from brickyard.resources.registered_models import REGISTERED_MODELS
from brickyard.resources.schemas import SCHEMAS
from brickyard.resources.volumes import VOLUMES

# The types that can be deployed. `TITLES` names all that may be declared.
TYPES: Final[Mapping[str, ResourceType]] = {
    kind.key: kind
    for kind in (
        JOBS,
        SCHEMAS,
        VOLUMES,
        EXPERIMENTS,
        REGISTERED_MODELS,
        MODEL_SERVING_ENDPOINTS,
    )
}

__all__ = [
    "ACCESS",
    "TITLES",
    "TYPES",
    "AccessType",
    "Call",
    "Catalogue",
    "Field",
    "Json",
    "On",
    "Prefix",
    "Read",
    "ResourceType",
    "Tags",
    "Wait",
    "catalogue",
]
