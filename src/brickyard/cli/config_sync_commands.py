"""`bundle config-remote-sync`: what was changed in the workspace, into the bundle's files."""

from __future__ import annotations

import sys

import click

from brickyard.cli.failures import Refused
from brickyard.cli.project_options import Chosen, connect, project_options


@click.command("config-remote-sync")
@project_options
@click.option("--save", is_flag=True, help="Write the files; without it they stay as they are.")
@click.option(
    "--select-ids",
    multiple=True,
    metavar="TYPE:ID",
    help="Only this resource, by its id in the workspace (jobs:123); repeatable.",
)
def config_remote_sync(chosen: Chosen, *, save: bool, select_ids: tuple[str, ...]) -> None:
    """[EXPERIMENTAL] Bring what was changed in the workspace into the bundle's files."""
    from brickyard.bundle import as_written
    from brickyard.cli.live import say
    from brickyard.deploy import config_sync as sync
    from brickyard.deploy import make_plan
    from brickyard.deploy.config_sync.blocks import blocks_of
    from brickyard.deploy.config_sync.files import NotWritten
    from brickyard.deploy.config_sync.paths import NoElement
    from brickyard.deploy.config_sync.restoring import References, restored, told
    from brickyard.deploy.state import go_json

    if sys.platform == "win32":
        raise Refused("config-remote-sync command is not supported on Windows")
    project = connect(chosen, quiet=True, deploys=True)
    plan = make_plan(project, say=say)
    state = project.store.pull().state
    tree, target = project.resolved.tree, project.resolved.target
    written = as_written(project.sources, facts=project.facts, target=target)
    changes = sync.changes_of(plan, name_prefix=project.text("presets.name_prefix"))
    wanted = [part for text in select_ids for part in text.split(",")]
    try:
        if wanted:
            changes = sync.selected(changes, state, wanted)
        blocks = blocks_of(project.sources, tree, target)
        routed = sync.route(changes, tree=tree, written=written, blocks=blocks)
        ids = {address: entry.id for address, entry in state.entries.items()}
        references = References(tree, ids)
        edits = [restored(edit, written, references) for edit in routed.edits]
        root = project.sync_rules.root
        files = sync.changed_files(edits, root=project.root, sync_root=root)
    except sync.NotDeployed as fault:
        raise Refused(str(fault)) from fault
    except NoElement as fault:
        raise Refused(f"failed to resolve field changes: {fault}") from fault
    except NotWritten as fault:
        raise Refused(f"failed to generate YAML files: {fault}") from fault
    if save:
        sync.save(files)
    if not chosen.wants_json:
        click.echo(sync.shown(routed.changes))
        return
    shown = {
        address: {path: change.json for path, change in sorted(fields.items())}
        for address, fields in sorted(told(routed.changes, edits).items())
    }
    click.echo(go_json({"files": [one.json for one in files] or None, "changes": shown}, indent=2))
