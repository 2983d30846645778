"""`environments show` and `environments apply`: the environments of this project, as they are
declared and as they are, and making them so."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.project_options import Chosen, parse_variables, project_options

if TYPE_CHECKING:
    from brickyard.release.environments import Declared
    from brickyard.release.environments_actual import Actual
    from brickyard.release.environments_plan import EnvironmentsPlan, Step

ROWS = (
    ("target", "Target"),
    ("workspace", "Workspace"),
    ("catalog", "Catalog"),
    ("reads", "Reads"),
    ("writes", "Writes"),
    ("control", "Control"),
    ("git", "Git"),
    ("approvals", "Approvals"),
    ("deployer", "Deployer"),
    ("run_as", "Runs as"),
    ("who", "Who"),
    ("workloads", "Workloads"),
)


@click.group()
def environments() -> None:
    """The environments: what is declared, what is, and making it so."""


@environments.command("show", short_help="Show environments, declared against actual.")
@click.option("--offline", is_flag=True, help="Ask no workspace.")
@project_options
def show(chosen: Chosen, offline: bool) -> None:
    """Show the environments of this project: what brickyard.yml declares, or the usual table, and
    what the workspaces that answer say. Nothing is started and nothing is changed."""
    from brickyard.release.environments_plan import plan

    found = _gathered(chosen, asks=not offline)
    made = plan(found)
    if chosen.wants_json:
        click.echo(json.dumps(_as_json(found, made), indent=2))
        return
    _table(found)
    _differences(made)


@environments.command("apply", short_help="Make catalogs, bindings and grants as declared.")
@click.option("--auto-approve", is_flag=True, help="Do not ask before narrowing and creating.")
@click.option(
    "--widen",
    is_flag=True,
    help="Widen access, too, where the declared environments want it; without it that is listed"
    " and left out.",
)
@project_options
def apply(chosen: Chosen, auto_approve: bool, widen: bool) -> None:
    """Make catalogs, workspace bindings, grants and service principals as brickyard.yml declares
    them. The plan is shown first; what widens access is listed apart and needs --widen.
    """
    from brickyard.release.environments_plan import plan

    found = _gathered(chosen, asks=True)
    made = plan(found)
    steps = made.steps if widen else made.others
    if not chosen.wants_json:
        _differences(made)
    if not any(actual.is_known for _, actual in found.values()):
        raise Refused("no workspace answers, so nothing can be applied; `brickyard up` starts the"
                      " embedded ones")  # fmt: skip
    done: list[Step] = []
    if steps:
        _ask(len(steps), auto_approve=auto_approve)
        for step in steps:
            _make(step, found)
            done.append(step)
            if not chosen.wants_json:
                click.echo(f"  done: {step.text}")
    left = () if widen else made.widening
    if chosen.wants_json:
        told = {**_as_json(found, made), "done": [one.as_json() for one in done]}
        click.echo(json.dumps(told, indent=2))
    elif left:
        click.echo(f"{len(left)} steps that widen access were left out; --widen makes them, too")
    elif not steps:
        click.echo("The environments are as declared.")


def _ask(count: int, *, auto_approve: bool) -> None:
    """Raises `Refused` without a yes."""
    if auto_approve:
        return
    if not sys.stdin.isatty():
        raise Refused("nothing was changed: there is nobody to ask here; add --auto-approve")
    if not click.confirm(f"Make these {count} changes?", err=True):
        raise Refused("nothing was changed")


def _make(step: Step, found: Mapping[str, tuple[Declared, Actual]]) -> None:
    from brickyard.deploy import ApiFailure, Unreachable
    from brickyard.release.environments_plan import Effect

    unity = found[step.environment][1].unity
    if unity is None:
        raise Refused(f"the workspace of {step.environment} does not answer")
    try:
        unity.client.call(step.method, step.path, body=step.body)
    except (ApiFailure, Unreachable) as fault:
        hint = ""
        if isinstance(fault, ApiFailure) and step.effect == Effect.CREATE and fault.is_conflict:
            who = found[step.environment][1].user or "the caller"
            hint = (
                f"It is there, but not shown to {who} in {step.environment}: have its owner grant"
                " MANAGE and bind it to the workspace, or name another one. "
            )
        raise Refused(
            f"cannot {step.text}: {fault}. {hint}What was done before stays; run it again to go on"
        ) from fault


def _gathered(chosen: Chosen, *, asks: bool) -> dict[str, tuple[Declared, Actual]]:
    """Every environment as declared and as it is."""
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.deploy import find_root, load_project
    from brickyard.deploy.disk import DiskFiles
    from brickyard.release import FILE, read_settings
    from brickyard.release.environments import declared
    from brickyard.release.environments_actual import Actual, actual, found_elsewhere
    from brickyard.values import has_errors

    if chosen.target:
        click.echo(
            "note: this is about all environments together; the target is not used", err=True
        )
    root = find_root(Path.cwd(), os.environ)
    disk = DiskFiles(root)
    settings = read_settings(disk.get(FILE))
    show_diagnostics(settings.diagnostics, disk)
    if has_errors(settings.diagnostics):
        raise Refused(f"{FILE} has errors")
    projects = {}
    for name, rung in settings.environments.items():
        project = load_project(
            root,
            rung.target,
            variables=parse_variables(chosen.variables),
            profile=chosen.profile,
            local=chosen.local,
        )
        projects[name] = project if project.resolved.target == rung.target else None
    wanted = {name: declared(name, settings, project) for name, project in projects.items()}
    wanted = {name: one for name, one in wanted.items() if projects[name] is not None}
    if not wanted:
        raise Refused(f"no target of the bundle is an environment of {FILE}")
    catalogs = {catalog for one in wanted.values() for catalog in (*one.reads, *one.writes)}
    with LiveLine("asking the workspaces", is_silent=chosen.wants_json):
        found = {
            name: (
                one,
                actual(projects[name], one, catalogs) if asks else Actual(why="nobody was asked"),
            )
            for name, one in wanted.items()
        }
        return found_elsewhere(found)


def _as_json(found: Mapping[str, tuple[Declared, Actual]], made: EnvironmentsPlan) -> Any:
    return {
        "environments": [
            {"name": name, "declared": _declared_json(one), "actual": _actual_json(actual)}
            for name, (one, actual) in found.items()
        ],
        "steps": [one.as_json() for one in made.steps],
        "notes": list(made.notes),
    }


def _declared_json(one: Declared) -> dict[str, Any]:
    shown = {key: getattr(one, key) for key, _ in ROWS}
    personas = {
        persona.name: {"access": persona.access, "members": list(persona.members)}
        for persona in one.personas
    }
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in shown.items()}
    return {**plain, "personas": personas}


def _actual_json(actual: Actual) -> dict[str, Any]:
    catalogs = {
        name: {
            "exists": state.exists,
            "owner": state.owner,
            "bindings": None
            if state.bindings is None
            else {str(id): mode for id, mode in state.bindings.items()},
            "grants": {who: sorted(held) for who, held in state.grants.items()},
        }
        for name, state in actual.catalogs.items()
    }
    return {
        "host": actual.host,
        "reachable": actual.is_known,
        "reason": actual.why,
        "workspace_id": actual.workspace_id,
        "user": actual.user,
        "catalogs": catalogs,
        "principals": dict(actual.principals),
    }


def _table(found: Mapping[str, tuple[Declared, Actual]]) -> None:
    """One column per environment; under a declared value what is, where that differs."""
    rows = [["", *found]]
    for key, title in ROWS:
        rows.append([title, *(_cell(getattr(one, key)) for one, _ in found.values())])
    rows.append(["Actual", *(_is(one, actual) for one, actual in found.values())])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _is(one: Declared, actual: Actual) -> str:
    if not actual.is_known:
        return "not asked"
    state = actual.catalogs.get(one.catalog)
    if state is None or not state.exists:
        return f"no catalog {one.catalog}"
    return f"{actual.host} as {actual.user}"


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "-"
    return str(value) or "-"


def _differences(made: EnvironmentsPlan) -> None:
    for title, steps in (
        ("To be made or narrowed:", made.others),
        ("Widens access (needs --widen):", made.widening),
    ):
        if steps:
            click.echo(title)
            for step in steps:
                click.echo(f"  {step.environment}: {step.text}")
    for note in made.notes:
        click.echo(f"note: {note}")
