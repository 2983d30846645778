"""What `bundle run` says of a run that has ended, as the official CLI says it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from brickyard.cli.failures import Refused, say_error

if TYPE_CHECKING:
    from brickyard.deploy import RunResult
    from brickyard.deploy.http import Json
    from brickyard.deploy.job_runs import TaskOutput

ENDINGS: Final = {"CANCELED": "canceled", "FAILED": "failed", "TIMEDOUT": "timed out"}
CUT: Final = "\n[truncated...]\n"


def show_run(result: RunResult, *, wants_json: bool) -> None:
    """The outputs of a job's run on stdout. Raises `Refused` for one that ended badly."""
    state = result.state
    if state.life_cycle == "INTERNAL_ERROR":
        for task in sorted(result.tasks, key=lambda one: one.start_ms):
            _show_failed(task)
        text = f"failed to reach TERMINATED or SKIPPED, got INTERNAL_ERROR: {state.message}"
        raise Refused(text)
    if state.life_cycle == "SKIPPED":
        raise Refused(f"run skipped: {state.message}")
    if state.result in ENDINGS:
        raise Refused(f"run {ENDINGS[state.result]}: {state.message}")
    if state.result != "SUCCESS":
        return
    said = [task for task in result.tasks if task.output is not None]
    if wants_json:
        rows = [
            {"TaskKey": task.task_key, "Output": task.output, "EndTime": task.end_ms}
            for task in said
        ]
        click.echo(json.dumps({"task_outputs": rows}, indent=2, ensure_ascii=False))
    elif len(said) == 1:
        click.echo(_text(said[0].output or {}), nl=False)
    elif said:
        parts = (f"=======\nTask {one.task_key}:\n{_text(one.output or {})}\n" for one in said)
        click.echo("Output:\n" + "".join(parts), nl=False)


def _text(output: Json) -> str:
    if "logs" in output:
        return str(output["logs"]) + (CUT if output.get("logs_truncated") else "")
    if set(output) <= {"result", "truncated"}:
        return str(output.get("result", "")) + (CUT if output.get("truncated") else "")
    kind = "Dbt" if "artifacts_link" in output or "artifacts_headers" in output else "SQL"
    return f"{kind} Task Output:\n{json.dumps(output, indent=2, ensure_ascii=False)}"


def _show_failed(task: TaskOutput) -> None:
    state = task.state
    if state.life_cycle != "INTERNAL_ERROR" and state.result != "FAILED":
        return
    click.echo(f"Task {task.task_key} FAILED:\n{task.error}\n{task.trace}\n", err=True)
    say_error(f"Task {task.task_key} failed!\nError:\n{task.error}\nTrace:\n{task.trace}")


def show_errors(events: Iterable[Mapping[str, Any]]) -> None:
    """Why an update failed: its errors, oldest first."""
    from brickyard.deploy.pipeline_runs import exceptions

    for event in events:
        message, causes = str(event.get("message") or ""), exceptions(event)
        said = f" {message}\n" if message else ""
        if causes:
            said += "trace for most recent exception: \n" + "".join(f"{one}\n" for one in causes)
        if said:
            say_error(f"[{event.get('event_type', '')}] {said}")
