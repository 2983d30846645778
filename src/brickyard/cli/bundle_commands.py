"""`validate`, `plan`, `deploy`, `destroy`, `summary`, and the `bundle` group that repeats them.

Output as the official CLI's: results on stdout, progress and findings on stderr.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.commands import CommandTable
from brickyard.cli.dialect import is_official, remember
from brickyard.cli.failures import Refused, end_gently
from brickyard.cli.project_options import (
    APPROVE,
    CLUSTER,
    FORCE_LOCK,
    FORCE_PULL,
    OLD_CLUSTER,
    QUIET,
    SELECT,
    Chosen,
    checking_options,
    connect,
    load,
    project_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brickyard.deploy import Deployed, Plan, Project
    from brickyard.values import Diagnostic

LOCATIONS = click.option("--include-locations", is_flag=True, hidden=True)
WITHOUT_ROOT = frozenset({"bundle/no-root-file", "bundle/several-root-files"})
CHANGES_EXIT = 2
CANCELLED = "Deployment cancelled!"
COMPARING = "comparing the bundle with the workspace"
FORCE = click.option(
    "--force",
    is_flag=True,
    help="Deploy from another Git branch than configured, over dashboards edited in the workspace.",
)


@click.command()
@checking_options
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--offline", is_flag=True, help="Ask the workspace nothing.")
@LOCATIONS
def validate(chosen: Chosen, *, strict: bool, offline: bool, include_locations: bool) -> None:
    """Check the bundle; with `-o json`, show it resolved. Needs no network and nothing running.

    With credentials at hand, the workspace is asked who you are and what look-ups mean. With
    `-o github`, `azure`, `sarif` or `junit` the findings go to stdout for that tool; what people
    read stays on stderr.
    """
    from brickyard.bundle import resolved_json
    from brickyard.cli.diagnostics import show_diagnostics, verdict
    from brickyard.cli.live import say
    from brickyard.deploy import BrokenBundle
    from brickyard.deploy.connect import reach
    from brickyard.deploy.disk import DiskFiles, NoBundle
    from brickyard.deploy.folders import check_folders
    from brickyard.deploy.hooks import HookFailed, run_hook
    from brickyard.deploy.sync_checks import check_sync
    from brickyard.values import Severity

    try:
        project = load(chosen, ask=None if offline else reach)
    except (NoBundle, BrokenBundle):
        if not chosen.wants_json and not chosen.wants_report:
            click.echo("Found 1 error")
        raise
    found = project.diagnostics
    if not project.resolved.has_errors:
        try:
            run_hook(project, "postinit", say)
        except HookFailed as failure:
            said = failure.diagnostic()
            placed = replace(said, path=None, locations=()) if is_official() else said
            found = (*found, placed)
        found = (*found, *check_sync(project), *check_folders(project))
    show_diagnostics(found, DiskFiles(project.root))
    has_root = all(one.code not in WITHOUT_ROOT for one in found)
    if chosen.wants_json and has_root:
        click.echo(resolved_json(project.resolved, with_locations=include_locations), nl=False)
    elif chosen.wants_report:
        _echo_report(chosen.output, project, found, is_strict=strict)
    elif not chosen.wants_json:
        if has_root:
            _echo_header(project)
            click.echo()
        click.echo(verdict(found))
    severities = [one.severity for one in found]
    warnings = severities.count(Severity.WARNING)
    if Severity.ERROR in severities:
        raise Refused
    if strict and warnings:
        counted = "1 warning was" if warnings == 1 else f"{warnings} warnings were"
        raise Refused(f"{counted} found. Warnings are not allowed in strict mode")


@click.command()
@project_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@SELECT
@QUIET
@FORCE
@CLUSTER
@OLD_CLUSTER
def plan(
    chosen: Chosen,
    *,
    detailed_exitcode: bool,
    select: tuple[str, ...],
    quiet: int,
    force: bool,
    cluster_id: str | None,
    compute_id: str | None,
) -> None:
    """Show what a deploy would change, field by field, with reasons. Changes nothing.

    With `--detailed-exitcode`, exit code 2 when there are changes.
    """
    from brickyard.cli.diagnostics import painter, show_diagnostics
    from brickyard.cli.live import LiveLine, say
    from brickyard.cli.plan_text import action_lines, count_line
    from brickyard.deploy import make_plan, write_plan
    from brickyard.deploy.disk import DiskFiles
    from brickyard.deploy.edited import check_edited
    from brickyard.deploy.planning import check_branch
    from brickyard.deploy.services import check_served

    cluster = cluster_id or compute_id or ""
    project = connect(chosen, quiet=True, deploys=True, cluster_id=cluster)
    check_branch(project, force=force)
    with LiveLine(COMPARING, is_silent=quiet > 0):
        made = make_plan(project, select=select, say=say)
        found = check_served(project, made) + check_edited(project, made, force=force)
    show_diagnostics(found, DiskFiles(project.root))
    if chosen.wants_json:
        click.echo(write_plan(made))
    else:
        paint = painter(sys.stdout.isatty())
        counted = count_line(made) + (f", {made.not_selected} not selected" if select else "")
        lines = [*action_lines(made, paint, with_fields=not is_official()), counted]
        for line in lines if not quiet else lines[-1:] if quiet == 1 else ():
            click.echo(line)
    if detailed_exitcode and not made.is_empty:
        raise Refused(exit_code=CHANGES_EXIT)


@click.command()
@project_options
@APPROVE
@FORCE_LOCK
@FORCE
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False),
    help="Apply this plan, saved by `plan -o json`.",
)
@SELECT
@QUIET
@click.option(
    "--fail-on-active-runs", is_flag=True, help="Do nothing while a deployed job or pipeline runs."
)
@CLUSTER
@OLD_CLUSTER
@click.option("--verbose", is_flag=True, hidden=True, help="Name every file as it is uploaded.")
def deploy(
    chosen: Chosen,
    *,
    auto_approve: bool,
    force_lock: bool,
    force: bool,
    plan_file: str | None,
    select: tuple[str, ...],
    quiet: int,
    fail_on_active_runs: bool,
    cluster_id: str | None,
    compute_id: str | None,
    verbose: bool,
) -> None:
    """Upload what changed and make the workspace match the bundle."""
    from brickyard.cli.apply_failures import end, say_failures
    from brickyard.cli.approval import may_deploy
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.cli.live import LiveLine, say
    from brickyard.cli.official_deploy import CANCELLED, deploy_officially
    from brickyard.cli.policy_gate import hold_policy
    from brickyard.cli.progress import ApplyProgress
    from brickyard.deploy import apply_plan, make_plan
    from brickyard.deploy.disk import DiskFiles
    from brickyard.deploy.edited import stop_if_edited
    from brickyard.deploy.planning import check_branch, check_prevented, guard
    from brickyard.deploy.services import stop_if_unserved

    end_gently()
    cluster = cluster_id or compute_id or ""
    project = connect(chosen, quiet=quiet > 1, deploys=True, cluster_id=cluster)
    check_branch(project, force=force)
    tell = say if quiet < 2 else _silent
    if not is_official():
        where = client_host(project)
        tell(f"Deploying {project.resolved.name} to {project.resolved.target} ({where})")
    hold_policy(project, tell)

    def tell_end(deployed: Deployed) -> None:
        if chosen.wants_json:
            _echo_deployed(project, deployed)
        elif quiet < 2:
            _say_deployed(deployed, is_brief=quiet > 0)

    saved = guard(project, _read_plan(plan_file)) if plan_file else None
    if is_official():
        deploy_officially(
            project,
            saved,
            select=select,
            auto_approve=auto_approve,
            force=force,
            force_lock=force_lock,
            fail_on_active=fail_on_active_runs,
            quiet=quiet,
            say=tell,
            told=_named if verbose else None,
            tell_end=tell_end,
        )
        return
    with LiveLine(COMPARING, is_silent=quiet > 0):
        made = saved or make_plan(project, select=select, say=tell)
    check_prevented(made)
    stop_if_unserved(project, made)
    edited = stop_if_edited(project, made, force=force or bool(plan_file))
    show_diagnostics(edited, DiskFiles(project.root))
    if not may_deploy(made, auto_approve=auto_approve):
        click.echo(CANCELLED, err=True)
        return
    with LiveLine("uploading what changed", is_silent=quiet > 0) as live:
        deployed = apply_plan(
            project,
            made,
            ApplyProgress(live, quiet=quiet),
            say=tell,
            force_lock=force_lock,
            told=_named if verbose else None,
            fail_on_active=fail_on_active_runs,
        )
    tell_end(deployed)
    say_failures(deployed)
    end(deployed, "deploy")


@click.command()
@project_options
@APPROVE
@FORCE_LOCK
@SELECT
@QUIET
def destroy(
    chosen: Chosen, *, auto_approve: bool, force_lock: bool, select: tuple[str, ...], quiet: int
) -> None:
    """Delete every deployed resource, and the deployment's files."""
    from brickyard.cli.apply_failures import end, say_failures
    from brickyard.cli.approval import may_destroy, needs_approval
    from brickyard.cli.live import LiveLine, say
    from brickyard.cli.progress import ApplyProgress
    from brickyard.deploy import Action
    from brickyard.deploy import destroy as destroy_all
    from brickyard.deploy.deployment import Cancelled, is_deployed

    needs_approval(auto_approve=auto_approve)
    end_gently()
    project = connect(chosen, quiet=True)
    if not is_deployed(project):
        if not is_official() or quiet < 2:
            click.echo("No active deployment found to destroy!", err=True)
        return
    with LiveLine(COMPARING, is_silent=quiet > 0) as live:

        def approve(made: Plan) -> bool:
            live.doing("")
            agreed = may_destroy(
                made,
                project.path("root_path"),
                auto_approve=auto_approve,
                is_silent=auto_approve and quiet > 1,
            )
            live.doing("deleting")
            return agreed

        progress = ApplyProgress(live, quiet=1 if is_official() else quiet)
        try:
            deployed = destroy_all(
                project,
                progress,
                select=select,
                say=say,
                force_lock=force_lock,
                approve=approve,
            )
        except Cancelled:
            click.echo("Destroy cancelled!", err=True)
            return
    made = deployed.applied.plan
    parents = [n for n in made.pending if n.address.count(".") == 2 and n.action is Action.DELETE]
    done = sum(1 for node in parents if deployed.applied.outcomes[node.address].is_done)
    if chosen.wants_json:
        _echo_deployed(project, deployed)
    elif quiet < 2 and (deployed.succeeded or not is_official()):
        click.echo(f"Destroy: {done} deleted", err=True)
    say_failures(deployed)
    end(deployed, "destroy")


