"""Jobs and their runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import (
    Block,
    Cell,
    Page,
    Table,
    Text,
    address,
    as_json,
    cell,
    code,
    cut,
    facts,
    moment,
    state,
    timeline,
)
from brickyard.workspace.pages.rendering import took

SECTION: Final = "jobs"
API: Final = "/api/2.2/jobs"
RUN_COLUMNS: Final = ("Run", "Job", "Started", "Took", "State")
SHOWN: Final = 50


async def listing(api: Api) -> Page:
    found, runs = await asyncio.gather(
        api.get(f"{API}/list", limit=100), api.get(f"{API}/runs/list", limit=25)
    )
    last: dict[int, Mapping[str, Any]] = {}
    for run in reversed(runs.get("runs") or ()):
        last[run.get("job_id") or 0] = run
    rows = []
    for job in found.get("jobs") or ():
        settings, id = job["settings"], job["job_id"]
        rows.append(
            (
                cell(settings.get("name") or id, address("jobs", id)),
                cell(trigger(settings)),
                cell(job.get("creator_user_name")),
                state(state_of(last[id]) if id in last else ""),
            )
        )
    jobs = Table(
        title="Jobs",
        columns=("Name", "Starts", "Creator", "Last run"),
        rows=rows,
        empty="No job that you may see.",
    )
    return Page(
        title="Jobs", section=SECTION, blocks=[jobs, recent(runs.get("runs") or (), "Recent runs")]
    )


async def job(api: Api, job_id: str) -> Page:
    found, runs = await asyncio.gather(
        api.get(f"{API}/get", job_id=job_id),
        api.get(f"{API}/runs/list", job_id=job_id, limit=SHOWN // 2),
    )
    settings = found["settings"]
    tasks = [
        (
            cell(task["task_key"]),
            cell(kind_of(task)),
            cell(", ".join(on["task_key"] for on in task.get("depends_on") or ())),
        )
        for task in settings.get("tasks") or ()
    ]
    named = settings.get("name") or job_id
    blocks: list[Block] = [
        facts(
            ("Id", code(job_id)),
            ("Creator", found.get("creator_user_name")),
            ("Runs as", found.get("run_as_user_name")),
            ("Starts", trigger(settings)),
            ("Parameters", _pairs(settings.get("parameters"), "default")),
            ("Tags", ", ".join(f"{k}={v}" for k, v in (settings.get("tags") or {}).items())),
            ("Deployed by", _bundle(settings)),
        ),
        Table(title="Tasks", columns=("Task", "Kind", "After"), rows=tasks),
        recent(runs.get("runs") or (), "Runs"),
        as_json("Settings", settings),
    ]
    above = [("Jobs", "/jobs")]
    return Page(title=named, kind="Job", section=SECTION, above=above, blocks=blocks)


async def run(api: Api, job_id: str, run_id: str) -> Page:
    """A run with what its tasks said. A task's run shows the run that it belongs to."""
    found = await api.get(f"{API}/runs/get", run_id=run_id)
    tasks = list(found.get("tasks") or ())
    ended = [one for one in tasks if one.get("end_time")]
    outputs = await asyncio.gather(
        *(api.seen(f"{API}/runs/get-output", run_id=one["run_id"]) for one in ended[:SHOWN])
    )
    spans = [
        (one["task_key"], state_of(one), one.get("start_time") or 0, one.get("end_time") or 0)
        for one in tasks
    ]
    blocks: list[Block] = [
        facts(
            ("State", state(state_of(found))),
            ("Message", (found.get("state") or {}).get("state_message")),
            ("Started", moment(found.get("start_time"))),
            ("Took", took(_took(found))),
            ("Trigger", found.get("trigger")),
            ("Runs as", found.get("run_as_user_name") or found.get("creator_user_name")),
            ("Parameters", _pairs(found.get("job_parameters"), "value")),
        ),
        timeline("Tasks", spans),
    ]
    for task, output in zip(ended, outputs, strict=False):
        blocks += _said(task["task_key"], output)
    above = [("Jobs", "/jobs")]
    if found.get("job_id"):
        above.append((found.get("run_name") or job_id, address("jobs", found["job_id"])))
    return Page(
        title=str(found.get("run_name") or f"Run {run_id}"),
        kind=f"Run {run_id}",
        section=SECTION,
        above=above,
        blocks=blocks,
        state=state_of(found),
        is_changing=not found.get("end_time"),
    )


def recent(runs: Sequence[Mapping[str, Any]], title: str) -> Table:
    rows: list[Sequence[Cell]] = []
    for one in runs:
        job_id = one.get("job_id") or 0
        rows.append(
            (
                code(one["run_id"], address("jobs", job_id, "runs", one["run_id"])),
                cell(one.get("run_name"), address("jobs", job_id) if job_id else ""),
                moment(one.get("start_time")),
                cell(took(_took(one))),
                state(state_of(one)),
            )
        )
    return Table(title=title, columns=RUN_COLUMNS, rows=rows, empty="Nothing has run yet.")


def state_of(run: Mapping[str, Any]) -> str:
    told = run.get("state") or {}
    return str(told.get("result_state") or told.get("life_cycle_state") or "")


def kind_of(task: Mapping[str, Any]) -> str:
    found = next((key for key in task if key.endswith("_task")), "")
    return found.removesuffix("_task").replace("_", " ")


def trigger(settings: Mapping[str, Any]) -> str:
    """When a job starts by itself, in words."""
    paused = ""
    for key in ("schedule", "trigger", "continuous"):
        told = settings.get(key)
        if told:
            paused = " (paused)" if told.get("pause_status") == "PAUSED" else ""
            cron = told.get("quartz_cron_expression")
            what = f"cron {cron}" if cron else ", ".join(k for k in told if k != "pause_status")
            return f"{what if key != 'continuous' else 'always'}{paused}"
    return "when asked"


def _took(run: Mapping[str, Any]) -> int:
    end, start = run.get("end_time") or 0, run.get("start_time") or 0
    return int(end - start) if end and start else int(run.get("run_duration") or 0)


def _pairs(given: Any, value: str) -> str:
    return ", ".join(f"{one['name']}={one.get(value, '')}" for one in given or ())


def _bundle(settings: Mapping[str, Any]) -> Cell:
    path = str((settings.get("deployment") or {}).get("metadata_file_path") or "")
    root = path.removesuffix("/state/metadata.json")
    return cell(root, address("files") + root) if root else cell("")


def _said(task: str, output: Mapping[str, Any]) -> list[Block]:
    """What a task gave back, logged, and failed with."""
    result = (output.get("notebook_output") or {}).get("result")
    blocks: list[Block] = []
    if failed := output.get("error"):
        trace = str(output.get("error_trace") or "")
        text = trace if trace.strip() else str(failed)
        blocks.append(Text(title=f"{task}: failed with", text=cut(text)))
    if result:
        blocks.append(Text(title=f"{task}: result", text=cut(str(result))))
    if logs := output.get("logs"):
        blocks.append(Text(title=f"{task}: output", text=cut(str(logs)), is_open=not failed))
    return blocks
