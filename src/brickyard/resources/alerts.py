"""SQL alerts, version 2. Updated as a whole, deleted for good."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    LOCAL,
    Call,
    Field,
    Lookup,
    On,
    Prefix,
    Read,
    ResourceType,
)

BASE: Final = "/api/2.0/alerts"
ONE: Final = BASE + "/{id}"
ANSWERS: Final = (
    "create_time",
    "effective_run_as",
    "evaluation.last_evaluated_at",
    "evaluation.state",
    "id",
    "lifecycle_state",
    "owner_user_name",
    "update_time",
)

ALERTS: Final = ResourceType(
    key="alerts",
    title="Alert",
    service="alerts_v2",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE, is_gone=lambda got: got.get("lifecycle_state") == "DELETED"),
    update=(Call(method="PATCH", path=ONE, fields=None, query={"update_mask": "*"}),),
    delete=Call(method="DELETE", path=ONE, query={"purge": "true"}),
    id=lambda sent, got: str(got["id"]),
    lookup=Lookup(
        path=BASE,
        items="alerts",
        id="id",
        name="display_name",
        also=("parent_path",),
        file="{parent_path}/{display_name}.dbalert.json",
    ),
    fields=tuple(Field(name, On.OUTPUT_ONLY, "set by the service") for name in ANSWERS),
    required=("display_name", "evaluation", "query_text", "schedule", "warehouse_id"),
    local=(*LOCAL, "file_path"),
    folder_field="parent_path",
    url="sql/alerts-v2/{id}",
    name_field="display_name",
    prefix=Prefix.PLAIN,
    permissions="/alertsv2/",
)
