"""The options every bundle command shares, and opening the project they describe."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from brickyard.cli.failures import Refused
from brickyard.cli.logs import OPTIONS as LOGS
from brickyard.cli.logs import start as start_log

if TYPE_CHECKING:
    from brickyard.deploy import Project
    from brickyard.deploy.project import Ask

Command = TypeVar("Command", bound=Callable[..., Any])

TARGET = click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="Target of the bundle to use; else DATABRICKS_BUNDLE_TARGET.",
)
OLD_TARGET = click.option("-e", "--environment", hidden=True)  # what the target was called once


class OutputOption(click.Option):
    """A word in the environment that is no format is ignored, as officially."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        found = super().resolve_envvar_value(ctx)
        assert isinstance(self.type, click.Choice)
        return found if found in self.type.choices else None


OUTPUT = click.option(
    "-o",
    "--output",
    cls=OutputOption,
    type=click.Choice(["text", "json"]),
    default="text",
    envvar="DATABRICKS_OUTPUT_FORMAT",
    help="Output format; default: text.",
)
# `validate` also reports to other tools: `cli/reports.py`, which is imported only then.
REPORTS = ("github", "azure", "sarif", "junit")
OUTPUT_OR_REPORT = click.option(
    "-o",
    "--output",
    cls=OutputOption,
    type=click.Choice(["text", "json", *REPORTS]),
    default="text",
    envvar="DATABRICKS_OUTPUT_FORMAT",
    help="Output format: text, the resolved bundle as json, or the findings as annotations of"
    " GitHub or Azure Pipelines, as SARIF or as JUnit; default: text.",
)
VARIABLES = click.option(
    "--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable; repeatable."
)
PROFILE = click.option(
    "-p", "--profile", metavar="PROFILE", help="Profile of ~/.databrickscfg to use."
)
LOCAL = click.option(
    "--local",
    is_flag=True,
    envvar="BRICKYARD_LOCAL",
    help="Use the embedded workspace, whatever host the target names.",
)
APPROVE = click.option("--auto-approve", is_flag=True, help="Do not ask before deleting.")
FORCE_LOCK = click.option(
    "--force-lock", is_flag=True, help="Take the deploy lock from its holder."
)
FORCE_PULL = click.option(
    "--force-pull", is_flag=True, help="Has no effect: the state is always read in the workspace."
)
CLUSTER = click.option(
    "-c", "--cluster-id", metavar="ID", help="Run every job's tasks on this cluster."
)
OLD_CLUSTER = click.option("--compute-id", hidden=True)
SELECT = click.option(
    "--select",
    multiple=True,
    metavar="NAME",
    help="Only this resource (NAME or TYPE.NAME) and what it needs; repeatable.",
)
QUIET = click.option("-q", "--quiet", count=True, help="Say less; -qq: only warnings and errors.")


