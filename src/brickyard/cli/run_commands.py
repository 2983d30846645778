"""`run`: start a deployed job, follow it, show what it printed; or run a script, or any command.

`run KEY` runs a job or one of the bundle's `scripts`; `run -- CMD ARGS` any command, with the
target's host and token in its environment. Both give back the child's exit code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.failures import Refused
from brickyard.cli.project_options import (
    Chosen,
    connect,
    load,
    parse_variables,
    project_options,
)

if TYPE_CHECKING:
    from brickyard.deploy import Project, RunResult

ENDINGS = {"FAILED": "failed", "CANCELED": "canceled", "TIMEDOUT": "timed out"}


class WithCommand(click.Command):
    """A command that keeps what stands behind `--` apart, as `ctx.meta["behind"]`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["behind"] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- CMD...]"]


@click.command(cls=WithCommand)
@click.argument("key", required=False)
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
    key: str | None,
    params: tuple[str, ...],
    only: tuple[str, ...],
    no_wait: bool,
    restart: bool,
) -> None:
    """Run the deployed job KEY and wait for its end. Exit code 1 when it does not succeed.

    KEY may also name one of the bundle's scripts, and `run -- CMD` runs any command: both find
    the target's host and token in their environment, and their exit code is passed on.
    """
    behind: tuple[str, ...] = click.get_current_context().meta["behind"]
    if key is None:
        _run_command(chosen, behind)
        return
    from brickyard.cli.live import LiveLine, say
    from brickyard.cli.progress import RunProgress
    from brickyard.deploy import run_job

    project = connect(chosen, quiet=True)
    if _run_script(project, key, behind):
        return
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


def _run_command(chosen: Chosen, words: tuple[str, ...]) -> None:
    """Any command, where the caller stands. The bundle need not be free of errors for it."""
    if not words:
        raise click.UsageError("name what to run: a job or script of the bundle, or `-- CMD`")
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.deploy.disk import DiskFiles
    from brickyard.deploy.scripts import run_command

    project = load(chosen)
    if not project.resolved.target:
        show_diagnostics(project.diagnostics, DiskFiles(project.root))
        raise Refused
    _end_as(run_command(project, words, Path.cwd()))


def _run_script(project: Project, key: str, behind: tuple[str, ...]) -> bool:
    """Run the script of this name; false when the bundle has none."""
    from brickyard.deploy.scripts import is_script, run_script

    if not is_script(project, key):
        return False
    if behind:
        raise Refused(
            f"additional arguments are not supported for scripts. Got: [{' '.join(behind)}]. We"
            " recommend using environment variables to pass runtime arguments to a script. For"
            f" example: FOO=bar brickyard run {key}"
        )
    _end_as(run_script(project, key))
    return True


def _end_as(exit_code: int) -> None:
    if exit_code:
        raise Refused(exit_code=exit_code)


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
