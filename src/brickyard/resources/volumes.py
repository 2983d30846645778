"""Unity Catalog volumes. Their id is the full name; a managed volume takes its files along."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import LOCAL, Call, Field, On, Read, ResourceType

BASE: Final = "/api/2.1/unity-catalog/volumes"

VOLUMES: Final = ResourceType(
    key="volumes",
    title="Volume",
    service="volumes",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=BASE + "/{id}"),
    update=(Call(method="PATCH", path=BASE + "/{id}", fields=("comment",)),),
    rename=Call(
        method="PATCH",
        path=BASE + "/{id}",
        fields=("comment", "name"),
        rename={"name": "new_name"},
    ),
    delete=Call(method="DELETE", path=BASE + "/{id}"),
    id=lambda sent, got: str(got["full_name"]),
    chosen_id="{catalog_name}.{schema_name}.{name}",
    fields=(
        Field("catalog_name", On.ID, "a volume cannot move between catalogs"),
        Field("schema_name", On.ID, "a volume cannot move between schemas"),
        Field("name", On.RENAME, "the catalog renames volumes in place"),
        Field("storage_location", On.SERVER_DEFAULT, "the catalog places managed volumes"),
        Field("storage_location", On.SLASH, "the catalog strips trailing slashes"),
        Field("storage_location", On.RECREATE, "fixed at creation"),
        Field("volume_type", On.RECREATE, "fixed at creation"),
    ),
    parents={"catalog_name": "catalogs.name", "schema_name": "schemas.name"},
    required=("name", "catalog_name", "schema_name", "volume_type"),
    local=(*LOCAL, "volume_path"),
    url="explore/data/volumes/{id_path}",
    loses_data="all files in the volume, if it is a managed one",
    securable="volume",
)
