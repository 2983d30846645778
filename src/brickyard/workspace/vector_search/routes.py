"""Vector search, as VectorSearchEndpointsAPI and VectorSearchIndexesAPI of the SDK call it, and the
client `databricks-vectorsearch`, which names indexes below their endpoint.

An endpoint is ONLINE at once, and STOPPED at once. What is in an index is the matter of
`data_routes`. Not emulated: an endpoint's size, its metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call, Document, Fidelity, Json, Route, invalid
from brickyard.workspace.vector_search import data_routes
from brickyard.workspace.vector_search.definition import Definition
from brickyard.workspace.vector_search.sync import definition_of

ENDPOINTS = "/api/2.0/vector-search/endpoints"
ENDPOINT = ENDPOINTS + "/{endpoint_name}"
INDEXES = "/api/2.0/vector-search/indexes"
KEPT_OF_INDEX = ("payload_logging_enabled", "usage_policy_id")
KEPT = "sizes and policies are kept, not acted on"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateEndpoint:
    name: str
    endpoint_type: Literal["STANDARD", "STORAGE_OPTIMIZED"]
    budget_policy_id: str | None = None
    usage_policy_id: str | None = None
    target_qps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchEndpoint:
    target_qps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchBudgetPolicy:
    budget_policy_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchIndex:
    payload_logging_enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchUsagePolicy:
    usage_policy_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchTags:
    custom_tags: Sequence[Tag]


# -- endpoints ------------------------------------------------------------------------------------


def create_endpoint(call: Call) -> Json:
    want = call.read(CreateEndpoint)
    settings = {
        "endpoint_type": want.endpoint_type,
        "budget_policy_id": want.budget_policy_id or want.usage_policy_id,
        "target_qps": want.target_qps,
    }
    made = call.engines.vector_search.endpoints.create(
        call.principal, call.workspace, want.name, _present(settings)
    )
    return show_endpoint(made, {})


def browse_endpoints(call: Call) -> Json:
    engine = call.engines.vector_search
    counts = engine.counts()
    found = engine.endpoints.visible(call.principal, call.workspace)
    return call.page("endpoints", found, lambda one: show_endpoint(one, counts))


def fetch_endpoint(call: Call) -> Json:
    engine = call.engines.vector_search
    found = engine.endpoints.find(call.principal, call.workspace, call.path["endpoint_name"])
    return show_endpoint(found, engine.counts())


def patch_endpoint(call: Call) -> Json:
    want = call.read(PatchEndpoint)
    changed = _change(call, _present({"target_qps": want.target_qps}))
    return show_endpoint(changed, call.engines.vector_search.counts())


def patch_budget_policy(call: Call) -> Json:
    policy = call.read(PatchBudgetPolicy).budget_policy_id
    _change(call, {"budget_policy_id": policy})
    return {"budget_policy_id": policy, "effective_budget_policy_id": policy}


def patch_tags(call: Call) -> Json:
    tags = [_present(asdict(one)) for one in call.read(PatchTags).custom_tags]
    if len({one["key"] for one in tags}) < len(tags):
        raise invalid("custom_tags names a key twice")
    changed = _change(call, {"custom_tags": tags})
    return {"name": changed.name, "custom_tags": tags}


def stop_endpoint(call: Call) -> Json:
    return show_endpoint(_change(call, {"is_stopped": True}), call.engines.vector_search.counts())


def start_endpoint(call: Call) -> Json:
    return show_endpoint(_change(call, {"is_stopped": False}), call.engines.vector_search.counts())


def drop_endpoint(call: Call) -> Json:
    endpoints = call.engines.vector_search.endpoints
    endpoints.delete(call.principal, call.workspace, call.path["endpoint_name"])
    return {}


def show_endpoint(one: Document, counts: Mapping[str, int]) -> dict[str, Any]:
    body = one.body
    policy, qps = body.get("budget_policy_id"), body.get("target_qps")
    return _present(
        {
            "name": one.name,
            "id": body["id"],
            "creator": one.creator,
            "creation_timestamp": one.created_ms,
            "last_updated_timestamp": one.updated_ms,
            "last_updated_user": body["updated_by"],
            "endpoint_type": body["endpoint_type"],
            "endpoint_status": {"state": "STOPPED" if body.get("is_stopped") else "ONLINE"},
            "num_indexes": counts.get(body["id"], 0),
            "budget_policy_id": policy,
            "effective_budget_policy_id": policy,
            "custom_tags": body.get("custom_tags"),
            "scaling_info": {"requested_target_qps": qps, "state": "SCALING_CHANGE_APPLIED"}
            if qps
            else None,
        }
    )


def _change(call: Call, settings: Mapping[str, Any]) -> Document:
    return call.engines.vector_search.endpoints.change(
        call.principal, call.workspace, call.path["endpoint_name"], settings
    )


# -- indexes --------------------------------------------------------------------------------------


def create_index(call: Call) -> Json:
    want = call.read(Definition)
    if not want.endpoint_name:
        raise invalid("endpoint_name is required")
    return show_index(call, _create(call, want))


def create_index_below(call: Call) -> Json:
    want = replace(call.read(Definition), endpoint_name=call.path["endpoint_name"])
    return show_index(call, _create(call, want))


def browse_indexes(call: Call) -> Json:
    name = call.path.get("endpoint_name") or call.query("endpoint_name")
    if not name:
        raise invalid("endpoint_name is required")
    found = call.engines.vector_search.indexes_on(call.principal, call.workspace, name)
    return call.page("vector_indexes", found, show_mini)


def fetch_index(call: Call) -> Json:
    return show_index(call, call.engines.vector_search.index(*_named(call)))


def patch_index(call: Call) -> Json:
    want = call.read(PatchIndex)
    return show_index(call, _redefined(call, payload_logging_enabled=want.payload_logging_enabled))


def patch_usage_policy(call: Call) -> Json:
    policy = call.read(PatchUsagePolicy).usage_policy_id
    _redefined(call, usage_policy_id=policy)
    return {"usage_policy_id": policy, "effective_usage_policy_id": policy}


def drop_index(call: Call) -> Json:
    call.engines.vector_search.delete_index(*_named(call))
    return {}


def show_mini(found: Securable) -> dict[str, Any]:
    kept = definition_of(found)
    return {
        "name": found.full_name,
        "endpoint_name": kept.endpoint_name,
        "endpoint_id": found.details["endpoint_id"],
        "primary_key": kept.primary_key,
        "index_type": kept.index_type,
        "index_subtype": kept.index_subtype,
        "creator": found.created_by,
    }


def show_index(call: Call, found: Securable) -> dict[str, Any]:
    specs = ("delta_sync_index_spec", "direct_access_index_spec")
    stored = found.details["definition"]
    status = call.engines.vector_search.status(found)
    return {
        **show_mini(found),
        **{name: stored[name] for name in specs if name in stored},
        **{name: stored[name] for name in KEPT_OF_INDEX if name in stored},
        "id": found.id,
        "status": _present(
            {
                "ready": status.ready,
                "detailed_state": status.detailed,
                "message": status.message or None,
                "indexed_row_count": status.rows,
                "index_url": f"{call.workspace.url}{INDEXES}/{found.full_name}",
            }
        ),
    }


def _create(call: Call, want: Definition) -> Securable:
    return call.engines.vector_search.create_index(call.principal, call.workspace, want)


def _redefined(call: Call, **settings: Any) -> Securable:
    engine, name = call.engines.vector_search, call.path["index_name"]
    changed: Securable = engine.redefine(call.principal, call.workspace, name, _present(settings))
    return changed


def _named(call: Call) -> tuple[Any, Any, str, str]:
    endpoint = call.path.get("endpoint_name", "")
    return call.principal, call.workspace, call.path["index_name"], endpoint


def _present(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if value is not None}


BELOW = ENDPOINT + "/indexes"
VIRTUAL = Fidelity.VIRTUAL
ROUTES = (
    Route("POST", ENDPOINTS, create_endpoint, note=KEPT),
    Route("GET", ENDPOINTS, browse_endpoints),
    Route("GET", ENDPOINT, fetch_endpoint),
    Route("PATCH", ENDPOINT, patch_endpoint, VIRTUAL, note=KEPT),
    Route("PATCH", ENDPOINT + "/budget-policy", patch_budget_policy, VIRTUAL, note=KEPT),
    Route("PATCH", ENDPOINT + "/tags", patch_tags),
    Route("POST", ENDPOINT + "/stop", stop_endpoint),
    Route("POST", ENDPOINT + "/start", start_endpoint),
    Route("DELETE", ENDPOINT, drop_endpoint),
    Route("POST", INDEXES, create_index),
    Route("GET", INDEXES, browse_indexes),
    Route("GET", INDEXES + "/{index_name}", fetch_index),
    Route("DELETE", INDEXES + "/{index_name}", drop_index),
    Route("PATCH", INDEXES + "/{index_name}", patch_index, VIRTUAL, note=KEPT),
    Route("PATCH", INDEXES + "/{index_name}/usage-policy", patch_usage_policy, VIRTUAL, note=KEPT),
    Route("POST", BELOW, create_index_below),
    Route("GET", BELOW, browse_indexes),
    Route("GET", BELOW + "/{index_name}", fetch_index),
    Route("DELETE", BELOW + "/{index_name}", drop_index),
    *data_routes.ROUTES,
)
