"""The Jobs API as `jobs.JobsAPI` of the SDK calls it: 2.2, with 2.1 and `2.0/jobs/get` as aliases.

Follows the Jobs REST API. Clusters are virtual; model and SQL-condition triggers and notifications
are kept, and answers to changes name them in a header. Left out: compliance with cluster policies.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from brickyard.workspace.jobs.records import Job, Run
from brickyard.workspace.jobs.settings import ignored
from brickyard.workspace.jobs.show import (
    MAX_TASKS_SHOWN,
    show_job,
    show_job_in_list,
    show_run,
    show_run_in_list,
    show_task,
    show_task_run,
)
from brickyard.workspace.kernel import ApiError, Call, Fidelity, Json, Reply, Route, invalid
from brickyard.workspace.kernel.decode import INT64
from brickyard.workspace.kernel.paging import take_page

log = logging.getLogger("brickyard.jobs")

FIDELITY, IGNORED = "X-Brickyard-Fidelity", "X-Brickyard-Ignored"
LOG_LIMIT_BYTES = 5 * 1024 * 1024
RESULT_LIMIT_BYTES = 5 * 1024 * 1024
JOBS_PER_PAGE = 20
RUNS_PER_PAGE = 20
LARGEST_PAGE = 100


def create(call: Call) -> Reply:
    job = call.engines.jobs.create(call.principal, call.workspace, _body(call))
    return _kept(job, {"job_id": job.job_id})


def fetch(call: Call) -> Json:
    job = call.engines.jobs.job(call.principal, call.workspace, call.integer("job_id"))
    shown = show_job(job, call.engines.jobs.run_as_name(call.workspace, job))
    tasks = shown["settings"].get("tasks")
    if tasks and len(tasks) > MAX_TASKS_SHOWN:
        chunk, token = take_page(tasks, call.query("page_token"), MAX_TASKS_SHOWN)
        shown["settings"]["tasks"] = chunk
        if token:
            shown |= {"has_more": True, "next_page_token": token}
    return shown


def browse(call: Call) -> Json:
    found = call.engines.jobs.jobs(call.principal, call.workspace, call.query("name"))
    with_tasks = call.flag("expand_tasks")

    def show(job: Job) -> dict[str, Any]:
        return show_job_in_list(job, with_tasks=with_tasks)

    return _page(call, "jobs", found, show, JOBS_PER_PAGE)


def reset(call: Call) -> Reply:
    body = _body(call)
    job_id = _id(body, "job_id")
    settings = body.get("new_settings")
    if not isinstance(settings, Mapping):
        raise invalid("new_settings is required")
    return _kept(call.engines.jobs.reset(call.principal, call.workspace, job_id, settings), {})


def update(call: Call) -> Reply:
    body = _body(call)
    job = call.engines.jobs.update(
        call.principal,
        call.workspace,
        _id(body, "job_id"),
        body.get("new_settings") or {},
        body.get("fields_to_remove") or (),
    )
    return _kept(job, {})


def delete(call: Call) -> Json:
    job_id = _id(_body(call), "job_id")
    call.engines.jobs.delete(call.principal, call.workspace, job_id)
    return {}


def run_now(call: Call) -> Json:
    body = _body(call)
    job_id = _id(body, "job_id")
    run = call.engines.jobs.run_now(call.principal, call.workspace, job_id, body)
    return {"run_id": run.run_id, "number_in_job": run.data.get("number_in_job", 1)}


def submit(call: Call) -> Json:
    run = call.engines.jobs.submit(call.principal, call.workspace, _body(call))
    return {"run_id": run.run_id}


def fetch_run(call: Call) -> Json:
    run_id = call.integer("run_id")
    runs = call.engines.jobs.runs
    found = runs.task_run(call.principal, call.workspace, run_id)
    if found is not None:
        task, root = found
        return show_task_run(task, root, runs.tasks_of(task.run_id), call.workspace)
    run = runs.run(call.principal, call.workspace, run_id)
    shown = show_run(run, runs.tasks_of(run_id), call.workspace, token=call.query("page_token"))
    source = run.data.get("_settings", {}).get("git_source")
    if source:
        commit = call.engines.git.snapshots.commit(call.workspace, run_id)
        used = {"git_snapshot": {"used_commit": commit}} if commit else {}
        shown["git_source"] = {**source, **used}
    if not call.flag("include_history"):
        shown.pop("repair_history", None)
    return shown


def browse_runs(call: Call) -> Json:
    job_id = call.integer("job_id") or None
    active, completed = call.flag("active_only"), call.flag("completed_only")
    if active and completed:
        raise invalid("active_only and completed_only exclude each other")
    wanted = True if active else False if completed else None
    runs = call.engines.jobs.runs
    found = runs.listed(call.principal, call.workspace, job_id, wanted)
    found = [run for run in found if _in_filters(call, run)]
    with_tasks = call.flag("expand_tasks")

    def show(run: Run) -> dict[str, Any]:
        return show_run_in_list(
            run, runs.tasks_of(run.run_id), call.workspace, with_tasks=with_tasks
        )

    return _page(call, "runs", found, show, RUNS_PER_PAGE)


def fetch_output(call: Call) -> Json:
    run_id = call.integer("run_id")
    runs = call.engines.jobs.runs
    found = runs.task_run(call.principal, call.workspace, run_id)
    if found is None:
        run = runs.run(call.principal, call.workspace, run_id)
        tasks = runs.tasks_of(run.run_id)
        if len({one.task_key for one in tasks}) != 1:
            raise ApiError(
                "INVALID_PARAMETER_VALUE",
                "Retrieving the output of runs with multiple tasks is not supported. Please "
                "retrieve the output of each individual task run instead.",
            )
        found = tasks[-1], run
    task, root = found
    data = task.data
    answer: dict[str, Any] = {"metadata": show_task(task, call.workspace, root.job_id)}
    if "notebook_task" in data:
        answer["notebook_output"] = _notebook_output(data)
    if data.get("_error"):
        answer |= {"error": data["_error"], "error_trace": data.get("_error_trace", "")}
    if "run_job_output" in data:
        answer["run_job_output"] = data["run_job_output"]
    if "alert_output" in data:
        answer["alert_output"] = data["alert_output"]
    if "sql_task" in data:
        output = data.get("query_output")
        answer["sql_output"] = {"query_output": output} if output else {}
    log = runs.output(call.workspace, task)
    if log.exists():
        answer |= _logs(log.read_bytes())
    return answer


def cancel(call: Call) -> Json:
    run_id = _id(_body(call), "run_id")
    call.engines.jobs.runs.cancel(call.principal, call.workspace, run_id)
    return {}


def cancel_all(call: Call) -> Json:
    body = _body(call)
    if not body.get("job_id") and not body.get("all_queued_runs"):
        raise invalid("job_id is required")
    job_id = _id(body, "job_id") if body.get("job_id") else None
    call.engines.jobs.cancel_all(
        call.principal, call.workspace, job_id, only_queued=bool(body.get("all_queued_runs"))
    )
    return {}


def delete_run(call: Call) -> Json:
    run_id = _id(_body(call), "run_id")
    call.engines.jobs.runs.delete(call.principal, call.workspace, run_id)
    return {}


def repair(call: Call) -> Json:
    body = _body(call)
    run_id = _id(body, "run_id")
    repair_id = call.engines.jobs.runs.repair(call.principal, call.workspace, run_id, body)
    return {"repair_id": repair_id}


def export(call: Call) -> Json:
    """The log of a task run as one HTML view: notebooks are not rendered."""
    import html

    run_id = call.integer("run_id")
    runs = call.engines.jobs.runs
    found = runs.task_run(call.principal, call.workspace, run_id)
    if found is None:
        raise invalid(f"Run {run_id} is not a task run; only task runs can be exported")
    log = runs.output(call.workspace, found[0])
    text = html.escape(log.read_text(errors="replace")) if log.exists() else ""
    name = found[0].task_key
    page = f"<!doctype html><title>{html.escape(name)}</title><pre>{text}</pre>"
    return {"views": [{"type": "NOTEBOOK", "name": name, "content": page}]}


def _kept(job: Job, answer: dict[str, Any]) -> Reply:
    """The answer to a change of settings, which names what is kept and not done."""
    names = ", ".join(ignored(job.settings))
    if not names:
        return Reply(json=answer)
    log.info("job %s: kept, and nothing is done about %s", job.job_id, names)
    return Reply(json=answer, headers={FIDELITY: Fidelity.ACCEPTED.value, IGNORED: names})


def _body(call: Call) -> Mapping[str, Any]:
    body = call.json()
    if not isinstance(body, Mapping):
        raise invalid("The request body must be a JSON object")
    return body


def _id(body: Mapping[str, Any], name: str) -> int:
    try:
        number = int(body[name])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise invalid(f"{name} is required and must be a number") from None
    if number not in INT64:
        raise invalid(f"{name} is out of range")
    return number


def _in_filters(call: Call, run: Run) -> bool:
    kind = call.query("run_type")
    start, end = call.integer("start_time_from"), call.integer("start_time_to")
    return (
        (not kind or run.data.get("run_type") == kind)
        and run.start_ms >= start
        and (not end or run.start_ms <= end)
    )


def _page(
    call: Call, key: str, items: list[Any], show: Callable[[Any], Any], default: int
) -> dict[str, Any]:
    size = call.integer("limit") or default
    if not 1 <= size <= LARGEST_PAGE:
        raise invalid(f"limit must be between 1 and {LARGEST_PAGE}")
    rest = items
    token = call.query("page_token")
    if not token and call.integer("offset"):
        rest = list(itertools.islice(items, call.integer("offset"), None))
    chunk, following = take_page(rest, token, size)
    answer: dict[str, Any] = {key: [show(item) for item in chunk]} if chunk else {}
    answer["has_more"] = bool(following)
    if following:
        answer["next_page_token"] = following
    return answer


def _notebook_output(data: Mapping[str, Any]) -> dict[str, Any]:
    if "_result" not in data:
        return {}
    result = str(data["_result"])
    encoded = result.encode()
    if len(encoded) <= RESULT_LIMIT_BYTES:
        return {"result": result, "truncated": False}
    return {"result": encoded[:RESULT_LIMIT_BYTES].decode(errors="ignore"), "truncated": True}


def _logs(data: bytes) -> dict[str, Any]:
    """The end of the log is what matters when it is long."""
    cut = len(data) > LOG_LIMIT_BYTES
    text = data[-LOG_LIMIT_BYTES:].decode(errors="replace")
    return {"logs": text, "logs_truncated": cut}


VERBS: tuple[tuple[str, str, Callable[[Call], Json | Reply]], ...] = (
    ("POST", "create", create),
    ("GET", "get", fetch),
    ("GET", "list", browse),
    ("POST", "reset", reset),
    ("POST", "update", update),
    ("POST", "delete", delete),
    ("POST", "run-now", run_now),
    ("POST", "runs/submit", submit),
    ("GET", "runs/get", fetch_run),
    ("GET", "runs/list", browse_runs),
    ("GET", "runs/get-output", fetch_output),
    ("POST", "runs/cancel", cancel),
    ("POST", "runs/cancel-all", cancel_all),
    ("POST", "runs/delete", delete_run),
    ("POST", "runs/repair", repair),
    ("GET", "runs/export", export),
)

SETTINGS_NOTE = (
    "clusters are virtual; model and SQL-condition triggers, and file arrival outside volumes, "
    "start nothing; notifications are not sent"
)
NOTES: Mapping[str, str] = {
    **dict.fromkeys(("create", "reset", "update"), SETTINGS_NOTE),
    "runs/submit": "clusters are virtual; notifications are not sent",
    "runs/export": "the log as HTML; notebooks are not rendered",
}


def _route(version: str, method: str, verb: str, handler: Callable[[Call], Json | Reply]) -> Route:
    note = NOTES.get(verb, "")
    return Route(method, f"/api/{version}/jobs/{verb}", handler, note=note)


ROUTES = (
    *(_route("2.2", *one) for one in VERBS),
    *(_route("2.1", *one) for one in VERBS),
    Route("GET", "/api/2.0/jobs/get", fetch),
    # What MLflow asks for when it runs a project.
    *(_route("2.0", *one) for one in VERBS if one[1] in ("runs/submit", "runs/get", "runs/cancel")),
)
