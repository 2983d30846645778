"""Running a deployed job and following it to its end, over the Jobs API 2.2.

Progress comes as `Step` values when a task or the run changes state. The run itself is the
workspace's: losing contact does not stop it, and the message says how to look at it again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.deploy.http import ApiFailure, Json, Workspace
from brickyard.deploy.run import RunRefused
from brickyard.deploy.run_parameters import RunParameters, run_request

LIMIT_S: Final = 24 * 3600.0
PAUSES_S: Final = (0.2, 0.3, 0.5, 0.5, 1.0, 1.0, 2.0)
SLOWEST_S: Final = 2.0
ENDED: Final = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})
GOOD: Final = frozenset({"SUCCESS", "SUCCESS_WITH_FAILURES"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """`life_cycle` and `result` in the API's words; `message` from the service."""

    life_cycle: str
    result: str = ""
    message: str = ""

    @property
    def has_ended(self) -> bool:
        return self.life_cycle in ENDED

    @property
    def succeeded(self) -> bool:
        return self.life_cycle == "SKIPPED" or self.result in GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of state, of the run (`task_key` empty) or of one task."""

    name: str
    task_key: str
    state: RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutput:
    """What one task left behind. `text` is its result or log; the rest is of a failure."""

    task_key: str
    run_id: int
    state: RunState
    text: str = ""
    output: Json | None = None  # what the official CLI shows of it; None where it shows nothing
    error: str = ""
    trace: str = ""
    start_ms: int = 0
    end_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run as it ended, or as it was started when nobody waited."""

    job_id: int
    run_id: int
    url: str
    state: RunState
    tasks: tuple[TaskOutput, ...] = ()

    @property
    def succeeded(self) -> bool:
        return self.state.succeeded


def start_run(
    workspace: Workspace,
    job_id: int,
    parameters: RunParameters,
    *,
    only: Sequence[str] = (),
) -> int:
    """Start the job; the run's id. The idempotency token makes a repeated request harmless."""
    settings = workspace.get("/api/2.2/jobs/get", {"job_id": job_id}).get("settings") or {}
    body = run_request(settings, parameters)
    if only:
        body["only"] = _checked(settings, only)
    body |= {"job_id": job_id, "idempotency_token": uuid.uuid4().hex}
    return int(workspace.post("/api/2.2/jobs/run-now", body)["run_id"])


def follow_run(
    workspace: Workspace,
    run_id: int,
    progress: Callable[[Step], None],
    *,
    seen_first: Json | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Json:
    """Poll until the run ends; the run as the API shows it, with all its tasks.

    `seen_first` is the run as it was looked at already.
    """
    seen: dict[str, RunState] = {}
    give_up_at = time.monotonic() + LIMIT_S
    polls = 0
    while True:
        run = seen_first or fetch_run(workspace, run_id)
        seen_first = None
        name = str(run.get("run_name") or run_id)
        for task in run.get("tasks") or ():
            _report(
                Step(name=name, task_key=task["task_key"], state=state_of(task)), seen, progress
            )
        step = Step(name=name, task_key="", state=state_of(run))
        _report(step, seen, progress)
        if step.state.has_ended:
            return run
        if time.monotonic() > give_up_at:
            raise RunRefused(f"run {run_id} has not ended after {LIMIT_S / 3600:.0f} hours")
        sleep(PAUSES_S[polls] if polls < len(PAUSES_S) else SLOWEST_S)
        polls += 1


def outputs(workspace: Workspace, run: Json) -> tuple[TaskOutput, ...]:
    """What each task of an ended run printed or returned, in the order the tasks ended."""
    tasks = sorted(run.get("tasks") or (), key=lambda task: task.get("end_time") or 0)
    return tuple(_output(workspace, task) for task in tasks)


def fetch_run(workspace: Workspace, run_id: int) -> Json:
    """`runs/get`, all pages of tasks put together."""
    run = workspace.get("/api/2.2/jobs/runs/get", {"run_id": run_id})
    tasks, token = list(run.get("tasks") or ()), run.get("next_page_token")
    while token:
        page = workspace.get("/api/2.2/jobs/runs/get", {"run_id": run_id, "page_token": token})
        tasks += page.get("tasks") or ()
        token = page.get("next_page_token")
    return run | {"tasks": tasks}


def cancel_active(workspace: Workspace, job_id: int) -> tuple[int, ...]:
    """Cancel every active run of the job and wait until none is left; their ids."""
    active = active_runs(workspace, job_id)
    for run_id in active:
        workspace.post("/api/2.2/jobs/runs/cancel", {"run_id": run_id})
    for run_id in active:
        follow_run(workspace, run_id, lambda _: None)
    return active


def active_runs(workspace: Workspace, job_id: int) -> tuple[int, ...]:
    """The runs of a job that have not ended."""
    query = {"job_id": job_id, "active_only": True}
    found = workspace.pages("/api/2.2/jobs/runs/list", "runs", query)
    return tuple(int(run["run_id"]) for run in found)


def state_of(run: Mapping[str, Any]) -> RunState:
    """From `state`, or from the newer `status` when only that is there."""
    state = run.get("state") or {}
    if state.get("life_cycle_state"):
        return RunState(
            life_cycle=str(state["life_cycle_state"]),
            result=str(state.get("result_state") or ""),
            message=str(state.get("state_message") or ""),
        )
    status = run.get("status") or {}
    ending = status.get("termination_details") or {}
    return RunState(
        life_cycle=str(status.get("state") or "PENDING"),
        result=str(ending.get("code") or ""),
        message=str(ending.get("message") or ""),
    )


def _report(step: Step, seen: dict[str, RunState], progress: Callable[[Step], None]) -> None:
    if seen.get(step.task_key) != step.state:
        seen[step.task_key] = step.state
        progress(step)


def _checked(job: Mapping[str, Any], only: Sequence[str]) -> list[str]:
    """The tasks to run, as the service takes them: `a`, `+a` with what it depends on, `a+` with
    what depends on it."""
    known = {str(task["task_key"]) for task in job.get("tasks") or ()}
    for item in only:
        if (key := item.strip("+")) not in known:
            raise RunRefused(f'task "{key}" not found in job "{job.get("name", "")}"')
    return list(only)


def _output(workspace: Workspace, task: Json) -> TaskOutput:
    run_id = int(task["run_id"])
    try:
        got = workspace.get("/api/2.2/jobs/runs/get-output", {"run_id": run_id})
    except ApiFailure:
        got = {}
    notebook = (got.get("notebook_output") or {}).get("result")
    return TaskOutput(
        task_key=str(task["task_key"]),
        run_id=run_id,
        state=state_of(task),
        text=str(notebook if notebook is not None else got.get("logs") or ""),
        output=_shown(got),
        error=str(got.get("error") or ""),
        trace=str(got.get("error_trace") or ""),
        start_ms=int(task.get("start_time") or 0),
        end_ms=int(task.get("end_time") or 0),
    )


def _shown(got: Json) -> Json | None:
    """What a task gave, by its type: a notebook's result, of dbt and SQL links, else the log."""
    log = {"logs": got.get("logs") or "", "logs_truncated": bool(got.get("logs_truncated"))}
    notebook = got.get("notebook_output")
    if notebook is not None and (notebook.get("result") or notebook.get("truncated")):
        return {key: notebook[key] for key in ("result", "truncated") if notebook.get(key)}
    if notebook is not None:
        return log if log["logs"] else {}
    for kind in ("dbt_output", "sql_output"):
        if got.get(kind) is not None:
            return dict(got[kind])
    return log if log["logs"] else None
