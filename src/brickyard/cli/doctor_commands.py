"""`doctor`: the seven ways in which such projects fail, looked for in this one. Works offline."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from brickyard.cli.diagnostics import painter, show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.project_options import Chosen, load, project_options
from brickyard.deploy import WORLD_ERRORS, BrokenBundle, Project, connect_project
from brickyard.deploy.project import OF_DEPLOYS
from brickyard.release.doctor import Health, examine, look_at
from brickyard.release.records import ReleaseRecord, history
from brickyard.values import has_errors

MARKS: Final = {
    Health.GOOD: ("good", "green"),
    Health.WEAK: ("weak", "yellow"),
    Health.MISSING: ("MISSING", "red"),
    Health.UNKNOWN: ("unknown", "yellow"),
}


@click.command("doctor", short_help="Look at the project for what makes such ones fail.")
@click.option("--all", "shows_all", is_flag=True, help="Show the evidence for what is good, too.")
@click.option("--offline", is_flag=True, help="Ask no workspace, though one would answer.")
@project_options
def doctor(chosen: Chosen, shows_all: bool, offline: bool) -> None:
    """Look for the seven failure points of such projects, each with evidence and the next step.

    Works offline; where the target's workspace answers, its releases are looked at too. Exit code
    0 whatever it finds.
    """
    project = load(chosen)
    if has_errors(project.diagnostics):
        show_diagnostics(project.diagnostics, project.disk)
        raise Refused("the bundle has errors; mend them first, then ask again")
    with LiveLine("reading the project", is_silent=chosen.wants_json):
        records = None if offline else _records(project)
        found = examine(look_at(project, records))
    if chosen.wants_json:
        answer = {"target": project.resolved.target, "points": found}
        click.echo(json.dumps(answer, indent=2))
        return
    _show(found, shows_all)


def _records(project: Project) -> Sequence[ReleaseRecord] | None:
    """The releases of the target, if its workspace answers at once. Nothing is started for it."""
    address = project.address
    if address.environment is not None and not project.embedded.is_up(address.environment):
        return None
    try:
        return history(connect_project(project, tolerates=OF_DEPLOYS))
    except WORLD_ERRORS:
        return None
    except BrokenBundle:
        return None


def _show(points: list[dict[str, Any]], shows_all: bool) -> None:
    paint = painter(sys.stdout.isatty())
    for number, point in enumerate(points, start=1):
        title = str(point["point"])
        click.echo(f"{number}. {title[:1].upper()}{title[1:]}")
        for check in point["checks"]:
            word, colour = MARKS[Health(check["health"])]
            click.echo(f"   {paint(f'{word:<8}', colour)} {check['question']}")
            if check["health"] == Health.GOOD and not shows_all:
                continue
            for one in check["evidence"]:
                place = f"{one['file']}:{one['line']}" if one["line"] else one["file"]
                click.echo(f"            {place}{': ' if one['text'] else ''}{one['text']}")
            if check["next"]:
                click.echo(f"            -> {check['next']} `{check['command']}`")
    checks = [check for point in points for check in point["checks"]]
    counts = [f"{sum(1 for c in checks if c['health'] == h)} {h}" for h in Health]
    click.echo(", ".join(counts))
