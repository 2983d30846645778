"""Unity Catalog catalogs. Their id is the name; the metastore can rename them in place."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import Call, Field, On, Read, ResourceType

BASE: Final = "/api/2.1/unity-catalog/catalogs"
ONE: Final = BASE + "/{id}"
SETTABLE: Final = (
    "comment",
    "custom_max_retention_hours",
    "managed_encryption_settings",
    "options",
    "properties",
)

CATALOGS: Final = ResourceType(
    key="catalogs",
    title="Catalog",
    service="catalogs",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE),
    update=(Call(method="PATCH", path=ONE, fields=SETTABLE),),
    rename=Call(method="PATCH", path=ONE, fields=(*SETTABLE, "name"), rename={"name": "new_name"}),
    delete=Call(method="DELETE", path=ONE, query={"force": "true"}),
    id=lambda sent, got: str(got["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.RENAME, "the metastore renames catalogs in place"),
        *(
            Field(name, On.RECREATE, "fixed at creation")
            for name in ("storage_root", "connection_name", "provider_name", "share_name")
        ),
        Field(
            "properties['unity.catalog.managed.*']",
            On.SERVER_DEFAULT,
            "the metastore adds managed defaults",
        ),
    ),
    required=("name",),
    url="explore/data/{id_path}",
    loses_data="all schemas, tables, volumes and models in the catalog",
    securable="catalog",
)
