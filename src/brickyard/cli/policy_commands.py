"""`policy check`: every access of a bundle against its environment's data policy. Works offline."""

from __future__ import annotations

import json
import sys

import click

from brickyard.cli.diagnostics import painter, show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.project_options import Chosen, load, project_options
from brickyard.deploy import source_paths
from brickyard.policy import PolicyReport, Verdict, check
from brickyard.release import FILE, read_settings
from brickyard.values import has_errors

MARKS = {Verdict.OK: ("ok", "green"), Verdict.VIOLATION: ("VIOLATION", "red")}
MARKS[Verdict.UNKNOWN] = ("unknown", "yellow")


@click.group()
def policy() -> None:
    """The data policy: what an environment may read and write."""


@policy.command("check", short_help="Check what the bundle and its code read and write.")
@click.option("--all", "shows_all", is_flag=True, help="List the accesses that are ok, too.")
@project_options
def check_command(chosen: Chosen, shows_all: bool) -> None:
    """Check configuration, SQL and Python of the bundle against the data policy, offline.

    Exit code 1 when the policy is enforced and broken. What can't be resolved is unknown, not ok.
    """
    project = load(chosen)
    settings = read_settings(project.disk.get(FILE))
    found = (*project.diagnostics, *settings.diagnostics)
    if has_errors(found):
        show_diagnostics(found, project.disk)
        raise Refused("the bundle has errors; the policy can't be checked before they are mended")
    show_diagnostics(settings.diagnostics, project.disk)
    with LiveLine("reading what the bundle and its code access", is_silent=chosen.wants_json):
        report = check(
            project.resolved,
            project.disk,
            sources=source_paths(project),
            settings=settings.plain,
        )
    if chosen.wants_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        _show(report, shows_all)
    if report.blocks:
        raise Refused(exit_code=1)


def _show(report: PolicyReport, shows_all: bool) -> None:
    paint = painter(sys.stdout.isatty())
    rule = report.environment
    click.echo(
        f"{rule.name} (target {report.target}) reads {', '.join(sorted(rule.reads))}"
        f" and writes {', '.join(sorted(rule.writes))}; policy mode {report.mode}"
    )
    shown = [one for one in report.accesses if shows_all or one.verdict is not Verdict.OK]
    for one in shown:
        word, colour = MARKS[one.verdict]
        click.echo(
            f"  {paint(f'{word:<9}', colour)} {one.mode:<5} {one.securable} {one.full_name}"
            f"  {one.file}:{one.line}"
        )
        if one.reason:
            click.echo(f"            {one.reason}")
    counts = dict.fromkeys(Verdict, 0)
    for one in report.accesses:
        counts[one.verdict] += 1
    click.echo(
        f"{len(report.accesses)} accesses: {counts[Verdict.OK]} ok,"
        f" {counts[Verdict.VIOLATION]} violations, {counts[Verdict.UNKNOWN]} unknown"
    )
