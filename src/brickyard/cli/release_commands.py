"""`release promote | history | show | rollback`: moving one commit through the environments."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from brickyard.cli.diagnostics import show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import parse_variables, start_embedded
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

Command = Callable[..., None]


@click.group()
def release() -> None:
    """Releases: promote a commit, see what was released, go back."""


def _common(command: Command) -> Command:
    """Options that reach an environment, and errors said as every other command says them."""

    @click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable.")
    @click.option("-p", "--profile", help="Profile of ~/.databrickscfg.")
    @click.option("--local", is_flag=True, help="Use the embedded workspace whatever the target.")
    @click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
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


@release.command("promote")
@click.option("--to", required=True, metavar="ENVIRONMENT", help="Where the commit goes.")
@click.option("--commit", help="Default: what the environment before it serves, or HEAD.")
@_common
def promote_command(to: str, commit: str | None, output: str, **options: Any) -> None:
    """Deploy a commit to the next environment, re-run it there, and move it live if it passes."""
    wanted = _promotion(to, output, commit=commit, **options)
    left_out = uncommitted(wanted.root)
    if left_out and output == "text":
        shown = ", ".join(left_out[:3]) + (" …" if len(left_out) > 3 else "")
        click.echo(f"Note: a release is a commit; not part of it: {shown}", err=True)
    _show_result(promote(wanted), output)


@release.command("rollback")
@click.option("-t", "--to-environment", "environment", required=True, metavar="ENVIRONMENT")
@click.option("--release", "number", type=int, help="Default: the one before what is live.")
@_common
def rollback_command(environment: str, number: int | None, output: str, **options: Any) -> None:
    """Return an environment to an earlier release: code, alias and endpoint together."""
    wanted = _promotion(environment, output, **options)
    record = rollback(wanted, number)
    _show_result(record, output)
    if output == "text":
        for line in record.not_undone:
            click.echo(f"  not undone: {line}")


@release.command("history")
@click.option("-t", "--environment", required=True, metavar="ENVIRONMENT")
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
        click.echo(
            f"{record.sequence:>4}  {record.started[:19]}  {record.commit[:10]}  {record.kind:<8}"
            f"  {record.result:<11}  {version}  {record.who}"
        )
    for fault in verify(records):
        click.echo(f"Warning: the history was tampered with: {fault}", err=True)


@release.command("show")
@click.argument("number", type=int)
@click.option("-t", "--environment", required=True, metavar="ENVIRONMENT")
@_common
def show_command(number: int, environment: str, output: str, **options: Any) -> None:
    """Print one release record, whole."""
    records = _records(environment, output, **options)
    found = next((record for record in records if record.sequence == number), None)
    if found is None:
        raise Refused(f"{environment} has no release {number}; it has {len(records)}")
    click.echo(json.dumps(found.as_json(), indent=2))


def _records(environment: str, output: str, **options: Any) -> tuple[ReleaseRecord, ...]:
    wanted = _promotion(environment, output, **options)
    settings = read_settings(DiskFiles(wanted.root).get(FILE))
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
        say=_say if output == "text" else lambda step, text: None,
    )


def _root() -> Path:
    return find_root(Path.cwd(), os.environ)


def _say(step: str, text: str) -> None:
    label = f"{step or 'release':<10}"
    mark = click.style(label, fg="cyan") if sys.stderr.isatty() else label
    click.echo(f"{mark} {text}", err=True)


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