@click.command()
@project_options
@FORCE_PULL
@LOCATIONS
def summary(chosen: Chosen, *, force_pull: bool, include_locations: bool) -> None:
    """List the bundle's resources with their ids and URLs."""
    from brickyard.bundle.located import located
    from brickyard.deploy.summary import shown_url, summarise, summary_tree

    project = connect(chosen)
    state = project.store.pull().state
    if chosen.wants_json:
        tree = summary_tree(project, state, has_page=_has_page)
        _echo_tree(
            {**tree, "__locations": located(project.resolved)} if include_locations else tree
        )
        return
    _echo_header(project)
    items = summarise(project, state, has_page=_has_page, has_name=_has_name)
    click.echo("Resources:")
    shown = ""
    for item in items:
        if item.type != shown:
            shown = item.type
            click.echo(f"  {item.title}:")
        click.echo(f"    {item.key}:")
        click.echo(f"      Name: {item.name}")
        click.echo(f"      URL:  {shown_url(project, item, state) or '(not deployed)'}")


def _has_page(kind: str, value: dict[str, Any]) -> bool:
    """Whether the summary names the page: the official CLI not of apps, and by what is written."""
    if not is_official() or kind not in ("apps", "vector_search_indexes"):
        return True
    return kind != "apps" and str(value.get("name")).count(".") == 2


