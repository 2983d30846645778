"""`build`: make the bundle's artifacts without deploying; asks no workspace for anything."""

from __future__ import annotations

import json

import click

from brickyard.cli.failures import Refused
from brickyard.cli.project_options import Chosen, load, project_options


@click.command()
@project_options
def build(chosen: Chosen) -> None:
    """Build the artifacts and list the files that a deploy would upload for them.

    Runs the scripts `prebuild` and `postbuild`. Needs no workspace and no credentials.
    """
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.cli.live import say
    from brickyard.deploy.disk import DiskFiles
    from brickyard.deploy.hooks import run_hook
    from brickyard.deploy.planning import prepare_resources
    from brickyard.values import Severity

    project = load(chosen)
    shown = [one for one in project.diagnostics if one.severity is not Severity.RECOMMENDATION]
    show_diagnostics(shown, DiskFiles(project.root))
    if project.resolved.has_errors:
        raise Refused
    run_hook(project, "postinit", say)
    made = prepare_resources(project, say=say)
    if chosen.wants_json:
        files = [{"path": str(item.source), "remote_path": item.target} for item in made.uploads]
        click.echo(json.dumps({"files": files}, indent=2))
        return
    for item in made.uploads:
        click.echo(str(item.source))
    if not made.uploads:
        click.echo("Nothing to build: no artifact and no library is a local file.", err=True)
