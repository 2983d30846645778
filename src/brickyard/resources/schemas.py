"""Unity Catalog schemas. Their id is the full name; deleting one takes everything inside along."""

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

BASE: Final = "/api/2.1/unity-catalog/schemas"
SETTABLE: Final = (
    "comment",
    "properties",
    "custom_max_retention_hours",
)
MANAGED: Final = "properties['unity.catalog.managed.*']"

SCHEMAS: Final = ResourceType(
    key="schemas",
    title="Schema",
    service="schemas",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=BASE + "/{id}"),
    update=(Call(method="PATCH", path=BASE + "/{id}", fields=SETTABLE),),
    delete=Call(method="DELETE", path=BASE + "/{id}", query={"force": "true"}),
    id=lambda sent, got: str(got["full_name"]),
    chosen_id="{catalog_name}.{name}",
    fields=(
        Field("name", On.ID, "a rename would leave grants and readers behind"),
        Field("catalog_name", On.ID, "a schema cannot move between catalogs"),
        Field("storage_root", On.SLASH, "the catalog strips trailing slashes"),
        Field("storage_root", On.RECREATE, "fixed at creation"),
        Field(MANAGED, On.SERVER_DEFAULT, "the catalog adds managed defaults"),
    ),
    parents={"catalog_name": "catalogs.name"},
    required=("name", "catalog_name"),
    url="explore/data/{id_path}",
    prefix=Prefix.NORMALISED,
    loses_data="all tables, views, functions, models and managed volumes in the schema",
    securable="schema",
)
