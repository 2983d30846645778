"""Models of the workspace registry, the one before Unity Catalog. Their id is the name."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Json,
    On,
    Prefix,
    Read,
    ResourceType,
    Tags,
)

BASE: Final = "/api/2.0/mlflow/registered-models"


def model_of(got: Json) -> Json:
    """The model inside an answer of registered-models/get; its number is `model_id` too."""
    found = dict(got.get("registered_model_databricks") or {})
    return found | ({"model_id": found["id"]} if found.get("id") else {})


MODELS: Final = ResourceType(
    key="models",
    title="Model",
    service="model_registry",
    create=Call(method="POST", path=BASE + "/create", fields=None),
    read=Read(
        path="/api/2.0/mlflow/databricks/registered-models/get",
        query={"name": "{id}"},
        configuration=model_of,
        record=model_of,
    ),
    update=(Call(method="PATCH", path=BASE + "/update", fields=("description",), id_field="name"),),
    delete=Call(method="DELETE", path=BASE + "/delete", query={"name": "{id}"}),
    id=lambda sent, got: str(got["registered_model"]["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "versions are found by it", reason="terraform_compat"),
        Field("tags", On.IGNORE_LOCAL, "no call replaces them", reason="terraform_compat"),
        Field("tags", On.IGNORE_REMOTE, "others add tags of theirs", reason="terraform_compat"),
    ),
    required=("name",),
    url="ml/models/{id}",
    prefix=Prefix.PLAIN,
    tags=Tags.LIST,
    loses_data="all versions of the model",
    permissions="/registered-models/",
    permissions_id="model_id",
)
