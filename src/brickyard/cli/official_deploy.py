"""`bundle deploy`, in the order of the official CLI: files first, then the plan and the consent.

The short verb plans and asks first. What is said, and when, is the official CLI's: what was done,
also when the `postdeploy` script failed, while the lock is still held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from brickyard.cli.apply_failures import end, officially, say_failures
from brickyard.cli.approval import may_deploy
from brickyard.cli.failures import Refused, say_error
from brickyard.cli.live import LiveLine

if TYPE_CHECKING:
    from brickyard.deploy import Deployed, Plan, Project
    from brickyard.deploy.state_store import Pulled
    from brickyard.deploy.sync import Synced, Told

CANCELLED = "Deployment cancelled!"


def deploy_officially(
    project: Project,
    saved: Plan | None,
    *,
    select: Sequence[str],
    auto_approve: bool,
    force: bool,
    force_lock: bool,
    fail_on_active: bool,
    quiet: int,
    say: Callable[[str], None],
    told: Told | None,
    tell_end: Callable[[Deployed], None],
) -> None:
    """Deploy, by a saved plan if there is one. `tell_end` says how it ended. Raises `Refused`."""
    from brickyard.cli.progress import ApplyProgress
    from brickyard.deploy import apply_plan
    from brickyard.deploy.deployment import Cancelled
    from brickyard.deploy.edited import stop_if_dashboards_edited
    from brickyard.deploy.planning import (
        Prevented,
        check_prevented,
        chosen_addresses,
        plan_against,
        prepare_resources,
    )
    from brickyard.deploy.services import stop_if_unserved

    if saved is None:
        chosen_addresses(project, select)
        if not force:
            stop_if_dashboards_edited(project, project.store.pull().state)
        prepare_resources(project, say=say)
    with LiveLine("uploading what changed", is_silent=quiet > 0) as live:

        def plan(pulled: Pulled, synced: Synced) -> Plan:
            live.doing("")
            try:
                with officially():
                    prepared = prepare_resources(project, say=say)
                    made = plan_against(project, pulled, prepared, select=select, say=say)
                    stop_if_unserved(project, made)
            except Refused:
                say_synced(synced)
                raise
            return made

        def approve(made: Plan, synced: Synced) -> bool:
            live.doing("")
            try:
                check_prevented(made)
                return may_deploy(made, auto_approve=auto_approve)
            except (Prevented, Refused) as refusal:
                say_error(f"{refusal}\n")
                say_synced(synced)
                raise Refused from refusal

        def done(deployed: Deployed) -> None:
            live.doing("")
            say_failures(deployed)
            if deployed.hook_failure is not None:
                say_error(f"{deployed.hook_failure.summary}\n")
            tell_end(deployed)
            if deployed.hook_failure is not None:
                raise Refused
            end(deployed, "deploy")

        try:
            apply_plan(
                project,
                plan if saved is None else saved,
                ApplyProgress(live, quiet=quiet),
                say=say,
                force_lock=force_lock,
                told=told,
                fail_on_active=fail_on_active,
                approve=approve,
                done=done,
            )
        except Cancelled as cancelled:
            click.echo(CANCELLED, err=True)
            say_synced(cancelled.synced)


def say_synced(synced: Synced) -> None:
    """How many files the workspace got and lost."""
    click.echo(f"Files: {synced.uploaded} uploaded, {synced.deleted} deleted", err=True)
