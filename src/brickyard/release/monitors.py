"""Quality monitors as a release reads them: refreshed, their newest profile and drift as numbers.

The tables are those of the public documentation (`<output schema>.<table>_profile_metrics` and
`_drift_metrics`); the newest window without slices counts. A number is named
`<column>.<metric>`, and `:table.<metric>` for the whole table; drift metrics keep their names
(`fare.avg_delta`), those of a test are spelled out (`fare.ks_test.pvalue`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from brickyard.deploy import ApiFailure, Project
from brickyard.release.faults import StepFailed
from brickyard.release.warehouse import run_statement

LIMIT_S: Final = 1800.0
SLOWEST_POLL_S: Final = 2.0
ACTIVE: Final = frozenset({"PENDING", "RUNNING"})
KEYS: Final = frozenset(
    {
        "window",
        "window_cmp",
        "monitor_version",
        "granularity",
        "model_id",
        "slice_key",
        "slice_value",
        "column_name",
        "data_type",
        "log_type",
        "logging_table_commit_version",
        "drift_type",
    }
)


def monitor_of(project: Project, table: str) -> dict[str, Any]:
    """The monitor of a table. Raises `StepFailed` where there is none."""
    try:
        return project.workspace.get(_path(table))
    except ApiFailure as failure:
        if not failure.is_missing:
            raise
        raise StepFailed(f"{table} has no quality monitor") from failure


def refresh(project: Project, table: str, doing: Callable[[str], None]) -> None:
    """Refresh the monitor and wait for its end; a refresh under way is waited for first."""
    _await(project, table, doing)
    started = project.workspace.post(f"{_path(table)}/refreshes")
    ended = _await(project, table, doing)
    mine = next(
        (one for one in ended if one.get("refresh_id") == started.get("refresh_id")), started
    )
    if mine.get("state") != "SUCCESS":
        raise StepFailed(
            f"the refresh of {table}'s monitor {mine.get('state')}: "
            f"{mine.get('message') or 'no reason given'}"
        )


def measured(project: Project, monitor: Mapping[str, Any], warehouse: str) -> dict[str, float]:
    """Name to number, of the newest window; drift to the baseline goes before the consecutive."""
    found: dict[str, float] = {}
    profile = str(monitor.get("profile_metrics_table_name") or "")
    drift = str(monitor.get("drift_metrics_table_name") or "")
    if profile:
        found |= _newest(project, profile, "log_type = 'INPUT'", warehouse)
    if drift:
        for kind in ("CONSECUTIVE", "BASELINE"):
            found |= _newest(project, drift, f"drift_type = '{kind}'", warehouse)
    return found


def _newest(project: Project, table: str, condition: str, warehouse: str) -> dict[str, float]:
    name = ".".join(f"`{part}`" for part in table.split("."))
    rows = run_statement(
        project,
        f"SELECT * FROM {name} WHERE {condition} AND slice_key IS NULL AND window.start ="
        f" (SELECT max(window.start) FROM {name} WHERE {condition})",
        warehouse=warehouse,
    )
    found: dict[str, float] = {}
    for row in rows.as_dicts():
        for metric, value in row.items():
            if metric not in KEYS:
                found |= dict(_numbers(f"{row['column_name']}.{metric}", value))
    return found


def _numbers(name: str, value: Any) -> list[tuple[str, float]]:
    """A number, or those of a struct."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if isinstance(value, Mapping):
        return [one for key, part in value.items() for one in _numbers(f"{name}.{key}", part)]
    try:
        return [(name, float(value))] if not isinstance(value, bool | None) else []
    except (TypeError, ValueError):
        return []


def _await(project: Project, table: str, doing: Callable[[str], None]) -> list[dict[str, Any]]:
    """All refreshes, once none is under way."""
    give_up_at = time.monotonic() + LIMIT_S
    pause = 0.2
    while True:
        found = list(project.workspace.get(f"{_path(table)}/refreshes").get("refreshes") or ())
        if not any(one.get("state") in ACTIVE for one in found):
            return found
        if time.monotonic() > give_up_at:
            raise StepFailed(f"{table}'s monitor still refreshes after {LIMIT_S / 60:.0f} min")
        doing(f"the monitor of {table} refreshes")
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_S)


def _path(table: str) -> str:
    return f"/api/2.1/unity-catalog/tables/{quote(table, safe='')}/monitor"
