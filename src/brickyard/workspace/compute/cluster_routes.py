"""The Clusters API 2.1, as compute.ClustersAPI of the SDK calls it; lists by 2.0 too.

Commands on clusters (1.2) are refused: no process stands behind one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.compute.catalogue import ZONES, node_types, runtimes
from brickyard.workspace.compute.show import show_cluster
from brickyard.workspace.kernel import (
    ApiError,
    Call,
    Document,
    Fidelity,
    Json,
    Route,
    invalid,
)
from brickyard.workspace.kernel.paging import take_page

BASE: Final = "/api/2.1/clusters"
COMMANDS: Final = "/api/1.2"
NOTHING_RUNS: Final = "kept; no machine or process stands behind a cluster"
CHOICE: Final = "a fixed choice; others are taken too"
LARGEST_PAGE: Final = 100
USUAL_PAGE: Final = 20
USUAL_EVENTS: Final = 50
MOST_EVENTS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """What names a cluster."""

    cluster_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    cluster_id: str
    update_mask: str
    cluster: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOwner:
    cluster_id: str
    owner_username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    cluster_id: str
    start_time: int = 0
    end_time: int | None = None
    order: Literal["ASC", "DESC"] = "DESC"
    event_types: Sequence[str] = ()
    offset: int = 0
    limit: int = USUAL_EVENTS
    page_size: int | None = None
    page_token: str = ""


def create(call: Call) -> Json:
    made = call.engines.compute.clusters.create(call.principal, call.workspace, call.fields())
    return {"cluster_id": made.id}


def fetch(call: Call) -> Json:
    id = call.query("cluster_id")
    if not id:
        raise invalid("Missing required field: cluster_id")
    return show_cluster(call.engines.compute.clusters.get(call.principal, call.workspace, id))


def browse(call: Call) -> Json:
    """One page of the clusters that the caller may see."""
    return call.page(
        "clusters",
        _selected(call),
        show_cluster,
        size=min(call.integer("page_size") or USUAL_PAGE, LARGEST_PAGE),
    )


def browse_all(call: Call) -> Json:
    """The same by API 2.0, which has no pages."""
    found = _selected(call)
    return {"clusters": [show_cluster(one) for one in found]} if found else {}


def edit(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.edit(call.principal, call.workspace, id, call.fields())
    return {}


def update(call: Call) -> Json:
    want = call.read(Update)
    paths = [path.strip() for path in want.update_mask.split(",") if path.strip()]
    if not paths:
        raise invalid("update_mask must name the fields to change")
    call.engines.compute.clusters.update(
        call.principal, call.workspace, want.cluster_id, want.cluster or {}, paths
    )
    return {}


def resize(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.resize(call.principal, call.workspace, id, call.fields())
    return {}


def start(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.start(call.principal, call.workspace, id)
    return {}


def restart(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.restart(call.principal, call.workspace, id)
    return {}


def terminate(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.terminate(call.principal, call.workspace, id)
    return {}


def remove(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.remove(call.principal, call.workspace, id)
    return {}


def pin(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.pin(call.principal, call.workspace, id, is_pinned=True)
    return {}


def unpin(call: Call) -> Json:
    id = call.read(One).cluster_id
    call.engines.compute.clusters.pin(call.principal, call.workspace, id, is_pinned=False)
    return {}


def change_owner(call: Call) -> Json:
    want = call.read(ChangeOwner)
    call.engines.compute.clusters.change_owner(
        call.principal, call.workspace, want.cluster_id, want.owner_username
    )
    return {}


def events(call: Call) -> Json:
    """What happened to a cluster; the next page is a request in `next_page`, and a token."""
    want = call.read(Events)
    if not 0 < want.limit <= MOST_EVENTS:
        raise invalid(f"limit must be from 1 to {MOST_EVENTS}")
    if want.offset < 0:
        raise invalid("offset must not be negative")
    cluster = call.engines.compute.clusters.get(call.principal, call.workspace, want.cluster_id)
    found = [
        {"cluster_id": cluster.id, **one}
        for one in cluster.body["events"]
        if one["timestamp"] >= want.start_time
        and (want.end_time is None or one["timestamp"] <= want.end_time)
        and (not want.event_types or one["type"] in want.event_types)
    ]
    if want.order == "DESC":
        found.reverse()
    size = min(want.page_size or want.limit, MOST_EVENTS)
    chunk, token = take_page(found[want.offset :], want.page_token, size)
    answer: dict[str, Any] = {"events": chunk, "total_count": len(found)}
    if token:
        asked = {name: item for name, item in call.fields().items() if name != "offset"}
        further = (
            {**asked, "page_token": token}
            if want.page_token or want.page_size
            else {**asked, "offset": want.offset + size, "limit": size}
        )
        answer |= {"next_page": further, "next_page_token": token}
    return answer


def versions(call: Call) -> Json:
    return {"versions": runtimes()}


def machines(call: Call) -> Json:
    return {"node_types": node_types()}


def zones(call: Call) -> Json:
    return {"zones": list(ZONES), "default_zone": ZONES[0]}


def command(call: Call) -> Json:
    raise ApiError(
        "FEATURE_DISABLED",
        "A cluster of the embedded workspace runs no commands: no process stands behind it. Run"
        " the code as a task of a job, by Databricks Connect, or on Databricks",
    )


def _selected(call: Call) -> list[Document]:
    """The clusters that the caller may see, as the query filters and sorts them."""
    found = call.engines.compute.clusters.visible(call.principal, call.workspace)
    for test in _filters(call):
        found = [one for one in found if test(one)]
    if call.query("sort_by.field") == "CLUSTER_NAME":
        found.sort(key=lambda one: str(one.body["settings"].get("cluster_name", "")))
    if call.query("sort_by.direction") == "DESC":
        found.reverse()
    return found


def _filters(call: Call) -> list[Callable[[Document], bool]]:
    tests: list[Callable[[Document], bool]] = []
    sources = call.queries("filter_by.cluster_sources")
    if sources:
        tests.append(lambda one: "API" in sources)
    states = call.queries("filter_by.cluster_states")
    if states:
        tests.append(lambda one: one.body["state"] in states)
    if call.query("filter_by.is_pinned"):
        is_pinned = call.flag("filter_by.is_pinned")
        tests.append(lambda one: one.body["is_pinned"] == is_pinned)
    policy = call.query("filter_by.policy_id")
    if policy:
        tests.append(lambda one: one.body["settings"].get("policy_id") == policy)
    return tests


WRITES = {
    "create": create,
    "edit": edit,
    "update": update,
    "resize": resize,
    "start": start,
    "restart": restart,
    "delete": terminate,
    "permanent-delete": remove,
    "pin": pin,
    "unpin": unpin,
    "change-owner": change_owner,
}
REFUSED = (
    ("POST", "contexts/create"),
    ("POST", "contexts/destroy"),
    ("GET", "contexts/status"),
    ("POST", "commands/execute"),
    ("POST", "commands/cancel"),
    ("GET", "commands/status"),
)
ROUTES = (
    *(
        Route("POST", f"{BASE}/{verb}", handler, Fidelity.VIRTUAL, note=NOTHING_RUNS)
        for verb, handler in WRITES.items()
    ),
    Route("GET", BASE + "/get", fetch, Fidelity.VIRTUAL, note=NOTHING_RUNS),
    Route("GET", BASE + "/list", browse, Fidelity.VIRTUAL, note=NOTHING_RUNS),
    Route("GET", "/api/2.0/clusters/list", browse_all, Fidelity.VIRTUAL, note=NOTHING_RUNS),
    Route("POST", BASE + "/events", events),
    Route("GET", BASE + "/spark-versions", versions, Fidelity.VIRTUAL, note=CHOICE),
    Route("GET", BASE + "/list-node-types", machines, Fidelity.VIRTUAL, note=CHOICE),
    Route("GET", BASE + "/list-zones", zones, Fidelity.VIRTUAL, note=CHOICE),
    *(
        Route(method, f"{COMMANDS}/{path}", command, Fidelity.REFUSED, note="no process to run in")
        for method, path in REFUSED
    ),
)
