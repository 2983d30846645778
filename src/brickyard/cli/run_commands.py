"""`run`: start a deployed job, follow it, show what it printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.failures import Refused
from brickyard.cli.project_options import Chosen, connect, parse_variables, project_options

if TYPE_CHECKING:
    from brickyard.deploy import RunResult

ENDINGS = {"FAILED": "failed", "CANCELED": "canceled", "TIMEDOUT": "timed out"}


@click.command()
@click.argument("key")
@project_options
@click.option(
    "--params", multiple=True, metavar="NAME=VALUE", help="Set a job parameter; repeatable."
)
@click.option(
    "--only",
    multiple=True,
    metavar="TASK",
    help="Run this task only; +TASK: and what it depends on, TASK+: and what depends on it."
    " Repeatable.",
)
@click.option("--no-wait", is_flag=True, help="Return as soon as the run has started.")
@click.option("--restart", is_flag=True, help="Cancel active runs of the job first.")
def run(
    chosen: Chosen,
    *,
    key: str,
    params: tuple[str, ...],
    only: tuple[str, ...],
    no_wait: bool,
    restart: bool,
) -> None:
    """Run the deployed job KEY and wait for its end. Exit code 1 when it does not succeed."""
    from brickyard.cli.live import LiveLine, say
    from brickyard.cli.progress import RunProgress
    from brickyard.deploy import run_job

    project = connect(chosen, quiet=True)
    with LiveLine("starting the run") as line:
        result = run_job(
            project,
            key,
            parse_variables(params),
            only=[task for item in only for task in item.split(",") if task],
            wait=not no_wait,
            restart=restart,
            started=lambda run_id, url: say(f"Run URL: {url}"),
            progress=RunProgress(line),
        )
    if chosen.wants_json:
        click.echo(json.dumps(_as_data(result, waited=not no_wait), indent=2))
    elif not no_wait:
        _show_output(result)
    if not no_wait and not result.succeeded:
        ending = ENDINGS.get(result.state.result, "failed")
        raise Refused(f"run {ending}: {_why(result)}")


def _show_output(result: RunResult) -> None:
    said = [task for task in result.tasks if task.text or task.error]
    if len(result.tasks) == 1 and said:
        click.echo(said[0].text.rstrip("\n") or said[0].error)
    elif said:
        click.echo("Output:")
        for task in said:
            click.echo(f"=======\nTask {task.task_key}:\n{task.text.rstrip() or task.error}\n")
    for task in result.tasks:
        if not task.state.succeeded and task.trace:
            click.echo(f"Task {task.task_key}: {task.trace.rstrip()}", err=True)


def _why(result: RunResult) -> str:
    failed = [task for task in result.tasks if task.error]
    parts = [f"task {task.task_key}: {task.error.strip()}" for task in failed]
    return "; ".join(parts) or result.state.message or result.state.life_cycle


def _as_data(result: RunResult, *, waited: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "job_id": result.job_id,
        "run_id": result.run_id,
        "run_page_url": result.url,
    }
    if waited:
        shown["state"] = {
            "life_cycle_state": result.state.life_cycle,
            "result_state": result.state.result,
            "state_message": result.state.message,
        }
        shown["task_outputs"] = [
            {
                "TaskKey": task.task_key,
                "Output": task.text,
                "Error": task.error,
                "EndTime": task.end_ms,
            }
            for task in result.tasks
        ]
    return shown
