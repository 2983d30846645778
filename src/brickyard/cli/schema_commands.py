"""`schema`: the JSON schemas of the files that people write, for their editors."""

from __future__ import annotations

import json

import click

from brickyard.cli.project_options import accepting_shared

FILES = ("databricks.yml", "brickyard.yml")


@click.command()
@accepting_shared
@click.option(
    "--of",
    "file",
    type=click.Choice(FILES),
    default=FILES[0],
    show_default=True,
    help="Which file's schema.",
)
def schema(file: str) -> None:
    """Print the JSON schema of the bundle's configuration, for editors.

    Save it, and begin the file with `# yaml-language-server: $schema=<path>`; or name it in the
    editor's settings.
    """
    if file == "databricks.yml":
        from brickyard.bundle.json_schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    from brickyard.release.settings_schema import settings_schema

    click.echo(json.dumps(settings_schema(), indent=2))
