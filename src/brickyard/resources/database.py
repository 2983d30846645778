"""Lakebase database instances, their catalogs in Unity Catalog, and tables synced into them."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import Call, Field, On, Read, ResourceType, Wait

BASE: Final = "/api/2.0/database"
INSTANCES: Final = BASE + "/instances"
CATALOGS: Final = BASE + "/catalogs"
SYNCED: Final = BASE + "/synced_tables"
INSTANCE_INPUTS: Final = (
    "custom_tags",
    "enable_pg_native_login",
    "enable_readable_secondaries",
    "node_count",
    "parent_instance_ref.lsn",
    "retention_window_in_days",
    "stopped",
    "usage_policy_id",
)
INSTANCE_ANSWERS: Final = (
    "child_instance_refs",
    "creation_time",
    "creator",
    "effective_capacity",
    "effective_custom_tags",
    "effective_enable_pg_native_login",
    "effective_enable_readable_secondaries",
    "effective_node_count",
    "effective_retention_window_in_days",
    "effective_stopped",
    "effective_usage_policy_id",
    "parent_instance_ref.effective_lsn",
    "parent_instance_ref.uid",
    "pg_version",
    "read_only_dns",
    "read_write_dns",
    "state",
    "uid",
)
TABLE_INPUTS: Final = (
    "database_instance_name",
    "logical_database_name",
    "spec.accelerated_sync",
    "spec.create_database_objects_if_missing",
    "spec.existing_pipeline_id",
    "spec.new_pipeline_spec",
)
TABLE_ANSWERS: Final = (
    "data_synchronization_status",
    "effective_database_instance_name",
    "effective_logical_database_name",
    "unity_catalog_provisioning_state",
)

DATABASE_INSTANCES: Final = ResourceType(
    key="database_instances",
    title="Database instance",
    service="database",
    create=Call(method="POST", path=INSTANCES, fields=None),
    read=Read(path=INSTANCES + "/{id}"),
    update=(
        Call(
            method="PATCH",
            path=INSTANCES + "/{id}",
            fields=None,
            query={"update_mask": "*"},
            id_field="uid",
        ),
    ),
    delete=Call(method="DELETE", path=INSTANCES + "/{id}", query={"purge": "true"}),
    id=lambda sent, got: str(got["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "catalogs and tables name it"),
        *(Field(name, On.INPUT_ONLY, "read back as effective_…") for name in INSTANCE_INPUTS),
        *(Field(name, On.OUTPUT_ONLY, "set by the service") for name in INSTANCE_ANSWERS),
        Field("parent_instance_ref", On.RECREATE, "fixed at creation", reason="spec:immutable"),
    ),
    required=("name",),
    wait=Wait(
        path=INSTANCES + "/{id}",
        ready={"state": ("AVAILABLE",)},
        failed={"state": ("FAILED",)},
        timeout_s=20 * 60,
    ),
    url="compute/database-instances/{id}",
    loses_data="all databases of the instance",
    permissions="/database-instances/",
)

DATABASE_CATALOGS: Final = ResourceType(
    key="database_catalogs",
    title="Database catalog",
    service="database",
    create=Call(method="POST", path=CATALOGS, fields=None),
    read=Read(path=CATALOGS + "/{id}"),
    delete=Call(method="DELETE", path=CATALOGS + "/{id}"),
    id=lambda sent, got: str(got["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "the catalog's name in the metastore"),
        Field("create_database_if_not_exists", On.INPUT_ONLY, "says how to create, not what"),
        Field("uid", On.OUTPUT_ONLY, "set by the service"),
        Field("*", On.RECREATE, "no call changes it"),
    ),
    parents={"database_instance_name": "database_instances.name"},
    required=("name", "database_instance_name", "database_name"),
    url="explore/data/{id_path}",
)

SYNCED_DATABASE_TABLES: Final = ResourceType(
    key="synced_database_tables",
    title="Synced database table",
    service="database",
    create=Call(method="POST", path=SYNCED, fields=None),
    read=Read(path=SYNCED + "/{id}"),
    delete=Call(method="DELETE", path=SYNCED + "/{id}"),
    id=lambda sent, got: str(got["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "the table's name in the metastore"),
        *(Field(name, On.INPUT_ONLY, "read back as effective_…") for name in TABLE_INPUTS),
        *(Field(name, On.OUTPUT_ONLY, "set by the service") for name in TABLE_ANSWERS),
        Field("*", On.RECREATE, "no call changes it"),
    ),
    required=("name",),
    url="explore/data/{id}",
    loses_data="the copy of the table in the database instance",
)