SHARED = (
    ("-t", "--target"),
    ("-p", "--profile"),
    ("-o", "--output"),
    ("--var",),
    ("--debug",),
    ("--log-level",),
    ("--log-file",),
    ("--log-format",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the shared options said."""

    target: str | None
    variables: tuple[str, ...]
    profile: str | None
    local: bool
    output: str

    @property
    def wants_json(self) -> bool:
        return self.output == "json"

    @property
    def wants_report(self) -> bool:
        return self.output in REPORTS


def accepting_shared(command: Command) -> Command:
    """Take the shared options without a use for them, as the official CLI does everywhere."""
    taken = {name for option in getattr(command, "__click_params__", ()) for name in option.opts}
    for names in SHARED:
        if not taken & set(names):
            is_flag = names == ("--debug",)
            option = click.option(
                *names, hidden=True, expose_value=False, is_flag=is_flag, multiple=not is_flag
            )
            command = option(command)
    return command


def project_options(command: Command) -> Command:
    """Add the shared options; the command gets them as one `chosen`."""
    return _options(command, OUTPUT)


def checking_options(command: Command) -> Command:
    """The same for a command that can also report its findings to other tools."""
    return _options(command, OUTPUT_OR_REPORT)


def _options(command: Command, output_option: Callable[[Any], Any]) -> Command:

    def with_chosen(
        *,
        target: str | None,
        variables: tuple[str, ...],
        profile: str | None,
        local: bool,
        output: str,
        environment: str | None,
        debug: bool,
        log_level: str | None,
        log_file: str | None,
        log_format: str | None,
        **rest: Any,
    ) -> Any:
        start_log(debug=debug, log_level=log_level, log_file=log_file, log_format=log_format)
        if environment:
            click.echo(
                "Flag --environment has been deprecated, use --target flag instead", err=True
            )
        target = target or environment or _target_of_surroundings()
        chosen = Chosen(
            target=target, variables=variables, profile=profile, local=local, output=output
        )
        return command(chosen, **rest)

    with_chosen.__name__, with_chosen.__doc__ = command.__name__, command.__doc__
    with_chosen.__click_params__ = list(  # type: ignore[attr-defined]
        getattr(command, "__click_params__", [])
    )
    decorated: Any = with_chosen
    for option in (*LOGS, LOCAL, PROFILE, output_option, VARIABLES, OLD_TARGET, TARGET):
        decorated = option(decorated)
    result: Command = decorated
    return result


def _target_of_surroundings() -> str | None:
    named = (os.environ.get(name) for name in ("DATABRICKS_BUNDLE_TARGET", "DATABRICKS_BUNDLE_ENV"))
    return next((target for target in named if target), None)


def load(chosen: Chosen, *, ask: Ask | None = None, cluster_id: str = "") -> Project:
    """The project offline, findings and all; `ask` asks the workspace what can be asked at once."""
    from brickyard.cli.live import say
    from brickyard.deploy import load_project

    variables, bad_assignment = assigned(chosen.variables)
    project = load_project(
        Path.cwd(),
        chosen.target,
        variables=variables,
        bad_assignment=bad_assignment,
        profile=chosen.profile,
        local=chosen.local,
        start=start_embedded,
        ask=ask,
        say=say,
        cluster_id=cluster_id,
    )
    return _spoken(project)


def _spoken(project: Project) -> Project:
    """The project with the findings that are for whoever has called."""
    from dataclasses import replace

    from brickyard.cli.dialect import spoken

    resolved = project.resolved
    return replace(project, resolved=replace(resolved, diagnostics=spoken(resolved.diagnostics)))


def connect(
    chosen: Chosen, *, quiet: bool = False, deploys: bool = False, cluster_id: str = ""
) -> Project:
    """The project connected to its workspace; findings are shown, errors among them end it.

    The bundle's `postinit` script has run then. Where it is going to be deployed, what the
    service would refuse ends it too, before the service is asked; where it is not, errors that
    are about deploying do not.
    """
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.cli.dialect import is_official
    from brickyard.cli.live import say
    from brickyard.deploy import BrokenBundle, connect_project
    from brickyard.deploy.disk import DiskFiles
    from brickyard.deploy.hooks import run_hook
    from brickyard.deploy.project import OF_DEPLOYS, OFFLINE_CODE, stop_on_refusals
    from brickyard.values import Severity

    project = load(chosen, cluster_id=cluster_id)
    try:
        if deploys:
            stop_on_refusals(project.diagnostics)
        project = _spoken(connect_project(project, tolerates=() if deploys else OF_DEPLOYS))
    except BrokenBundle as broken:
        found = [
            one for one in broken.diagnostics if one.code != OFFLINE_CODE
        ]  # it was to be asked
        show_diagnostics(found, DiskFiles(project.root))
        raise Refused from broken
    is_brief = quiet and not is_official()
    shown = [
        found
        for found in project.diagnostics
        if not is_brief or found.severity is not Severity.RECOMMENDATION
    ]
    show_diagnostics(shown, DiskFiles(project.root))
    run_hook(project, "postinit", say)
    return project


def reach_project(chosen: Chosen) -> Project:
    """The project with a client, though its resources may have errors: for what only needs to know
    where the target lives. Errors of the target itself end it."""
    from dataclasses import replace

    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.cli.dialect import spoken
    from brickyard.deploy.connect import connect as connect_to
    from brickyard.deploy.disk import DiskFiles
    from brickyard.deploy.project import settings_of
    from brickyard.values import Severity

    project = load(chosen)
    settings = settings_of(project)
    show_diagnostics(spoken(settings.diagnostics), DiskFiles(project.root))
    if any(found.severity is Severity.ERROR for found in settings.diagnostics):
        raise Refused
    return replace(
        project, client=connect_to(project.address, project.environment, project.embedded)
    )


def assigned(given: Sequence[str]) -> tuple[Mapping[str, str], str]:
    """What `--var` says, and why the next one says nothing: that is told as a finding."""
    from brickyard.bundle.variables import BadAssignment

    try:
        return parse_variables(given), ""
    except Refused as refusal:
        if not isinstance(refusal.__cause__, BadAssignment):
            raise
        return refusal.__cause__.before, str(refusal)


def parse_variables(given: Sequence[str]) -> dict[str, str]:
    """`a=1,b=2` is comma-separated values: quote a value that holds a comma."""
    from brickyard.bundle import parse_assignments

    try:
        return dict(parse_assignments(given))
    except ValueError as fault:
        raise Refused(str(fault)) from fault


def start_embedded() -> None:
    from brickyard.cli import embedded
    from brickyard.cli.live import say
    from brickyard.deploy import NotRunning

    try:
        embedded.ensure(say=lambda text: say(f"{text[:1].upper()}{text[1:]}..."))
    except embedded.EmbeddedFault as fault:
        raise NotRunning(str(fault)) from fault
