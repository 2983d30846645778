"""The Pipelines API as `pipelines.PipelinesAPI` of the SDK calls it.

Follows the Pipelines REST API. Clusters, edition, channel and notifications are kept and mean
nothing here. Left out: cloning from the Hive metastore, and applying an environment to compute.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from brickyard.workspace.kernel import Call, Document, Json, Route, invalid
from brickyard.workspace.pipelines.records import Update
from brickyard.workspace.pipelines.show import show_in_list, show_pipeline, show_update

BASE: Final = "/api/2.0/pipelines"
ONE: Final = BASE + "/{pipeline_id}"
LARGEST_PAGE, USUAL_PAGE = 100, 25
LARGEST_EVENT_PAGE, USUAL_EVENT_PAGE = 250, 100


def create(call: Call) -> Json:
    engine, given = call.engines.pipelines, call.fields()
    if given.get("dry_run"):
        return {"effective_settings": engine.preview(call.principal, call.workspace, given)}
    return {"pipeline_id": engine.create(call.principal, call.workspace, given).id}


def fetch(call: Call) -> Json:
    engine = call.engines.pipelines
    found = engine.pipeline(call.principal, call.workspace, _id(call))
    run_as = engine.run_as_name(call.workspace, found)
    return show_pipeline(found, run_as, engine.latest(found))


def browse(call: Call) -> Json:
    engine = call.engines.pipelines
    if call.integer("max_results") > LARGEST_PAGE:
        raise invalid(f"max_results must be at most {LARGEST_PAGE}")
    found = engine.pipelines(call.principal, call.workspace, call.query("filter"))
    if _is_descending(call, "id"):
        found.reverse()

    def show(one: Document) -> Json:
        return show_in_list(one, engine.run_as_name(call.workspace, one), engine.latest(one))

    return call.page("statuses", found, show, default_size=USUAL_PAGE)


def edit(call: Call) -> Json:
    call.engines.pipelines.edit(call.principal, call.workspace, _id(call), call.fields())
    return {}


def delete(call: Call) -> Json:
    cascade = call.query("cascade").lower() != "false"
    call.engines.pipelines.delete(call.principal, call.workspace, _id(call), cascade=cascade)
    return {}


def start_update(call: Call) -> Json:
    engine = call.engines.pipelines
    begun = engine.start_update(call.principal, call.workspace, _id(call), call.fields())
    return {"update_id": begun.update_id}


def fetch_update(call: Call) -> Json:
    pipeline, found = call.engines.pipelines.update(
        call.principal, call.workspace, _id(call), call.path["update_id"]
    )
    return {"update": show_update(pipeline, found)}


def browse_updates(call: Call) -> Json:
    pipeline, found = call.engines.pipelines.updates(call.principal, call.workspace, _id(call))
    until = call.query("until_update_id")
    if until:
        at = next((at for at, one in enumerate(found) if one.update_id == until), None)
        if at is None:
            raise invalid(f"until_update_id: there is no update {until}")
        found = found[at:]

    def show(one: Update) -> Json:
        return show_update(pipeline, one)

    return call.page("updates", found, show, default_size=USUAL_PAGE)


def stop(call: Call) -> Json:
    call.engines.pipelines.stop_update(call.principal, call.workspace, _id(call))
    return {}


def browse_events(call: Call) -> Json:
    """A page of events. Its token remembers filter and order: events come in meanwhile."""
    token = call.query("page_token")
    if token:
        asked = _read_token(token)
    else:
        ascending = any(one.lower().split()[1:] == ["asc"] for one in _orders(call, "timestamp"))
        asked = {"filter": call.query("filter"), "ascending": ascending, "after": None}
    size = call.integer("max_results") or USUAL_EVENT_PAGE
    if not 0 < size <= LARGEST_EVENT_PAGE:
        raise invalid(f"max_results must be from 1 to {LARGEST_EVENT_PAGE}")
    engine = call.engines.pipelines
    found = engine.events(
        call.principal,
        call.workspace,
        _id(call),
        engine.conditions(asked["filter"]),
        ascending=asked["ascending"],
        after=asked["after"],
        limit=size + 1,
    )
    answer: dict[str, Any] = {"events": [event for _, event in found[:size]]}
    if len(found) > size:
        answer["next_page_token"] = _token({**asked, "after": found[size - 1][0]})
    return answer


def _id(call: Call) -> str:
    return call.path["pipeline_id"]


def _orders(call: Call, field: str) -> tuple[str, ...]:
    """The `order_by` values; raises for another field than the one that can be ordered by."""
    orders = call.queries("order_by")
    for one in orders:
        if one.lower().split()[:1] != [field]:
            raise invalid(f"order_by: only {field} can be ordered by, not {one!r}")
    return orders


def _is_descending(call: Call, field: str) -> bool:
    return any(one.lower().split()[1:] == ["desc"] for one in _orders(call, field))


def _token(asked: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(asked).encode()).decode()


def _read_token(token: str) -> dict[str, Any]:
    try:
        asked = json.loads(base64.urlsafe_b64decode(token.encode()))
        return {
            "filter": str(asked["filter"]),
            "ascending": bool(asked["ascending"]),
            "after": int(asked["after"]),
        }
    except (ValueError, KeyError, TypeError):
        raise invalid(f"Invalid page token: {token!r}") from None


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("PUT", ONE, edit),
    Route("DELETE", ONE, delete),
    Route("POST", ONE + "/updates", start_update),
    Route("GET", ONE + "/updates", browse_updates),
    Route("GET", ONE + "/updates/{update_id}", fetch_update),
    Route("POST", ONE + "/stop", stop),
    Route("GET", ONE + "/events", browse_events),
)
