"""Asking before something is lost: what a deploy or destroy deletes, and whether it may.

The official CLI asks for a few types only. We list everything and ask for everything, where there
is somebody to ask. Where there is nobody, a deploy that loses no data goes on, as it does there,
and one that does stops in its words.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from brickyard.cli.diagnostics import painter
from brickyard.cli.dialect import is_official
from brickyard.cli.failures import Refused
from brickyard.cli.plan_text import bare_loss_lines, loss_lines

if TYPE_CHECKING:
    from brickyard.deploy import Plan

CAREFUL: Final = (
    "Deleting data assets such as schemas, pipelines, or volumes may cause permanent data loss and"
    " should be carefully reviewed.\n"
)
NO_DEPLOY: Final = (
    "the deployment requires destructive actions, but the current console does not support"
    f" prompting.\n{CAREFUL}To proceed, use --auto-approve after reviewing the plan above."
)
NO_DESTROY: Final = (
    "this command will destroy all resources deployed by this bundle, including workspace files in"
    f" the deployment directory.\n{CAREFUL}To proceed, use --auto-approve."
)


def may_deploy(made: Plan, *, auto_approve: bool) -> bool:
    """Show what would be lost, and ask if anything would. Raises `Refused`."""
    from brickyard.deploy.planning import losses

    paint = painter(sys.stderr.isatty())
    if not loss_lines(made, paint):
        return True
    lost = loss_lines(made, paint, of_data=is_official())
    if lost:
        click.echo("This deploy deletes or recreates:", err=True)
    for line in lost:
        click.echo(line, err=True)
    if auto_approve:
        return True
    if not sys.stdin.isatty():
        if any(loss.data for loss in losses(made)):
            raise Refused(NO_DEPLOY)
        return True
    return click.confirm("Would you like to proceed?", err=True)


def needs_approval(*, auto_approve: bool) -> None:
    """Raise `Refused` when a destroy could not be approved by anybody."""
    if not auto_approve and not sys.stdin.isatty():
        raise Refused(NO_DESTROY)


def may_destroy(made: Plan, root_path: str, *, auto_approve: bool) -> bool:
    """Show everything that goes, and ask."""
    click.echo("The following resources will be deleted:", err=True)
    paint = painter(sys.stderr.isatty())
    for line in (bare_loss_lines if is_official() else loss_lines)(made, paint):
        click.echo(line, err=True)
    lost = loss_lines(made, paint, of_data=True) if is_official() else ()
    if lost:
        click.echo("\nWith them goes:", err=True)
    for line in lost:
        click.echo(line, err=True)
    if not made.not_selected:
        click.echo(
            f"\nAll files and directories at the following location will be deleted: {root_path}\n",
            err=True,
        )
    return auto_approve or click.confirm("Would you like to proceed?", err=True)
