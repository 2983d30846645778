"""All-purpose clusters. Always started when made; `lifecycle.started` says how they stay.

A running cluster changes its size without a restart (`resize`); every other change is an edit.
"""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import (
    LOCAL,
    Call,
    Field,
    Json,
    Lookup,
    On,
    Power,
    Prefix,
    Read,
    ResourceType,
    Tags,
    Wait,
)

BASE: Final = "/api/2.1/clusters"
# Two words of the API for one mode: what is asked for, and what is answered.
ALIASES: Final = {
    "DATA_SECURITY_MODE_STANDARD": ("USER_ISOLATION",),
    "DATA_SECURITY_MODE_DEDICATED": ("SINGLE_USER",),
    "DATA_SECURITY_MODE_AUTO": ("SINGLE_USER", "USER_ISOLATION"),
}
CLOUDS: Final = ("aws_attributes", "azure_attributes", "gcp_attributes")
STATES: Final = {"RUNNING": True, "TERMINATED": False}
WAIT: Final = Wait(
    path=BASE + "/get?cluster_id={id}",
    ready={"state": ("RUNNING",)},
    failed={"state": ("ERROR", "TERMINATED")},
    message="state_message",
    timeout_s=30 * 60,
)
OFF: Final = Wait(
    path=BASE + "/get?cluster_id={id}",
    ready={"state": ("TERMINATED",)},
    failed={"state": ("ERROR",)},
    message="state_message",
    timeout_s=30 * 60,
)


def size_or_alias(
    path: str, old: object, new: object, remote: object, record: Json
) -> tuple[str, str] | None:
    """Another word for the same mode is no change; a size is changed without a restart."""
    top = path.split(".", maxsplit=1)[0]
    if top == "data_security_mode" and old == new and remote in ALIASES.get(str(new), ()):
        return "skip", "alias"
    if top in ("num_workers", "autoscale") and record.get("state") == "RUNNING":
        return "resize", "custom"
    return None


def request(desired: Json, recorded: Json, id: str) -> Json:
    """The whole configuration. Without a word about its size, a cluster has no workers."""
    body = {name: value for name, value in desired.items() if name not in (*LOCAL, "lifecycle")}
    if not body.get("autoscale"):
        body.setdefault("num_workers", 0)
    return {**body, **({"cluster_id": id} if id else {})}


def with_policy_flag(got: Json) -> Json:
    """`apply_policy_default_values` is only in the part that repeats the request."""
    flag = (got.get("spec") or {}).get("apply_policy_default_values")
    return {**got, **({"apply_policy_default_values": flag} if flag else {})}


CLUSTERS: Final = ResourceType(
    key="clusters",
    title="Cluster",
    service="clusters",
    create=Call(method="POST", path=BASE + "/create", body=request),
    read=Read(
        path=BASE + "/get",
        query={"cluster_id": "{id}"},
        configuration=with_policy_flag,
        record=with_policy_flag,
    ),
    update=(
        Call(
            method="POST",
            path=BASE + "/edit",
            body=request,
            unless_only=("lifecycle",),
            retry_on="cannot be modified|in an unexpected state|invalid state",
        ),
    ),
    resize=Call(
        method="POST",
        path=BASE + "/resize",
        fields=("num_workers", "autoscale"),
        id_field="cluster_id",
    ),
    delete=Call(method="POST", path=BASE + "/permanent-delete", id_field="cluster_id"),
    id=lambda sent, got: str(got["cluster_id"]),
    lookup=Lookup(
        path=BASE + "/list",
        items="clusters",
        id="cluster_id",
        name="cluster_name",
        query={"page_size": "100", "filter_by.cluster_sources": "API"},  # not those of jobs
    ),
    fields=(
        *(Field(name, On.IGNORE_REMOTE, "the service completes them") for name in CLOUDS),
        Field("lifecycle", On.SERVER_DEFAULT, "started and stopped by people too"),
        Field("enable_elastic_disk", On.SERVER_DEFAULT, "the cloud decides it"),
        Field("enable_local_disk_encryption", On.SERVER_DEFAULT, "the service returns false"),
        Field("node_type_id", On.SERVER_DEFAULT, "the pool or the policy decides it"),
        Field("driver_node_type_id", On.SERVER_DEFAULT, "defaults to the workers' node type"),
        Field("driver_instance_pool_id", On.SERVER_DEFAULT, "defaults to the workers' pool"),
        Field("single_user_name", On.SERVER_DEFAULT, "the creator"),
    ),
    decides=size_or_alias,
    unsent=("lifecycle",),
    power=Power(
        start=Call(method="POST", path=BASE + "/start", id_field="cluster_id", then=WAIT),
        stop=Call(method="POST", path=BASE + "/delete", id_field="cluster_id", then=OFF),
        is_on=lambda got: STATES.get(str(got.get("state"))),
        starts_when_made=True,
    ),
    required=("spark_version",),
    wait=WAIT,
    url="compute/clusters/{id}",
    name_field="cluster_name",
    prefix=Prefix.PLAIN,
    tags=Tags.MAP,
    tags_field="custom_tags",
    cloud_tags=True,
    permissions="/clusters/",
)
