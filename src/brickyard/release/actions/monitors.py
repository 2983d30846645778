"""A quality monitor as a step: its newest profile and drift are what a gate may limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.release.actions.gates import hold
from brickyard.release.faults import StepFailed
from brickyard.release.monitors import measured, monitor_of, refresh
from brickyard.release.warehouse import warehouse_id

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep


def read_monitor(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Refresh a monitor of the bundle and judge what it found; `fare.percent_null` and the like."""
    project = rollout.project
    table = rollout.id_of("quality_monitors", step.subject)
    warehouse = warehouse_id(project, str(step.options.get("warehouse") or ""))
    if step.options.get("refresh", True):
        refresh(project, table, lambda text: rollout.doing(step.name, text))
    found = measured(project, monitor_of(project, table), warehouse)
    if not found:
        raise StepFailed(f"the monitor of {table} has measured nothing yet")
    rollout.say(step.name, f"{table} is profiled: {len(found)} numbers")
    hold(rollout, step, found)
    named = {one.metric for one in step.requirements}
    return {"table": table, "metrics": {name: found[name] for name in found if name in named}}
