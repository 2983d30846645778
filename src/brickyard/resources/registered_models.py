"""Models registered in Unity Catalog. Their id is the full name; deleting one deletes its versions.

Aliases belong to releases, not to the bundle: they are neither sent nor compared.
"""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    On,
    Prefix,
    Read,
    ResourceType,
)

BASE: Final = "/api/2.1/unity-catalog/models"
ANSWERS: Final = ("created_at", "created_by", "updated_at", "updated_by")
NAMES: Final = ("name", "catalog_name", "schema_name")
UPDATED: Final = (
    *NAMES,
    *ANSWERS,
    "aliases",
    "browse_only",
    "comment",
    "metastore_id",
    "storage_location",
)
FILLED_IN: Final = ("owner", "full_name", "metastore_id")

REGISTERED_MODELS: Final = ResourceType(
    key="registered_models",
    title="Registered model",
    service="registered_models",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=BASE + "/{id}"),
    update=(Call(method="PATCH", path=BASE + "/{id}", fields=UPDATED),),
    delete=Call(method="DELETE", path=BASE + "/{id}"),
    id=lambda sent, got: str(got["full_name"]),
    chosen_id="{catalog_name}.{schema_name}.{name}",
    fields=(
        Field("name", On.ID, "versions are found by it", reason="terraform_compat"),
        Field("catalog_name", On.ID, "a model cannot move between catalogs"),
        Field("schema_name", On.ID, "a model cannot move between schemas"),
        Field("storage_location", On.SERVER_DEFAULT, "the catalog places managed models"),
        Field("storage_location", On.RECREATE, "fixed at creation"),
        *(Field(name, On.SERVER_DEFAULT, "set by the catalog") for name in FILLED_IN),
        *(
            Field(name, On.IGNORE_REMOTE, "set by the catalog", reason="output_only")
            for name in ANSWERS
        ),
        Field("aliases", On.IGNORE_REMOTE, "releases set them", reason="input_only"),
        Field("browse_only", On.OUTPUT_ONLY, "the caller's own rights"),
    ),
    parents={"catalog_name": "catalogs.name", "schema_name": "schemas.name"},
    required=("name", "catalog_name", "schema_name"),
    url="explore/data/models/{id_path}",
    prefix=Prefix.NORMALISED,
    loses_data="all versions of the model",
    securable="function",
)
