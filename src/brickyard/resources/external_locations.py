"""Unity Catalog external locations. Their id is the name; the metastore can rename them."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import LOCAL, Call, Field, On, Read, ResourceType

BASE: Final = "/api/2.1/unity-catalog/external-locations"
ONE: Final = BASE + "/{id}"
SETTABLE: Final = (
    "comment",
    "credential_name",
    "enable_file_events",
    "encryption_details",
    "fallback",
    "file_event_queue",
    "read_only",
    "skip_validation",
    "url",
)

EXTERNAL_LOCATIONS: Final = ResourceType(
    key="external_locations",
    title="External location",
    service="external_locations",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE),
    update=(Call(method="PATCH", path=ONE, fields=SETTABLE),),
    rename=Call(method="PATCH", path=ONE, fields=(*SETTABLE, "name"), rename={"name": "new_name"}),
    delete=Call(method="DELETE", path=ONE, query={"force": "true"}),
    id=lambda sent, got: str(got["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.RENAME, "the metastore renames external locations in place"),
        *(
            Field(name, On.RECREATE, "fixed at creation")
            for name in ("credential_name", "encryption_details", "file_event_queue")
        ),
        Field("skip_validation", On.NOT_READ, "says how to create, not what"),
        Field("effective_enable_file_events", On.OUTPUT_ONLY, "decided by the metastore"),
        Field("effective_file_event_queue", On.OUTPUT_ONLY, "decided by the metastore"),
    ),
    required=("name", "url", "credential_name"),
    # Here `url` is where the location points to, so it is configuration.
    local=tuple(name for name in LOCAL if name != "url"),
    securable="external_location",
)