def _has_name(kind: str, value: dict[str, Any]) -> bool:
    """Whether the summary names it: to the official CLI ids of Lakebase are no names."""
    if not is_official() or not kind.startswith("postgres_"):
        return True
    return kind in ("postgres_catalogs", "postgres_synced_tables") or "display_name" in value


class BundleTable(CommandTable):
    """The `bundle` group: calls are read, and what goes wrong is said, as the official CLI does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from brickyard.cli.flags import official_call

        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        remember(official=True)
        return super().parse_args(ctx, official_call(self, args, ctx))

    def invoke(self, ctx: click.Context) -> object:
        from brickyard.cli.apply_failures import officially

        remember(official=True)
        with officially():
            return super().invoke(ctx)


def _bundle() -> CommandTable:
    from brickyard.cli import BUNDLE_COMMANDS, UNLISTED_COMMANDS

    return BundleTable(
        name="bundle",
        help="The bundle verbs as the official CLI spells them.",
        sections=(("Commands", BUNDLE_COMMANDS),),
        unlisted=UNLISTED_COMMANDS,
    )


bundle = _bundle()


def _read_plan(path: str) -> Plan:
    from brickyard.deploy import read_plan

    try:
        return read_plan(Path(path).read_text(), path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Refused(f"reading plan file: open {path}: {why}") from error


def _say_deployed(deployed: Deployed, *, is_brief: bool) -> None:
    from brickyard.cli.official_deploy import say_synced
    from brickyard.deploy import Action
    from brickyard.deploy.apply import DONE

    applied = deployed.applied
    if is_official() and deployed.succeeded and not is_brief:
        for node in applied.plan.pending:
            click.echo(f"{DONE[node.action]} {node.label}", err=True)
    say_synced(deployed.synced)
    if is_official() and not deployed.succeeded:
        return
    created = applied.count(Action.CREATE, Action.RECREATE)
    changed = applied.count(Action.UPDATE, Action.UPDATE_ID, Action.RESIZE)
    deleted = applied.count(Action.DELETE, Action.RECREATE)
    same = applied.plan.count(Action.SKIP)
    left_out = applied.plan.not_selected
    click.echo(
        f"Resources: {created} created, {changed} changed, {deleted} deleted, {same} unchanged"
        + (f", {left_out} not selected" if left_out else ""),
        err=True,
    )
    if deployed.changed_nothing and not is_official():
        click.echo("Nothing to do: the workspace matches the bundle.", err=True)


def _echo_deployed(project: Project, deployed: Deployed) -> None:
    from brickyard.deploy.state import go_json

    outcomes = deployed.applied.outcomes
    shown = {
        "target": project.resolved.target,
        "host": project.workspace.host,
        "files": {"uploaded": deployed.synced.uploaded, "deleted": deployed.synced.deleted},
        "resources": {
            address: {
                "action": node.action.word,
                "id": getattr(deployed.state.entries.get(address), "id", ""),
                "done": address not in outcomes or outcomes[address].is_done,
            }
            for address, node in deployed.applied.plan.nodes.items()
        },
        "failures": list(deployed.failures),
    }
    click.echo(go_json(shown, indent=2))


def _echo_tree(tree: object) -> None:
    from brickyard.deploy.state import go_json

    click.echo(go_json(tree, indent=2, sort_keys=True))


def _echo_header(project: Project) -> None:
    """What is known of the deployment; a host only where the bundle or the embedded one says it."""
    host = project.text("workspace.host")
    if project.address.is_embedded:
        where = project.client.host if project.client is not None else project.address.host
        embedded = "" if is_official() else f"embedded ({project.address.environment})"
        host = " ".join(part for part in (where, embedded) if part)
    name = project.text("bundle.name")
    target = project.text("bundle.target")
    user = project.text("workspace.current_user.userName")
    path = project.path("root_path")
    if not name:
        return
    click.echo(f"Name: {name}")
    if target:
        click.echo(f"Target: {target}")
    known = (("Host", host), ("User", user), ("Path", path))
    if user or path or project.text("workspace.host"):
        click.echo("Workspace:")
        for title, value in known:
            if value:
                click.echo(f"  {title}: {value}")


def _echo_report(
    kind: str, project: Project, found: Sequence[Diagnostic], *, is_strict: bool
) -> None:
    from brickyard.cli.reports import Report, write_report

    git = project.facts.git
    report = Report(
        findings=found,
        title=f"{project.resolved.name} ({project.resolved.target})",
        folder=git.bundle_root_path if git is not None else "",
        is_strict=is_strict,
    )
    text = write_report(kind, report)
    if text:
        click.echo(text)


def client_host(project: Project) -> str:
    """The workspace's address, and whether it is one of the embedded ones."""
    host = project.workspace.host
    return f"{host}, embedded" if project.address.is_embedded else host


def _named(action: str, name: str, progress: float) -> None:
    """A file that has been sent or removed."""
    if progress >= 1:
        click.echo(f"{'Uploaded' if action == 'put' else 'Deleted'} {name}")


def _silent(_: str) -> None:
    return None
