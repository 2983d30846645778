"""Jobs and runs as JSON, in the shape of the Jobs API 2.2. Unset fields are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brickyard.workspace.jobs.records import Job, Run, TaskRun, latest
from brickyard.workspace.kernel import WorkspaceInfo, invalid
from brickyard.workspace.kernel.paging import take_page

MAX_TASKS_SHOWN = 100


def show_job(job: Job, run_as: str) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "creator_user_name": job.creator,
        "run_as_user_name": run_as,
        "run_as_owner": "run_as" not in job.settings,
        "settings": dict(job.settings),
        "created_time": job.created_ms,
    }


def show_job_in_list(job: Job, *, with_tasks: bool) -> dict[str, Any]:
    settings = dict(job.settings)
    more = len(settings.get("tasks", ())) > MAX_TASKS_SHOWN
    if with_tasks:
        settings["tasks"] = settings.get("tasks", [])[:MAX_TASKS_SHOWN]
    else:
        for name in ("tasks", "job_clusters", "environments", "parameters"):
            settings.pop(name, None)
    shown: dict[str, Any] = {
        "job_id": job.job_id,
        "creator_user_name": job.creator,
        "settings": settings,
        "created_time": job.created_ms,
    }
    return shown | ({"has_more": True} if more and with_tasks else {})


def show_run(
    run: Run, tasks: Sequence[TaskRun], workspace: WorkspaceInfo, *, token: str = ""
) -> dict[str, Any]:
    """A run with the last attempt of its tasks, 100 of them per page."""
    shown = _public(run.data)
    shown["run_page_url"] = _page(workspace, run.job_id, run.run_id)
    found = list(latest(tasks).values())
    chunk, more = take_page(found, token, MAX_TASKS_SHOWN)
    shown["tasks"] = [show_task(one, workspace, run.job_id) for one in chunk]
    if more:
        shown["next_page_token"] = more
    return shown


def show_run_in_list(
    run: Run, tasks: Sequence[TaskRun], workspace: WorkspaceInfo, *, with_tasks: bool
) -> dict[str, Any]:
    shown = show_run(run, tasks, workspace)
    if shown.pop("next_page_token", None):
        shown["has_more"] = True
    if not with_tasks:
        shown.pop("tasks")
    return shown


def show_task(task: TaskRun, workspace: WorkspaceInfo, job_id: int | None) -> dict[str, Any]:
    shown = _public(task.data)
    shown["run_page_url"] = _page(workspace, job_id, task.run_id)
    return shown


def show_task_run(
    task: TaskRun, root: Run, iterations: Sequence[TaskRun], workspace: WorkspaceInfo
) -> dict[str, Any]:
    """A task run asked for by its own id: a run of its own, inside its job run."""
    shown = show_task(task, workspace, root.job_id)
    for name in ("trigger", "creator_user_name", "run_type", "run_as_user_name", "number_in_job"):
        if name in root.data:
            shown[name] = root.data[name]
    shown |= {"format": "MULTI_TASK", "run_name": task.task_key, "parent_run_id": root.run_id}
    shown["job_run_id"] = root.run_id
    if root.job_id is not None:
        shown["job_id"] = root.job_id
    if iterations:
        shown["iterations"] = [
            show_task(one, workspace, root.job_id) for one in latest(iterations).values()
        ]
    return shown


def key_values(given: Mapping[str, Any], what: str) -> dict[str, str]:
    """Parameters of a request as text. Raises INVALID_PARAMETER_VALUE."""
    if not isinstance(given, Mapping):
        raise invalid(f"{what} must be an object")
    return {str(name): str(value) for name, value in given.items()}


def _public(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if not name.startswith("_")}


def _page(workspace: WorkspaceInfo, job_id: int | None, run_id: int) -> str:
    return f"{workspace.url}/?o={workspace.id}#job/{job_id or 0}/run/{run_id}"
