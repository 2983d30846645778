"""Quality monitors, as catalog.QualityMonitorsAPI of the SDK calls them.

Left out: the dashboard of a monitor, and the newer API that names objects by their ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.kernel import Call, Fidelity, Json, Route
from brickyard.workspace.monitors.engine import Monitor

ONE: Final = "/api/2.1/unity-catalog/tables/{table_name}/monitor"
KEPT: Final = "kept; no metrics are computed"


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


ROUTES = (
    Route("POST", ONE, create, Fidelity.VIRTUAL, note=KEPT),
    Route("GET", ONE, fetch),
    Route("PUT", ONE, replace, Fidelity.VIRTUAL, note=KEPT),
    Route("DELETE", ONE, drop),
)
