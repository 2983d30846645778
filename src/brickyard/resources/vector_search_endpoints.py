"""Vector search endpoints: where indexes are served. Their id is the name."""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import Call, Field, Json, On, Read, ResourceType, Wait

BASE: Final = "/api/2.0/vector-search/endpoints"
ONE: Final = BASE + "/{id}"


def as_asked(got: Json) -> Json:
    """The endpoint with its number under the name that permissions use, and with the throughput
    that was asked for where configuration has it.
    """
    shown = {**got, "endpoint_uuid": got.get("id", "")}
    qps = (got.get("scaling_info") or {}).get("requested_target_qps")
    return {**shown, "target_qps": qps} if qps else shown


VECTOR_SEARCH_ENDPOINTS: Final = ResourceType(
    key="vector_search_endpoints",
    title="Vector search endpoint",
    service="vector_search_endpoints",
    create=Call(method="POST", path=BASE, fields=None),
    read=Read(path=ONE, record=as_asked, configuration=as_asked),
    update=(
        Call(
            method="PATCH",
            path=ONE + "/budget-policy",
            fields=("budget_policy_id",),
            when=("budget_policy_id",),
        ),
        Call(method="PATCH", path=ONE, fields=("target_qps",), when=("target_qps",)),
    ),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(sent["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "indexes and clients name it"),
        Field("endpoint_type", On.RECREATE, "fixed at creation"),
        Field(
            "budget_policy_id",
            On.IGNORE_REMOTE,
            "a workspace may set one",
            reason="effective_vs_requested",
        ),
        Field("usage_policy_id", On.NOT_READ, "not returned"),
    ),
    required=("name", "endpoint_type"),
    wait=Wait(
        path=ONE,
        ready={"endpoint_status.state": ("ONLINE",)},
        failed={"endpoint_status.state": ("OFFLINE", "DELETED")},
        message="endpoint_status.message",
        timeout_s=60 * 60,
    ),
    url="compute/vector-search/{id}",
    permissions="/vector-search-endpoints/",
    permissions_id="endpoint_uuid",
)
