"""The Pipelines API as `pipelines.PipelinesAPI` of the SDK calls it.

Follows the Pipelines REST API. Clusters, edition, channel and notifications are kept and mean
nothing here.
"""

from __future__ import annotations

from brickyard.workspace.kernel import Call, Document, Json, Route, invalid
from brickyard.workspace.pipelines.show import show_in_list, show_pipeline

BASE = "/api/2.0/pipelines"
ONE = BASE + "/{pipeline_id}"
LARGEST_PAGE, USUAL_PAGE = 100, 25


def create(call: Call) -> Json:
    engine, given = call.engines.pipelines, call.fields()
    if given.get("dry_run"):
        return {"effective_settings": engine.preview(call.principal, call.workspace, given)}
    return {"pipeline_id": engine.create(call.principal, call.workspace, given).id}


def fetch(call: Call) -> Json:
    engine = call.engines.pipelines
    found = engine.pipeline(call.principal, call.workspace, call.path["pipeline_id"])
    return show_pipeline(found, engine.run_as_name(call.workspace, found))


def browse(call: Call) -> Json:
    engine = call.engines.pipelines
    if call.integer("max_results") > LARGEST_PAGE:
        raise invalid(f"max_results must be at most {LARGEST_PAGE}")
    found = engine.pipelines(call.principal, call.workspace, call.query("filter"))
    if any(order.lower().split()[1:] == ["desc"] for order in call.queries("order_by")):
        found.reverse()

    def show(one: Document) -> Json:
        return show_in_list(one, engine.run_as_name(call.workspace, one))

    return call.page("statuses", found, show, default_size=USUAL_PAGE)


def edit(call: Call) -> Json:
    engine = call.engines.pipelines
    engine.edit(call.principal, call.workspace, call.path["pipeline_id"], call.fields())
    return {}


def delete(call: Call) -> Json:
    call.engines.pipelines.delete(call.principal, call.workspace, call.path["pipeline_id"])
    return {}


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("PUT", ONE, edit),
    Route("DELETE", ONE, delete),
)
