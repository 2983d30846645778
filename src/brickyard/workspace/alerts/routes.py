"""Alerts, as sql.AlertsV2API of the SDK calls them."""

from __future__ import annotations

from typing import Any, Final

from brickyard.workspace.alerts.engine import Alert
from brickyard.workspace.kernel import Call, Json, Route
from brickyard.workspace.kernel.clock import instant

BASE: Final = "/api/2.0/alerts"
ONE: Final = BASE + "/{id}"
UNSENT: Final = "evaluated on its schedule; notifications are kept, not sent"


def create(call: Call) -> Json:
    made = call.engines.alerts.create(call.principal, call.workspace, call.fields())
    return show(call, made)


def browse(call: Call) -> Json:
    found = call.engines.alerts.visible(call.principal, call.workspace)
    return call.page("alerts", found, lambda one: show(call, one))


def fetch(call: Call) -> Json:
    found = call.engines.alerts.get(call.principal, call.workspace, call.path["id"])
    return show(call, found)


def change(call: Call) -> Json:
    changed = call.engines.alerts.update(
        call.principal, call.workspace, call.path["id"], call.fields(), call.query("update_mask")
    )
    return show(call, changed)


def drop(call: Call) -> Json:
    call.engines.alerts.trash(
        call.principal, call.workspace, call.path["id"], purge=call.flag("purge")
    )
    return {}


def show(call: Call, one: Alert) -> dict[str, Any]:
    """The alert as it was given, and what the service knows of it."""
    is_robot = call.engines.identity.is_service_principal(one.runs_as)
    evaluation = {**one.settings["evaluation"], "state": one.state}
    if one.evaluated_ms is not None:
        evaluation["last_evaluated_at"] = instant(one.evaluated_ms)
    return {
        **one.settings,
        "evaluation": evaluation,
        "id": one.id,
        "owner_user_name": one.owner,
        "effective_run_as": {"service_principal_name" if is_robot else "user_name": one.runs_as},
        "lifecycle_state": "DELETED" if one.is_trashed else "ACTIVE",
        "create_time": instant(one.created_ms),
        "update_time": instant(one.updated_ms),
    }


ROUTES = (
    Route("POST", BASE, create, note=UNSENT),
    Route("GET", BASE, browse),
    Route("GET", ONE, fetch),
    Route("PATCH", ONE, change, note=UNSENT),
    Route("DELETE", ONE, drop),
)
