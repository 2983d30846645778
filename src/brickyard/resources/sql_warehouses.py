"""SQL warehouses. `lifecycle.started` starts and stops them; an edit leaves them running."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Lookup,
    On,
    Power,
    Prefix,
    Read,
    ResourceType,
    Tags,
    Wait,
)

BASE: Final = "/api/2.0/sql/warehouses"
ONE: Final = BASE + "/{id}"
STATES: Final = {"RUNNING": True, "STOPPED": False}
FAILED: Final = {"state": ("DELETED", "DELETING")}
RUNNING: Final = Wait(path=ONE, ready={"state": ("RUNNING",)}, failed=FAILED)
STOPPED: Final = Wait(path=ONE, ready={"state": ("STOPPED",)}, failed=FAILED)
NOT_OURS: Final = ("channel", "tags", "warehouse_type", "min_num_clusters")

SQL_WAREHOUSES: Final = ResourceType(
    key="sql_warehouses",
    title="SQL warehouse",
    service="warehouses",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE),
    update=(Call(method="POST", path=ONE + "/edit", fields=None, unless_only=("lifecycle",)),),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(got["id"]),
    lookup=Lookup(path=BASE, items="warehouses", id="id", name="name"),
    fields=(
        *(Field(name, On.IGNORE_REMOTE, "the service completes them") for name in NOT_OURS),
        Field("creator_name", On.OUTPUT_ONLY, "who made it", reason="output_only"),
        Field("lifecycle", On.SERVER_DEFAULT, "started and stopped by people too"),
        Field("enable_serverless_compute", On.SERVER_DEFAULT, "the workspace decides it"),
    ),
    unsent=("lifecycle",),
    power=Power(
        start=Call(method="POST", path=ONE + "/start", then=RUNNING),
        stop=Call(method="POST", path=ONE + "/stop", then=STOPPED),
        is_on=lambda got: STATES.get(str(got.get("state"))),
        starts_when_made=True,
        edit_starts=True,
    ),
    url="sql/warehouses/{id}",
    prefix=Prefix.PLAIN,
    tags=Tags.LIST,
    tags_field="tags.custom_tags",
    cloud_tags=True,
    permissions="/sql/warehouses/",
)
