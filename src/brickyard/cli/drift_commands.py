"""`drift`: what an environment is against what was released, for people and schedulers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from brickyard.cli.diagnostics import painter
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.release_options import (
    ENVIRONMENT,
    promotion,
    reach,
    release_options,
    settings_here,
)
from brickyard.release.drift import DriftReport, Finding, State, check_drift
from brickyard.release.drift.check import KINDS
from brickyard.release.promote import find_environment

DRIFTED: Final = 2
MARKS: Final = {
    State.OK: ("ok", "green"),
    State.DRIFT: ("DRIFT", "red"),
    State.UNKNOWN: ("unknown", "yellow"),
}


@click.command("drift", short_help="Say what is no longer as it was released.")
@ENVIRONMENT
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(KINDS),
    help="Look for this kind only; repeatable; default: all four.",
)
@click.option(
    "--report",
    "written_to",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write what -o json prints to this file.",
)
@release_options
def drift(
    environment: str, only: tuple[str, ...], written_to: Path | None, output: str, **options: Any
) -> None:
    """Compare an environment with its live release: configuration, data, evaluation, code.

    Exit code 0: no drift; 2: drift; 1: no drift found, but something could not be looked at.
    """
    settings = settings_here()
    chosen = find_environment(settings, environment)
    project = reach(environment, output, **options)
    with LiveLine("looking for drift", is_silent=output == "json"):
        report = check_drift(
            project,
            promotion(environment, **options).root,
            settings,
            chosen,
            tuple(kind for kind in KINDS if not only or kind in only),
        )
    found = json.dumps(report.as_json(), indent=2, default=str)
    if written_to is not None:
        written_to.write_text(found + "\n")
    if output == "json":
        click.echo(found)
    else:
        _show(report)
    if report.has_drift:
        raise Refused(exit_code=DRIFTED)
    if not report.is_complete:
        raise Refused("part of it could not be looked at")


def _show(report: DriftReport) -> None:
    paint = painter(sys.stdout.isatty())
    released = f"release {report.release}, {report.commit[:10]}" if report.release else "no release"
    click.echo(f"{report.environment} against {released}")
    for one in report.findings:
        word, colour = MARKS[one.state]
        click.echo(f"  {paint(f'{word:<8}', colour)} {one.kind:<13} {_line(one)}")
    counts = [sum(1 for one in report.findings if one.state is state) for state in State]
    click.echo(f"{counts[0]} ok, {counts[1]} drifted, {counts[2]} unknown")


def _line(one: Finding) -> str:
    where = f"{one.subject} {one.field}".strip()
    compared = ""
    if one.state is State.DRIFT and (one.recorded is not None or one.actual is not None):
        compared = f": {_short(one.recorded)} -> {_short(one.actual)}"
    by = f" by {one.who}" if one.who else ""
    when = f" at {one.when}" if one.when else ""
    detail = f" ({one.detail})" if one.detail else ""
    return f"{where}{compared}{by}{when}{detail}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"
