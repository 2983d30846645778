"""`bundle debug`: what editors and people in trouble ask of a bundle; unlisted, as it is there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brickyard.cli.commands import FlagsAnywhere
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import (
    FORCE_PULL,
    OUTPUT,
    PROFILE,
    Chosen,
    accepting_shared,
    connect,
    load,
    project_options,
)

if TYPE_CHECKING:
    from brickyard.deploy.git import Repository


@click.group(cls=FlagsAnywhere)
def debug() -> None:
    """What a bundle consists of, for editors and for whoever looks for a fault."""


@debug.command("list-targets")
@accepting_shared
@OUTPUT
def list_targets(output: str) -> None:
    """List the targets that the bundle declares."""
    from brickyard.bundle import BundleFiles, CurrentUser, Facts
    from brickyard.bundle.declared_targets import declared_targets
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.deploy.disk import DiskFiles, find_root
    from brickyard.values import has_errors

    folder = find_root(Path.cwd(), os.environ)
    disk = DiskFiles(folder)
    facts = Facts(user=CurrentUser(user_name=""), root=folder.as_posix(), environment=os.environ)
    targets, found = declared_targets(BundleFiles(disk), facts)
    show_diagnostics(found, disk)
    if has_errors(found):
        raise Refused
    if output == "json":
        click.echo(json.dumps({"targets": [one.json for one in targets]}, indent=2), nl=False)
        return
    for one in targets:
        click.echo(one.line, err=True)


@debug.command()
@project_options
@FORCE_PULL
def states(chosen: Chosen, *, force_pull: bool) -> None:
    """List the state files of the deployment: where, how new, of which lineage.

    The workspace is asked for its copy when there is none here, and with --force-pull.
    """
    from brickyard.deploy.state_files import local_states, remote_states

    found = local_states(load(chosen).folder)
    if force_pull or not found:
        project = connect(chosen, quiet=True)
        found = sorted([*remote_states(project.store), *found], key=lambda one: one.serial)
    click.echo("\n".join(one.line for one in found), err=True)


@debug.command()
@accepting_shared
@OUTPUT
def terraform(output: str) -> None:
    """Say which parts of Terraform a deploy needs: none."""
    if output == "json":
        click.echo(json.dumps({"terraform": None}, indent=2), nl=False)
        return
    click.echo("Brickyard calls the REST API itself: there is no Terraform to install.")


@debug.command()
@accepting_shared
def refschema() -> None:
    """List every field that a resource of a bundle may have: its path and its type."""
    from brickyard.resources.catalogue import catalogue

    for path, kind in catalogue().paths():
        click.echo(f"resources.{path}\t{kind}\tINPUT")


@debug.command("render-template-schema")
@accepting_shared
@click.argument("template", required=False)
@click.option("--input-file", type=click.Path(dir_okay=False), help="Answers, as a JSON object.")
@click.option("--template-dir", default="", help="Folder of the template inside the repository.")
@click.option("--tag", default="", help="Git tag of the template.")
@click.option("--branch", default="", help="Git branch of the template.")
@PROFILE
def render_template_schema(
    template: str | None,
    input_file: str | None,
    template_dir: str,
    tag: str,
    branch: str,
    profile: str | None,
) -> None:
    """Print the questions of a template with what is known of the answers filled in."""
    from brickyard.cli.init_commands import FAULTS, answers_of, surroundings_of
    from brickyard.deploy.state import go_json
    from brickyard.templates import SCHEMA, Renderer, opened
    from brickyard.templates.schema_text import filled_schema

    if not template:
        raise Refused("template path is required")
    try:
        with opened(template, inside=template_dir, tag=tag, branch=branch) as folder:
            if not (folder / SCHEMA).is_file():
                text = f"open {SCHEMA}: no such file or directory"
                raise Refused(f"failed to load schema: {text}")
            written = (folder / SCHEMA).read_bytes()
            given = answers_of(input_file, f"failed to read input file {input_file}")
            schema = filled_schema(written, given, Renderer(surroundings_of(profile)))
    except (*FAULTS, OSError) as fault:
        raise Refused(str(fault)) from fault
    click.echo(go_json(schema, indent=4, sort_keys=True))


@debug.command("fetch-repository-info")
@accepting_shared
@click.option("--path", default=".", show_default=True, help="Folder to ask about.")
@PROFILE
def fetch_repository_info(path: str, profile: str | None) -> None:
    """Print what the workspace knows of the Git folder around a path."""
    from brickyard.cli.init_commands import workspace_of
    from brickyard.deploy.git_folder_info import repository_at

    found = repository_at(workspace_of(profile), path)
    click.echo(json.dumps(_told(found), indent=2))


def _told(found: Repository | None) -> dict[str, str]:
    return {
        "worktree_root": found.worktree.as_posix() if found is not None else "",
        "current_branch": found.branch if found is not None else "",
        "latest_commit": found.commit if found is not None else "",
        "origin_url": found.origin_url if found is not None else "",
    }
