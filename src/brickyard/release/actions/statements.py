"""SQL as a step: a statement whose first row is measured, for checks of data and integration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.release.actions.gates import hold
from brickyard.release.faults import StepFailed
from brickyard.release.warehouse import run_statement, warehouse_id

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep

KEPT_ROWS: Final = 100


def run_sql(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Run the statement; what `require` names are columns of its first row, or `row_count`."""
    text = str(step.subject).strip()
    if text.endswith(".sql"):
        content = rollout.read_file(text)
        if content is None:
            raise StepFailed(f"the statement file {text} is not in the bundle")
        text = str(rollout.fill(content.decode())).strip()
    found = run_statement(
        rollout.project,
        text.rstrip(";"),
        warehouse=warehouse_id(rollout.project, str(step.options.get("warehouse") or "")),
        parameters=step.options.get("parameters"),
    )
    rows = found.as_dicts()
    first = rows[0] if rows else {}
    rollout.say(step.name, f"{len(rows)} row{'' if len(rows) == 1 else 's'}")
    hold(rollout, step, {"row_count": len(rows), **first})
    return {"row_count": len(rows), "first": first, "rows": rows[:KEPT_ROWS]}
