"""Genie spaces, as dashboards.GenieAPI of the SDK calls them.

Conversations are refused: no model stands behind them here, and none is pretended.
"""

from __future__ import annotations

from typing import Any, Final

from brickyard.workspace.genie.engine import Settings
from brickyard.workspace.kernel import ApiError, Call, Document, Fidelity, Json, Route
from brickyard.workspace.kernel.clock import instant

BASE: Final = "/api/2.0/genie/spaces"
ONE: Final = BASE + "/{space_id}"
CONVERSATION: Final = ONE + "/conversations/{conversation_id}"
NO_MODEL: Final = "no model answers in a space here"


def create(call: Call) -> Json:
    made = call.engines.genie.create(call.principal, call.workspace, call.read(Settings))
    return show(made, with_text=True)


def fetch(call: Call) -> Json:
    """The space; its text, and with it the etag, for somebody who may edit it."""
    with_text = call.flag("include_serialized_space")
    level = "CAN_EDIT" if with_text else "CAN_READ"
    found = call.engines.genie.get(call.principal, call.workspace, call.path["space_id"], level)
    return show(found, with_text=with_text)


def browse(call: Call) -> Json:
    found = call.engines.genie.visible(call.principal, call.workspace)
    return call.page("spaces", found, lambda one: show(one, with_text=False))


def change(call: Call) -> Json:
    changed = call.engines.genie.update(
        call.principal, call.workspace, call.path["space_id"], call.read(Settings)
    )
    return show(changed, with_text=True)


def trash(call: Call) -> Json:
    call.engines.genie.trash(call.principal, call.workspace, call.path["space_id"])
    return {}


def converse(call: Call) -> Json:
    call.engines.genie.get(call.principal, call.workspace, call.path["space_id"], "CAN_RUN")
    raise ApiError(
        "FEATURE_DISABLED",
        "Genie has no model behind it in the embedded workspace, so nothing can be asked in a"
        " space: ask it on Databricks, or serve an agent of your own with a serving endpoint",
    )


def show(one: Document, *, with_text: bool) -> dict[str, Any]:
    shown = {
        "space_id": one.id,
        "title": one.name,
        "description": one.body["description"],
        "warehouse_id": one.body["warehouse_id"],
        "parent_path": one.body["parent_path"],
        "create_time": instant(one.created_ms),
        "update_time": instant(one.updated_ms),
    }
    if not one.body["description"]:
        del shown["description"]
    if with_text:
        shown["serialized_space"] = one.body["serialized_space"]
        shown["etag"] = str(one.body["etag"])
    return shown


ROUTES = (
    Route("POST", BASE, create, Fidelity.VIRTUAL, note=NO_MODEL),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("PATCH", ONE, change, Fidelity.VIRTUAL, note=NO_MODEL),
    Route("DELETE", ONE, trash),
    Route("POST", ONE + "/start-conversation", converse, Fidelity.REFUSED, note=NO_MODEL),
    Route("POST", CONVERSATION + "/messages", converse, Fidelity.REFUSED, note=NO_MODEL),
    Route("GET", ONE + "/conversations", converse, Fidelity.REFUSED, note=NO_MODEL),
)
