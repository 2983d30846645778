"""Instance pools: machines kept ready for clusters."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    Call,
    Field,
    Lookup,
    On,
    Prefix,
    Read,
    ResourceType,
    Tags,
)

BASE: Final = "/api/2.0/instance-pools"
CLOUDS: Final = ("aws_attributes", "azure_attributes", "gcp_attributes")
FIXED: Final = (
    "disk_spec",
    "node_type_flexibility",
    "preloaded_spark_versions",
    "preloaded_docker_images",
)

INSTANCE_POOLS: Final = ResourceType(
    key="instance_pools",
    title="Instance pool",
    service="instance_pools",
    create=Call(method="POST", path=BASE + "/create", fields=None),
    read=Read(path=BASE + "/get", query={"instance_pool_id": "{id}"}),
    update=(
        Call(
            method="POST",
            path=BASE + "/edit",
            fields=(
                "instance_pool_name",
                "node_type_id",
                "min_idle_instances",
                "max_capacity",
                "idle_instance_autotermination_minutes",
                "custom_tags",
                "remote_disk_throughput",
                "total_initial_remote_disk_size",
            ),
            id_field="instance_pool_id",
        ),
    ),
    delete=Call(method="POST", path=BASE + "/delete", id_field="instance_pool_id"),
    id=lambda sent, got: str(got["instance_pool_id"]),
    lookup=Lookup(
        path=BASE + "/list",
        items="instance_pools",
        id="instance_pool_id",
        name="instance_pool_name",
    ),
    fields=(
        *(Field(name, On.IGNORE_REMOTE, "the service completes them") for name in CLOUDS),
        *(Field(name, On.RECREATE, "fixed at creation", reason="-") for name in FIXED),
        Field("enable_elastic_disk", On.SERVER_DEFAULT, "the cloud decides it"),
        Field(
            "idle_instance_autotermination_minutes",
            On.SERVER_DEFAULT,
            "what it is without",
            (60,),
        ),
        Field("max_capacity", On.SERVER_DEFAULT, "the quota decides it"),
    ),
    required=("instance_pool_name", "node_type_id"),
    url="compute/instance-pools/{id}",
    name_field="instance_pool_name",
    prefix=Prefix.PLAIN,
    tags=Tags.MAP,
    tags_field="custom_tags",
    cloud_tags=True,
    permissions="/instance-pools/",
)
