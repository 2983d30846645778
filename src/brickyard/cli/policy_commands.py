"""`policy check` and `policy fix`: every access of a bundle against its environment's data policy,
and the change that mends it. Both work offline; `check` also asks a workspace that answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from brickyard.cli.diagnostics import show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.policy_facts import git_of, today
from brickyard.cli.project_options import Chosen, load, project_options
from brickyard.deploy import source_paths
from brickyard.policy import PolicyReport, check
from brickyard.release import FILE, read_settings
from brickyard.values import Value, has_errors, read_yaml

if TYPE_CHECKING:
    from brickyard.deploy import Project
    from brickyard.policy import Access, Environment

KINDS = ("static", "grants", "observed")


@click.group()
def policy() -> None:
    """The data policy: what an environment may read and write."""


@policy.command("check", short_help="Check what the bundle and its code read and write.")
@click.option("--all", "shows_all", is_flag=True, help="List the accesses that are ok, too.")
@click.option(
    "--evidence",
    "wanted",
    metavar="KINDS",
    default="",
    help="What to look at, and to fail for: static, grants, observed, separated by commas; or all."
    " The last two ask the target's workspace. Default: all that there is, failing for static.",
)
@project_options
def check_command(chosen: Chosen, shows_all: bool, wanted: str) -> None:
    """Check configuration, SQL and Python of the bundle against the data policy.

    Where the target's workspace answers at once, also what identities could do there (grants), and
    what runs really did (observed); where it does not, that is said. Exit code 1 when the policy is
    enforced and broken: by the bundle itself, or by the evidence that --evidence names. What can't
    be resolved is unknown, not ok.
    """
    kinds = _kinds(wanted) if wanted else KINDS
    counted = kinds if wanted else ("static",)
    project = opened(chosen, asks=set(kinds) != {"static"})
    with LiveLine("reading what the bundle and its code access", is_silent=chosen.wants_json):
        report = report_of(project, kinds)
    if chosen.wants_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        from brickyard.cli.policy_report import show_report

        show_report(report, shows_all=shows_all)
        told_only = [one for one in report.blocking if evidence_of(one) not in counted]
        if told_only:
            click.echo(
                f"{len(told_only)} of them are known from the workspace only: they fail this check"
                " with --evidence all"
            )
    if any(evidence_of(one) in counted for one in report.blocking):
        raise Refused(exit_code=1)


def evidence_of(one: object) -> str:
    """How a breach is known: rules beyond catalogs read the bundle alone."""
    return str(getattr(one, "evidence", "static"))


def opened(chosen: Chosen, *, asks: bool = False) -> Project:
    """The project, offline; or as its workspace knows the caller, if it answers at once.

    Raises `Refused` when the bundle or brickyard.yml has errors.
    """
    from brickyard.deploy.connect import reach

    project = load(chosen, ask=reach if asks else None)
    if asks and has_errors(project.diagnostics):
        project = load(chosen)  # what only the workspace finds wrong is not the policy's matter
    settings = read_settings(project.disk.get(FILE))
    found = (*project.diagnostics, *settings.diagnostics)
    if has_errors(found):
        show_diagnostics(found, project.disk)
        raise Refused("the bundle has errors; the policy can't be checked before they are mended")
    show_diagnostics(settings.diagnostics, project.disk)
    return project


def report_of(project: Project, kinds: Iterable[str] = ("static",)) -> PolicyReport:
    """The check with the evidence that is wanted, as far as the workspace answers."""
    settings = read_settings(project.disk.get(FILE)).plain
    answers: dict[str, str] = {}
    others: list[Callable[[Environment], Iterable[Access]]] = []
    if {"grants", "observed"} & set(kinds):
        from brickyard.release.policy_evidence import gather

        others, answers = gather(project, kinds, settings)
    report = check(
        project.resolved,
        project.disk,
        sources=source_paths(project),
        settings=settings,
        git=git_of(project, settings),
        today=today(),
        others=lambda rule: [one for ask in others for one in ask(rule)],
    )
    # What came of the questions is known only now that they were asked.
    return replace(report, evidence={"static": "asked", **answers})


def _kinds(wanted: str) -> tuple[str, ...]:
    kinds = KINDS if wanted == "all" else tuple(one.strip() for one in wanted.split(",") if one)
    wrong = [one for one in kinds if one not in KINDS]
    if wrong:
        known = ", ".join(KINDS)
        raise click.BadParameter(f"{wrong[0]!r} is none of {known}", param_hint="--evidence")
    return kinds


@policy.command("fix", short_help="Propose the change that mends the breaches.")
@click.option("--apply", "writes", is_flag=True, help="Write the change into the files.")
@project_options
def fix_command(chosen: Chosen, writes: bool) -> None:
    """Propose, as a unified patch, what mends breaches of the data policy: reads from production,
    writes to the target's own catalog through a bundle variable. What takes a decision is listed
    for you to change by hand.
    """
    from brickyard.policy.fixes import propose
    from brickyard.policy.fixing.starts import python_starts

    project = opened(chosen)
    report = report_of(project)
    fix = propose(
        report.accesses,
        project.disk,
        root_file=project.resolved.root_file,
        production=_production(project),
        catalogs=_catalogs(project, report),
        starts=python_starts(project.resolved, project.disk, source_paths(project)),
    )
    if writes:
        for path, text in fix.texts.items():
            (project.root / path).write_text(text, encoding="utf-8")
    if chosen.wants_json:
        by_hand = [{**one.as_json(), "why": why} for one, why in fix.by_hand]
        told = {"patch": fix.patch(), "mended": [one.as_json() for one in fix.mended]}
        click.echo(json.dumps({**told, "by_hand": by_hand, "written": writes}, indent=2))
        return
    if not writes:
        click.echo(fix.patch(), nl=False)
    for one, why in fix.by_hand:
        click.echo(f"# by hand: {one.file}:{one.line} {one.mode} {one.full_name}: {why}", err=True)
    done = "mended" if writes else "would be mended; --apply writes the change"
    click.echo(f"# {len(fix.mended)} breaches {done}, {len(fix.by_hand)} by hand", err=True)
    if writes and fix.texts:
        left = [one for one in report_of(opened(chosen)).accesses if one.verdict == "violation"]
        click.echo(f"# the check now finds {len(left)} violations", err=True)


def _production(project: Project) -> str:
    """The catalog of production, as brickyard.yml has it."""
    from brickyard.policy.environments import PRODUCTION, environment

    settings = read_settings(project.disk.get(FILE)).plain
    return environment(PRODUCTION, settings).catalog


def _catalogs(project: Project, report: PolicyReport) -> dict[str, str]:
    """The own catalog of every target of the bundle."""
    from brickyard.bundle import environment_of
    from brickyard.policy.environments import environment, name_of

    settings = read_settings(project.disk.get(FILE)).plain
    found: dict[str, str] = {}
    root, _ = read_yaml(project.disk.get(project.resolved.root_file) or b"", "databricks.yml")
    targets = root.get("targets")
    listed = dict(targets.items) if targets is not None else {}
    for name, target in (listed or {project.resolved.target: Value({})}).items():
        mode = target.get("mode")
        standing = environment_of(name, mode.text if mode is not None else "")
        own = environment(name_of(name, standing, settings), settings).catalog
        found[name] = report.environment.catalog if name == project.resolved.target else own
    return found
