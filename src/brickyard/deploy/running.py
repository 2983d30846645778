"""Running a job of a deployed bundle by its key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from brickyard.deploy.http import Unreachable
from brickyard.deploy.job_runs import (
    RunResult,
    RunState,
    Step,
    active_runs,
    cancel_active,
    fetch_run,
    follow_run,
    outputs,
    start_run,
    state_of,
)
from brickyard.deploy.project import Project
from brickyard.deploy.run import RunLost, find_runnable
from brickyard.deploy.run_parameters import RunParameters

# How workspaces named the page of a run before it had an address of its own.
OLD_PAGE: Final = re.compile(r"job/\d+/run/\d+")


def _silent(_: object) -> None:
    return None


def run_job(
    project: Project,
    key: str,
    parameters: Mapping[str, str] | RunParameters | None = None,
    *,
    only: Sequence[str] = (),
    wait: bool = True,
    restart: bool = False,
    started: Callable[[int, str], None] = lambda _id, _url: None,
    progress: Callable[[Step], None] = _silent,
) -> RunResult:
    """Run a deployed job and, unless `wait` is false, follow it to its end.

    `started` is told the run's id and URL. Raises `RunRefused` when the job is not deployed and
    `RunLost` when the workspace went away meanwhile. A run that ends badly is not raised: see
    `RunResult.succeeded`.
    """
    job_id = deployed_job(project, key)
    if restart:
        cancel_active(project.workspace, job_id)
    if not isinstance(parameters, RunParameters):
        parameters = RunParameters(job=parameters or {})
    run_id = start_run(project.workspace, job_id, parameters, only=only)
    first = fetch_run(project.workspace, run_id)
    url = run_url(project, job_id, run_id, str(first.get("run_page_url") or ""))
    started(run_id, url)
    if not wait:
        state = RunState(life_cycle="PENDING")
        return RunResult(job_id=job_id, run_id=run_id, url=url, state=state)
    try:
        run = follow_run(project.workspace, run_id, progress, seen_first=first)
        tasks = outputs(project.workspace, run)
    except Unreachable as lost:
        ended = "" if project.workspace.environment else f"; if it still runs, it is at {url}"
        raise RunLost(f"lost contact with run {run_id} of job {key}: {lost}{ended}") from lost
    return RunResult(job_id=job_id, run_id=run_id, url=url, state=state_of(run), tasks=tasks)


def await_others(project: Project, key: str, waiting: Callable[[int], None]) -> None:
    """Wait until no run of the job is active; `waiting` is told each run waited for."""
    job_id = deployed_job(project, key)
    for run_id in active_runs(project.workspace, job_id):
        waiting(run_id)
        follow_run(project.workspace, run_id, _silent)


def deployed_job(project: Project, key: str) -> int:
    """The id of a job by `key` or `jobs.key`."""
    return int(find_runnable(project, key, ("jobs",)).id)


def run_url(project: Project, job_id: int, run_id: int, told: str) -> str:
    """Where a person looks at the run: the page that the workspace `told`, by today's address."""
    page = urlsplit(told)
    if not page.netloc:
        return f"{project.workspace.host}/jobs/{job_id}/runs/{run_id}"
    if OLD_PAGE.fullmatch(page.fragment):
        page = page._replace(path=f"/jobs/{job_id}/runs/{run_id}", fragment="")
    return urlunsplit(page)
