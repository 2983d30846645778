"""`release promote | history | show | rollback`: moving one commit through the environments."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from brickyard.cli.diagnostics import show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.progress import ReleaseProgress
from brickyard.cli.project_options import (
    LOCAL,
    OUTPUT,
    PROFILE,
    VARIABLES,
    parse_variables,
    start_embedded,
)
from brickyard.deploy import BrokenBundle, find_root
from brickyard.deploy.disk import DiskFiles
from brickyard.release import (
    FILE,
    GitFault,
    Promotion,
    PromotionRefused,
    ReleaseRecord,
    history,
    open_environment,
    promote,
    read_settings,
    rollback,
    uncommitted,
    verify,
)
from brickyard.release.promote import find_environment
from brickyard.values import has_errors

Command = Callable[..., None]

ENVIRONMENT = click.option(
    "-t",
    "--environment",
    required=True,
    metavar="ENVIRONMENT",
    help="Environment of brickyard.yml.",
)


@click.group()
def release() -> None:
    """Releases: promote a commit, see what was released, go back."""


def _common(command: Command) -> Command:
    """Options that reach an environment, and errors said as every other command says them."""

    @VARIABLES
    @OUTPUT
    @PROFILE
    @LOCAL
    @wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except BrokenBundle as broken:
            show_diagnostics(broken.diagnostics, DiskFiles(_root()))
            raise Refused("the bundle has errors") from None
        except PromotionRefused as refusal:
            show_diagnostics(refusal.diagnostics, DiskFiles(_root()))
            raise Refused(str(refusal)) from None
        except GitFault as fault:
            raise Refused(str(fault)) from None

    return run


@release.command("promote", short_help="Release a commit to an environment, if it passes there.")
@click.option(
    "--to", required=True, metavar="ENVIRONMENT", help="Environment of brickyard.yml to release to."
)
@click.option(
    "--commit",
    metavar="COMMIT",
    help="Commit to release; default: what the environment before serves, or HEAD for the first.",
)
@_common
def promote_command(to: str, commit: str | None, output: str, **options: Any) -> None:
    """Deploy a commit to an environment, run its rollout there, and let it go live if it passes.

    Exit code 1 when it does not; the environment then serves what it served.
    """
    wanted = _promotion(to, output, commit=commit, **options)
    if output == "text":
        files = DiskFiles(wanted.root)
        settings = read_settings(files.get(FILE))
        if not has_errors(settings.diagnostics):  # errors are said by the promotion itself
            show_diagnostics(settings.diagnostics, files)
    left_out = uncommitted(wanted.root)
    if left_out and output == "text":
        shown = ", ".join(left_out[:3]) + (" …" if len(left_out) > 3 else "")
        click.echo(f"Note: a release is a commit; not part of it: {shown}", err=True)
    _show_result(_followed(wanted, output, promote), output)


@release.command("rollback", short_help="Return an environment to an earlier release.")
@ENVIRONMENT
@click.option(
    "--release",
    "number",
    type=int,
    metavar="NUMBER",
    help="Release to return to; default: the one before what is live.",
)
@_common
def rollback_command(environment: str, number: int | None, output: str, **options: Any) -> None:
    """Return an environment to an earlier release: code, alias and endpoint together.

    What jobs wrote to tables since then stays; the record says which did.
    """
    wanted = _promotion(environment, output, **options)
    record = _followed(wanted, output, lambda shown: rollback(shown, number))
    _show_result(record, output)
    if output == "text":
        for line in record.not_undone:
            click.echo(f"  not undone: {line}")


@release.command("history")
@ENVIRONMENT
@_common
def history_command(environment: str, output: str, **options: Any) -> None:
    """List the releases of an environment, oldest first."""
    records = _records(environment, output, **options)
    if output == "json":
        click.echo(json.dumps([record.as_json() for record in records], indent=2))
        return
    if not records:
        click.echo(f"Nothing has been released to {environment} yet.")
    for record in records:
        version = f"model version {record.model_version}" if record.model_version else ""
        started = record.started[:19].replace("T", " ")
        click.echo(
            f"{record.sequence:>4}  {started} UTC  {record.commit[:10]}  {record.kind:<8}"
            f"  {record.result:<11}  {version}  {record.who}"
        )
    for fault in verify(records):
        click.echo(f"Warning: the history was tampered with: {fault}", err=True)


@release.command("show")
@click.argument("number", type=int, metavar="NUMBER")
@ENVIRONMENT
@_common
def show_command(number: int, environment: str, output: str, **options: Any) -> None:
    """Print one release record, whole, as JSON. `release history` has the numbers."""
    records = _records(environment, output, **options)
    found = next((record for record in records if record.sequence == number), None)
    if found is None:
        raise Refused(f"{environment} has no release {number}; it has {len(records)}")
    click.echo(json.dumps(found.as_json(), indent=2))


def _records(environment: str, output: str, **options: Any) -> tuple[ReleaseRecord, ...]:
    wanted = _promotion(environment, output, **options)
    settings = read_settings(DiskFiles(wanted.root).get(FILE))
    with LiveLine("reading the release records", is_silent=output == "json"):
        return history(open_environment(wanted, find_environment(settings, environment)))


def _promotion(to: str, output: str, **options: Any) -> Promotion:
    return Promotion(
        root=_root(),
        to=to,
        commit=options.get("commit"),
        variables=tuple(parse_variables(options["variables"]).items()),
        profile=options["profile"],
        local=options["local"],
        start=start_embedded,
    )


def _root() -> Path:
    return find_root(Path.cwd(), os.environ)


def _followed(
    wanted: Promotion, output: str, work: Callable[[Promotion], ReleaseRecord]
) -> ReleaseRecord:
    """The work with its progress on stderr; silent for machines."""
    is_silent = output == "json"
    with LiveLine(is_silent=is_silent) as line:
        progress = ReleaseProgress(line, is_silent=is_silent)
        return work(replace(wanted, say=progress.say, doing=progress.doing))


def _show_result(record: ReleaseRecord, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(record.as_json(), indent=2))
    else:
        version = f", model version {record.model_version}" if record.model_version else ""
        click.echo(
            f"Release {record.sequence} of {record.environment}: {record.result}"
            f" ({record.commit[:10]}{version})"
        )
    if not record.succeeded:
        raise Refused(f"{record.reason}\n{record.environment} goes on serving what it served")
