"""Running a job of a deployed bundle by its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from brickyard.deploy.http import Unreachable
from brickyard.deploy.project import Project
from brickyard.deploy.run import (
    RunLost,
    RunRefused,
    RunResult,
    RunState,
    Step,
    active_runs,
    cancel_active,
    follow_run,
    outputs,
    start_run,
    state_of,
)


def _silent(_: object) -> None:
    return None


def run_job(
    project: Project,
    key: str,
    parameters: Mapping[str, str] | None = None,
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
    run_id = start_run(project.workspace, job_id, parameters or {}, only=only)
    url = run_url(project, job_id, run_id)
    started(run_id, url)
    if not wait:
        state = RunState(life_cycle="PENDING")
        return RunResult(job_id=job_id, run_id=run_id, url=url, state=state)
    try:
        run = follow_run(project.workspace, run_id, progress)
        tasks = outputs(project.workspace, run)
    except Unreachable as lost:
        ended = "" if project.workspace.environment else f"; if it still runs, it is at {url}"
        raise RunLost(f"lost contact with run {run_id} of job {key}: {lost}{ended}") from lost
    url = str(run.get("run_page_url") or url)
    return RunResult(job_id=job_id, run_id=run_id, url=url, state=state_of(run), tasks=tasks)


def await_others(project: Project, key: str, waiting: Callable[[int], None]) -> None:
    """Wait until no run of the job is active; `waiting` is told each run waited for."""
    job_id = deployed_job(project, key)
    for run_id in active_runs(project.workspace, job_id):
        waiting(run_id)
        follow_run(project.workspace, run_id, _silent)


def deployed_job(project: Project, key: str) -> int:
    """The id of a job by `key` or `jobs.key`."""
    name = key.removeprefix("resources.").removeprefix("jobs.")
    entries = project.store.pull().state.entries
    entry = entries.get(f"resources.jobs.{name}")
    if entry is not None:
        return int(entry.id)
    jobs = sorted(
        a.split(".")[2] for a in entries if a.startswith("resources.jobs.") and a.count(".") == 2
    )
    target = project.resolved.target
    declared = project.resolved.tree.get(f"resources.jobs.{name}")
    if declared is not None:
        raise RunRefused(
            f"job {name} is not deployed to {target}: run `brickyard deploy -t {target}`"
        )
    raise RunRefused(
        f"there is no job {name} in target {target}; it has {', '.join(jobs) or 'none deployed'}"
    )


def run_url(project: Project, job_id: int, run_id: int) -> str:
    """Where a person looks at the run."""
    return f"{project.workspace.host}/jobs/{job_id}/runs/{run_id}"
