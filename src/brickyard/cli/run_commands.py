"""`run`: start something deployed, follow it, show what it says; or run a script, or any command.

`run KEY` runs a job, an app, a pipeline (see `RUNS`) or one of the bundle's `scripts`;
`run -- CMD ARGS` any command, with the target's host and token in its environment. Scripts and
commands give back the child's exit code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from brickyard.cli.dialect import is_official
from brickyard.cli.failures import Refused
from brickyard.cli.flag_values import BadValue, all_named, listed
from brickyard.cli.project_options import (
    Chosen,
    connect,
    load,
    project_options,
)

if TYPE_CHECKING:
    from brickyard.deploy import Project, RunResult
    from brickyard.deploy.run import Runnable

ENDINGS = {"FAILED": "failed", "CANCELED": "canceled", "TIMEDOUT": "timed out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says of a run; each type takes what it knows."""

    params: tuple[str, ...]
    task_params: Mapping[str, tuple[str, ...]]  # by field of `run-now`, as given
    words: tuple[str, ...]  # behind `--`
    only: tuple[str, ...]
    wait: bool
    restart: bool
    wants_json: bool
    refresh: Mapping[str, Any]  # of a pipeline, by the names of `Refresh`


class WithCommand(click.Command):
    """A command that keeps what stands behind `--` apart, as `ctx.meta["behind"]`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["behind"] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- CMD...]"]


NAMED, LISTED = "NAME=VALUE", "VALUE"
# Field of `run-now` -> the type of task that takes it, and how its values are written. The official
# CLI has the same options.
TASK_PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "notebook_params": ("notebook", NAMED),
    "python_params": ("Python", LISTED),
    "python_named_params": ("Python wheel", NAMED),
    "sql_params": ("SQL", NAMED),
    "pipeline_params": ("pipeline", NAMED),
    "dbt_commands": ("dbt", LISTED),
    "jar_params": ("Spark JAR", LISTED),
    "spark_submit_params": ("Spark submit", LISTED),
}


def task_parameters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options for parameters of tasks, of a job that declares no parameters of its own."""
    for name, (kind, shape) in reversed(tuple(TASK_PARAMETERS.items())):
        option = click.option(
            f"--{name.replace('_', '-')}",
            name,
            multiple=True,
            metavar=shape,
            help=f"For {kind} tasks of a job without parameters; comma-separated or repeated.",
        )
        command = option(command)
    return command


@click.command(cls=WithCommand)
@click.argument("key", required=False)
@project_options
@click.option(
    "--params", multiple=True, metavar="NAME=VALUE", help="Set a job parameter; repeatable."
)
@task_parameters
@click.option(
    "--only",
    multiple=True,
    metavar="TASK",
    help="Run this task only; +TASK: and what it depends on, TASK+: and what depends on it."
    " Repeatable.",
)
@click.option("--refresh", multiple=True, metavar="TABLE", help="Update these tables only.")
@click.option("--refresh-all", is_flag=True, help="Update the whole pipeline; the default.")
@click.option(
    "--full-refresh",
    multiple=True,
    metavar="TABLE",
    help="Empty these tables of the pipeline and compute them anew; comma-separated or repeated.",
)
@click.option(
    "--full-refresh-all", is_flag=True, help="Empty all tables of the pipeline and compute them."
)
@click.option("--validate-only", is_flag=True, help="Check the pipeline's graph, write nothing.")
@click.option("--no-wait", is_flag=True, help="Return as soon as the run has started.")
@click.option(
    "--restart",
    is_flag=True,
    help="Cancel active runs of the job, or the pipeline's update, first. An app is deployed anew"
    " by each run.",
)
def run(
    chosen: Chosen,
    *,
    key: str | None,
    params: tuple[str, ...],
    only: tuple[str, ...],
    refresh: tuple[str, ...],
    refresh_all: bool,
    full_refresh: tuple[str, ...],
    full_refresh_all: bool,
    validate_only: bool,
    no_wait: bool,
    restart: bool,
    **task_params: tuple[str, ...],
) -> None:
    """Run the deployed job, pipeline or app KEY. Exit code 1 when it does not succeed.

    A job's run or a pipeline's update is followed to its end. An app is started if it is stopped,
    its source is deployed, and its address printed. Two resources of one KEY are told apart as
    `jobs.KEY` and `apps.KEY`.

    Words behind `--` are a job's parameters, as `--name=value` or `--name value`; of a job that
    declares none, they go to its tasks.

    KEY may also name one of the bundle's scripts, and `run -- CMD` runs any command: both find
    the target's host and token in their environment, and their exit code is passed on.
    """
    behind: tuple[str, ...] = click.get_current_context().meta["behind"]
    if key is None:
        _run_command(chosen, behind)
        return
    from brickyard.deploy import find_runnable

    project = connect(chosen, quiet=True)
    if _run_script(project, key, behind):
        return
    found = find_runnable(project, key)
    options = Options(
        params=params,
        task_params=task_params,
        words=behind,
        only=only,
        wait=not no_wait,
        restart=restart,
        wants_json=chosen.wants_json,
        refresh={
            "refresh": _values(refresh),
            "refresh_all": refresh_all,
            "full_refresh": _values(full_refresh),
            "full_refresh_all": full_refresh_all,
            "validate_only": validate_only,
        },
    )
    if found.kind != "pipelines" and any(options.refresh.values()) and not is_official():
        raise Refused("only a pipeline takes --refresh, --full-refresh and --validate-only")
    RUNS[found.kind](project, found, options)


