"""Quality monitors of tables (Lakehouse Monitoring). Their id is the table's full name."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import Call, Field, On, Read, ResourceType

ONE: Final = "/api/2.1/unity-catalog/tables/{id}/monitor"
SETTABLE: Final = (
    "baseline_table_name",
    "custom_metrics",
    "data_classification_config",
    "inference_log",
    "notifications",
    "output_schema_name",
    "schedule",
    "slicing_exprs",
    "snapshot",
    "time_series",
)

QUALITY_MONITORS: Final = ResourceType(
    key="quality_monitors",
    title="Quality monitor",
    service="quality_monitors",
    waits_for=(
        "It watches a table that is not there yet: run what makes it, then deploy again; the rest"
        " is deployed. A release does both (rollout in brickyard.yml)"
    ),
    create=Call(
        method="POST",
        path="/api/2.1/unity-catalog/tables/{table_name}/monitor",
        fields=(
            *SETTABLE,
            "assets_dir",
            "latest_monitor_failure_msg",
            "skip_builtin_dashboard",
            "warehouse_id",
        ),
    ),
    read=Read(path=ONE),
    update=(Call(method="PUT", path=ONE, fields=SETTABLE),),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(got["table_name"]),
    chosen_id="{table_name}",
    fields=(
        Field("table_name", On.ID, "a monitor belongs to its table"),
        Field("assets_dir", On.RECREATE, "fixed at creation"),
        Field("skip_builtin_dashboard", On.NOT_READ, "says how to create, not what"),
        Field("warehouse_id", On.NOT_READ, "says how to create, not what"),
    ),
    required=("table_name", "assets_dir", "output_schema_name"),
    name_field="table_name",
    url="explore/data/{id_path}",
)
