"""Asking before something is lost: what a deploy or destroy deletes, and whether it may.

Below `bundle` consent is asked for what the official CLI asks for, when it does: the types that
hold data, after the files are uploaded. The short verbs list every delete and recreate and ask
before anything is changed. Where there is nobody to ask, a deploy that loses no data goes on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from brickyard.cli.diagnostics import painter
from brickyard.cli.dialect import is_official
from brickyard.cli.failures import Refused
from brickyard.cli.plan_text import bare_loss_lines, grouped_loss_lines, loss_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brickyard.deploy import Plan

# The types whose deletion the official CLI asks about, as it lists them.
DEPLOY_ASKS: Final = (
    "schemas",
    "pipelines",
    "volumes",
    "dashboards",
    "database_instances",
    "synced_database_tables",
    "postgres_projects",
    "postgres_branches",
    "postgres_databases",
    "vector_search_indexes",
    "genie_spaces",
)
# What a destroy tells of, in the official order: pipelines last, dashboards not at all.
DESTROY_TELLS: Final = (
    *(kind for kind in DEPLOY_ASKS if kind not in ("dashboards", "pipelines")),
    "pipelines",
)
CAREFUL: Final = "What goes with schemas, pipelines or volumes cannot be brought back.\n"
NO_DEPLOY: Final = (
    "the deployment requires destructive actions, but the current console does not support"
    f" prompting.\n{CAREFUL}Look at the list above, then give --auto-approve."
)
NO_DESTROY: Final = (
    "this command will destroy all resources deployed by this bundle, including workspace files in"
    f" the deployment directory.\n{CAREFUL}Give --auto-approve to go on."
)


def may_deploy(made: Plan, *, auto_approve: bool) -> bool:
    """Show what would be lost, and ask if anything would. Raises `Refused`."""
    lines = tuple(_deploy_lines(made))
    for line in lines:
        click.echo(line, err=True)
    if auto_approve or not lines:
        return True
    if not sys.stdin.isatty():
        if is_official() or _loses_data(made):
            raise Refused(NO_DEPLOY)
        return True
    return _agreed()


def needs_approval(*, auto_approve: bool) -> None:
    """Raise `Refused` when a destroy could not be approved by anybody."""
    if not auto_approve and not sys.stdin.isatty():
        raise Refused(NO_DESTROY)


def may_destroy(made: Plan, root_path: str, *, auto_approve: bool, is_silent: bool = False) -> bool:
    """Show everything that goes, unless `is_silent`, and ask."""
    for line in () if is_silent else _destroy_lines(made, root_path):
        click.echo(line, err=True)
    return auto_approve or _agreed()


def _destroy_lines(made: Plan, root_path: str) -> Iterator[str]:
    paint = painter(sys.stderr.isatty())
    lines = (bare_loss_lines if is_official() else loss_lines)(made, paint)
    if lines:
        yield from ("The following resources will be deleted:", *lines, "")
    for group in grouped_loss_lines(made, DESTROY_TELLS, paint) if is_official() else ():
        yield from (*group, "")
    if not made.not_selected:
        yield f"All files and directories at the following location will be deleted: {root_path}"
        yield ""


def _deploy_lines(made: Plan) -> tuple[str, ...]:
    paint = painter(sys.stderr.isatty())
    if is_official():
        groups = grouped_loss_lines(made, DEPLOY_ASKS, paint)
        return tuple(line for group in groups for line in ("", *group))
    lost = loss_lines(made, paint)
    return ("This deploy deletes or recreates:", *lost) if lost else ()


def _loses_data(made: Plan) -> bool:
    from brickyard.deploy.planning import losses

    return any(loss.data for loss in losses(made))


def _agreed() -> bool:
    return click.confirm("Would you like to proceed?", err=True)
