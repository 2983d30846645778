"""Vector search indexes. Their id is the full name; a change of their definition makes a new one.

The number of the endpoint is recorded: an endpoint made anew under the same name has lost the
index.
"""

from __future__ import annotations

from typing import Final

from brickyard.resources.declaration import Call, Field, Json, On, Read, ResourceType, Wait

BASE: Final = "/api/2.0/vector-search/indexes"
ONE: Final = BASE + "/{id}"
ENDPOINT: Final = {"endpoint": "/api/2.0/vector-search/endpoints/{endpoint_name}"}
FIXED: Final = (
    "endpoint_name",
    "index_type",
    "index_subtype",
    "primary_key",
    "delta_sync_index_spec",
    "direct_access_index_spec",
)


def with_endpoint(got: Json) -> Json:
    """The index with the number of its endpoint, if that is there."""
    shown = {name: item for name, item in got.items() if name != "endpoint"}
    id = number_of_endpoint(got)
    return {**shown, "endpoint_uuid": id} if id else shown


def number_of_endpoint(got: Json) -> str:
    return str((got.get("endpoint") or {}).get("id") or "")


def endpoint_was_replaced(
    path: str, old: object, new: object, remote: object, record: Json
) -> tuple[str, str] | None:
    """Another number under the same name: the endpoint was deleted and made again."""
    if path != "endpoint_uuid":
        return None
    if old and old != record.get("endpoint_uuid"):
        return "recreate", "endpoint replaced out-of-band"
    return "skip", "state-only field"


VECTOR_SEARCH_INDEXES: Final = ResourceType(
    key="vector_search_indexes",
    title="Vector search index",
    service="vector_search_indexes",
    waits_for=(
        "It indexes a table that is not there yet: run what makes it, then deploy again; the rest"
        " is deployed. A release does both (rollout in brickyard.yml)"
    ),
    create=Call(method="POST", path=BASE, fields=None, retry_on="pending deletion", also=ENDPOINT),
    learned=lambda got: {"endpoint_uuid": id} if (id := number_of_endpoint(got)) else {},
    read=Read(
        path=ONE,
        also=ENDPOINT,
        configuration=with_endpoint,
        record=with_endpoint,
    ),
    delete=Call(method="DELETE", path=ONE),
    id=lambda sent, got: str(sent["name"]),
    chosen_id="{name}",
    fields=(
        Field("name", On.ID, "the index is a table of the catalog"),
        Field("index_subtype", On.SERVER_DEFAULT, "follows from the definition"),
        Field(
            "direct_access_index_spec.schema_json",
            On.IGNORE_REMOTE,
            "the service writes it in its own form",
            reason="normalized_by_backend",
        ),
        *(Field(name, On.RECREATE, "fixed at creation") for name in FIXED),
    ),
    decides=endpoint_was_replaced,
    unsent=("endpoint_uuid",),
    parents={"endpoint_name": "vector_search_endpoints.name"},
    required=("name", "endpoint_name", "primary_key", "index_type"),
    wait=Wait(path=ONE, ready={"status.ready": ("True",)}, failed={}, timeout_s=75 * 60),
    settle=Wait(path=ONE, ready={}, failed={}, timeout_s=15 * 60),
    url="explore/data/{id_path}",
    loses_data="the index; a direct access index's vectors are nowhere else",
    securable="table",
)
