"""What a repair runs again, and how it is remembered.

Follows `runs/repair`: the tasks' current settings, new attempts under the same run, and the id of
the latest repair from the second one on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brickyard.workspace.jobs import states
from brickyard.workspace.jobs.records import Run, TaskRun, latest
from brickyard.workspace.jobs.requests import dependents
from brickyard.workspace.kernel import ApiError, invalid, now_ms


def require_repairable(run: Run, request: Mapping[str, Any]) -> None:
    """Raises INVALID_STATE for an active run, INVALID_PARAMETER_VALUE for another latest repair."""
    if run.active:
        raise ApiError("INVALID_STATE", f"Run {run.run_id} is active; it cannot be repaired")
    repairs = [one["id"] for one in run.data.get("repair_history") or () if one["type"] == "REPAIR"]
    if repairs and int(request.get("latest_repair_id") or 0) != repairs[-1]:
        raise invalid(f"latest_repair_id must be {repairs[-1]}, the id of the run's last repair")


def current_tasks(settings: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A repair uses the job's settings as they are now, for the tasks that the run had."""
    current = {task["task_key"]: task for task in now.get("tasks") or ()}
    return [current.get(task["task_key"], task) for task in settings.get("tasks") or ()]


def to_rerun(
    earlier: Sequence[TaskRun], settings: Mapping[str, Any], request: Mapping[str, Any]
) -> frozenset[str]:
    """Keys of the tasks that get a new attempt. Raises INVALID_PARAMETER_VALUE."""
    tasks = settings.get("tasks") or []
    known = {task["task_key"] for task in tasks}
    wanted = set(request.get("rerun_tasks") or ())
    if wanted and request.get("rerun_all_failed_tasks"):
        raise invalid("Only one of rerun_tasks and rerun_all_failed_tasks can be used")
    if unknown := wanted - known:
        raise invalid(f"The run has no task {', '.join(sorted(unknown))}")
    ended = latest(earlier)
    results = {key: one.data["state"].get("result_state") for key, one in ended.items()}
    if request.get("rerun_all_failed_tasks"):
        wanted = {key for key in known if results.get(key) not in ("SUCCESS", "EXCLUDED")}
    if not wanted:
        raise invalid("Name the tasks to run again in rerun_tasks, or rerun_all_failed_tasks")
    after = dependents(tasks, wanted)
    if not request.get("rerun_dependent_tasks"):
        # What succeeded stays as it is; what was skipped because of these tasks gets its chance.
        after = {key for key in after if results.get(key) != "SUCCESS"}
        after = after if request.get("rerun_all_failed_tasks") else set()
    return frozenset(wanted | after | (known - set(results)))


def history_with(run: Run, earlier: Sequence[TaskRun], repair_id: int) -> list[dict[str, Any]]:
    """The run's repair history with a repair that starts now."""
    history = list(run.data.get("repair_history") or ())
    if not history:
        shown = {key: run.data[key] for key in ("state", "status", "start_time")}
        original = {"type": "ORIGINAL", **shown, "end_time": run.data.get("end_time", 0)}
        history = [{**original, "task_run_ids": [one.run_id for one in earlier]}]
    now = states.going_on("PENDING")
    return [*history, {"type": "REPAIR", "id": repair_id, **now, "start_time": now_ms()}]