def _run_job(project: Project, job: Runnable, options: Options) -> None:
    from brickyard.cli.live import LiveLine, say
    from brickyard.cli.progress import RunProgress
    from brickyard.cli.run_text import show_run
    from brickyard.deploy import run_job
    from brickyard.deploy.run_parameters import RunParameters

    with LiveLine("starting the run") as line:
        result = run_job(
            project,
            job.name,
            RunParameters(
                job=all_named(options.params),
                tasks={
                    name: all_named(given) if shape is NAMED else _values(given)
                    for name, (_, shape) in TASK_PARAMETERS.items()
                    if (given := options.task_params[name])
                },
                words=options.words,
            ),
            only=_values(options.only),
            wait=options.wait,
            restart=options.restart,
            started=lambda run_id, url: say(f"Run URL: {url}\n"),
            progress=RunProgress(line),
        )
    if is_official():
        if options.wait:
            show_run(result, wants_json=options.wants_json)
        return
    if options.wants_json:
        click.echo(json.dumps(_as_data(result, waited=options.wait), indent=2))
    elif options.wait:
        _show_output(result)
    if options.wait and not result.succeeded:
        ending = ENDINGS.get(result.state.result, "failed")
        raise Refused(f"run {ending}: {_why(result)}")


def _run_app(project: Project, app: Runnable, options: Options) -> None:
    """Running an app again is how it is restarted: each run deploys its source anew."""
    from brickyard.cli.live import LiveLine
    from brickyard.deploy.app_runs import run_app

    _refuse_parameters(options, "an app")
    with LiveLine("deploying the app") as line:
        url = run_app(project, app, line.say, wait=options.wait or is_official())
        line.say(f"You can access the app at {url}")


def _run_pipeline(project: Project, pipeline: Runnable, options: Options) -> None:
    """Every event that tells of progress is a line; an update that fails says why at the end."""
    from brickyard.cli.live import LiveLine
    from brickyard.cli.run_text import show_errors
    from brickyard.deploy.pipeline_runs import Refresh, event_line, run_pipeline

    _refuse_parameters(options, "a pipeline")
    with LiveLine("starting the update") as line:

        def show(event: Mapping[str, Any]) -> None:
            line.say(event_line(event))
            line.doing(str(event.get("message", "")))

        result = run_pipeline(
            project,
            pipeline,
            Refresh(**options.refresh),
            wait=options.wait,
            restart=options.restart,
            started=lambda url: line.say(f"Update URL: {url}\n"),
            progress=show,
        )
    if result.state == "CANCELED":
        raise Refused("update cancelled")
    if result.state == "FAILED" and is_official():
        show_errors(result.errors)
        raise Refused("update failed")
    if result.state == "FAILED":
        raise Refused(f"update failed: {result.why}" if result.why else "update failed")
    if options.wants_json:
        click.echo(json.dumps({"update_id": result.update_id}, indent=2))
    else:
        click.echo(f"Update ID: {result.update_id}")


def _refuse_parameters(options: Options, what: str) -> None:
    has_any = options.params or options.only or any(options.task_params.values())
    if has_any and not is_official():
        raise Refused(f"{what} takes no --params and no --only")
    if options.words:
        raise Refused(f"received {len(options.words)} unexpected positional arguments")


def _values(given: tuple[str, ...]) -> list[str]:
    """Values that were repeated or joined by commas."""
    try:
        return [value for text in given for value in listed(text)]
    except BadValue as fault:
        raise Refused(str(fault)) from fault


# Type under `resources` -> how it is run and shown; `deploy/run.py` has the types by name.
RUNS: Final[Mapping[str, Callable[[Project, Runnable, Options], None]]] = {
    "jobs": _run_job,
    "apps": _run_app,
    "pipelines": _run_pipeline,
}


def _run_command(chosen: Chosen, words: tuple[str, ...]) -> None:
    """Any command, where the caller stands. The bundle need not be free of errors for it."""
    if not words:
        raise Refused("expected a KEY of the resource to run")
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
        ours = f"brickyard run {key}"
        raise Refused(
            f"additional arguments are not supported for scripts. Got: [{' '.join(behind)}]. We"
            " recommend using environment variables to pass runtime arguments to a script. For"
            f" example: FOO=bar {'brickyard bundle run my_script' if is_official() else ours}"
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
