"""Quality monitors, as catalog.QualityMonitorsAPI of the SDK calls them.

Left out: the dashboard of a monitor, and the newer API that names objects by their ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.kernel import Call, Json, Route
from brickyard.workspace.monitors.monitor import Monitor
from brickyard.workspace.monitors.refreshes import Refresh

ONE: Final = "/api/2.1/unity-catalog/tables/{table_name}/monitor"
REFRESHES: Final = ONE + "/refreshes"
REFRESH: Final = REFRESHES + "/{refresh_id}"
PARTLY: Final = "profile and deltas; custom metrics, model quality and notifications are kept only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """What only a create says; the rest is read with the settings."""

    assets_dir: str


def create(call: Call) -> Json:
    made = call.engines.monitors.create(
        call.principal,
        call.workspace,
        call.path["table_name"],
        call.fields(),
        call.read(Create).assets_dir,
    )
    return show(made)


def fetch(call: Call) -> Json:
    return show(call.engines.monitors.get(call.principal, call.workspace, call.path["table_name"]))


def replace(call: Call) -> Json:
    changed = call.engines.monitors.update(
        call.principal, call.workspace, call.path["table_name"], call.fields()
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.monitors.delete(call.principal, call.workspace, call.path["table_name"])
    return {}


def refresh(call: Call) -> Json:
    engine = call.engines.monitors
    found = engine.managed(call.principal, call.workspace, call.path["table_name"])
    return show_refresh(engine.refreshes.queue(found.table.id, "MANUAL"))


def browse_refreshes(call: Call) -> Json:
    found = call.engines.monitors.refreshes.of(_readable(call))
    return {"refreshes": [show_refresh(one) for one in found]} if found else {}


def fetch_refresh(call: Call) -> Json:
    refreshes = call.engines.monitors.refreshes
    return show_refresh(refreshes.get(_readable(call), call.path["refresh_id"]))


def cancel_refresh(call: Call) -> Json:
    engine = call.engines.monitors
    found = engine.managed(call.principal, call.workspace, call.path["table_name"])
    engine.refreshes.cancel(found.table.id, call.path["refresh_id"])
    return {}


def _readable(call: Call) -> str:
    """The id of a table that has a monitor and that the caller may read."""
    engine = call.engines.monitors
    return engine.get(call.principal, call.workspace, call.path["table_name"]).table.id


def show(one: Monitor) -> dict[str, Any]:
    return {
        **one.settings,
        "table_name": one.table.full_name,
        "assets_dir": one.assets_dir,
        "status": "MONITOR_STATUS_ACTIVE",
        "monitor_version": one.version,
        "profile_metrics_table_name": one.profile_table,
        "drift_metrics_table_name": one.drift_table,
    }


def show_refresh(one: Refresh) -> dict[str, Any]:
    shown = {
        "refresh_id": one.id,
        "state": one.state,
        "start_time_ms": one.start_ms,
        "trigger": one.trigger,
    }
    if one.end_ms is not None:
        shown["end_time_ms"] = one.end_ms
    return {**shown, "message": one.message} if one.message else shown


ROUTES = (
    Route("POST", ONE, create, note=PARTLY),
    Route("GET", ONE, fetch),
    Route("PUT", ONE, replace, note=PARTLY),
    Route("DELETE", ONE, drop),
    Route("POST", REFRESHES, refresh, note=PARTLY),
    Route("GET", REFRESHES, browse_refreshes),
    Route("GET", REFRESH, fetch_refresh),
    Route("POST", REFRESH + "/cancel", cancel_refresh),
)
