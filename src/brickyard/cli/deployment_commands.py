"""`deployment bind | unbind | migrate` and `state mv`: what is recorded, without a deploy."""

from __future__ import annotations

import sys

import click

from brickyard.cli.commands import FlagsAnywhere
from brickyard.cli.dialect import is_official
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import APPROVE, FORCE_LOCK, Chosen, connect, project_options


@click.group(cls=FlagsAnywhere)
def deployment() -> None:
    """Bind existing objects to the bundle's resources, or let them go."""


@deployment.command()
@click.argument("key")
@click.argument("object_id", metavar="ID")
@project_options
@APPROVE
@FORCE_LOCK
def bind(chosen: Chosen, *, key: str, object_id: str, auto_approve: bool, force_lock: bool) -> None:
    """Let the bundle's resource KEY manage the existing object ID."""
    bind_resource(chosen, key, object_id, auto_approve=auto_approve, force_lock=force_lock)
    click.echo("Run 'bundle deploy' to deploy changes to your workspace", err=True)


@deployment.command()
@click.argument("key")
@project_options
@FORCE_LOCK
def unbind(chosen: Chosen, *, key: str, force_lock: bool) -> None:
    """Stop managing the object of resource KEY; the object stays."""
    from brickyard.cli.live import say
    from brickyard.deploy.binding import unbind as unbind_object
    from brickyard.deploy.selection import addresses_of, selected_addresses
    from brickyard.deploy.summary import plain_tree

    project = connect(chosen, quiet=True)
    declared = addresses_of(plain_tree(project).get("resources") or {})
    known = {**dict.fromkeys(declared), **project.store.pull().state.entries}
    (address,) = selected_addresses([key], known)
    was_bound = unbind_object(project, address, say=say, force_lock=force_lock)
    if is_official():
        return
    name = address.removeprefix("resources.")
    click.echo(
        f"Unbound {name}; nothing was deleted." if was_bound else f"{name} was not bound.", err=True
    )


@deployment.command()
@project_options
@click.option("--noplancheck", is_flag=True, help="Has no effect: nothing is converted here.")
def migrate(chosen: Chosen, *, noplancheck: bool) -> None:
    """Say how a deployment made with Terraform comes here."""
    project = connect(chosen, quiet=True)
    if project.store.has_terraform_state():
        raise Refused(
            "this deployment's state is Terraform's, which Brickyard does not read: convert it"
            " once with the official CLI, `databricks bundle deployment migrate`, and deploy"
        )
    raise Refused("already using direct engine")


@click.group(cls=FlagsAnywhere)
def state() -> None:
    """What is recorded about the deployment."""


@state.command()
@click.argument("old")
@click.argument("new")
@project_options
@FORCE_LOCK
def mv(chosen: Chosen, *, old: str, new: str, force_lock: bool) -> None:
    """Record the object of key OLD under key NEW, after a rename in the bundle."""
    from brickyard.cli.live import say
    from brickyard.deploy.binding import move
    from brickyard.deploy.selection import addresses_of, selected_addresses
    from brickyard.deploy.summary import plain_tree

    project = connect(chosen, quiet=True)
    (before,) = selected_addresses([old], project.store.pull().state.entries)
    known = addresses_of(plain_tree(project).get("resources") or {})
    (after,) = selected_addresses([new], known)
    count = move(project, before, after, say=say, force_lock=force_lock)
    click.echo(f"Moved {before} to {after} ({count} recorded).", err=True)


def bind_resource(
    chosen: Chosen, key: str, object_id: str, *, auto_approve: bool, force_lock: bool
) -> None:
    """What `bind` does; `generate --bind` does it too."""
    from brickyard.cli.diagnostics import painter
    from brickyard.cli.live import say
    from brickyard.cli.plan_text import bind_lines, node_lines
    from brickyard.deploy.binding import bind as bind_object
    from brickyard.deploy.plan import Action, Node
    from brickyard.deploy.selection import addresses_of, selected_addresses
    from brickyard.deploy.summary import plain_tree
    from brickyard.resources import TITLES

    project = connect(chosen, quiet=True)
    known = addresses_of(plain_tree(project).get("resources") or {})
    (address,) = selected_addresses([key], known)

    def agrees(node: Node) -> bool:
        if node.action is Action.SKIP or (auto_approve and is_official()):
            return True
        paint = painter(sys.stderr.isatty())
        shown = bind_lines(node) if is_official() else node_lines(node, paint)
        for line in (*(() if is_official() else ("The next deploy will:",)), *shown):
            click.echo(line, err=True)
        if auto_approve:
            return True
        if not sys.stdin.isatty():
            raise Refused(
                "this bind operation requires user confirmation, but the current console does not"
                " support prompting.\nTo proceed, use --auto-approve after reviewing the plan"
                " above."
            )
        return click.confirm("Confirm import changes?", err=True)

    if not bind_object(project, address, object_id, agrees=agrees, say=say, force_lock=force_lock):
        raise Refused("import aborted")
    title = TITLES[address.split(".")[1]].lower()
    click.echo(f"Successfully bound {title} with an id '{object_id}'", err=True)
