"""What all commands about releases share: reaching an environment, saying what went wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from brickyard.cli.diagnostics import show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine
from brickyard.cli.project_options import (
    LOCAL,
    OUTPUT,
    PROFILE,
    VARIABLES,
    parse_variables,
    start_embedded,
)
from brickyard.deploy import BrokenBundle, Project, find_root
from brickyard.deploy.disk import DiskFiles
from brickyard.release import (
    FILE,
    GitFault,
    Promotion,
    PromotionRefused,
    ReleaseRecord,
    ReleaseSettings,
    Waiting,
    history,
    open_environment,
    read_settings,
)
from brickyard.release.promote import find_environment

Command = Callable[..., None]
WAITING: Final = 3  # exit code: approvals are missing

ENVIRONMENT = click.option(
    "-t",
    "--environment",
    required=True,
    metavar="ENVIRONMENT",
    help="Environment of brickyard.yml.",
)


def release_options(command: Command) -> Command:
    """Options that reach an environment, and errors said as every other command says them."""

    @VARIABLES
    @OUTPUT
    @PROFILE
    @LOCAL
    @wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except BrokenBundle as broken:
            show_diagnostics(broken.diagnostics, DiskFiles(root()))
            raise Refused("the bundle has errors") from None
        except PromotionRefused as refusal:
            show_diagnostics(refusal.diagnostics, DiskFiles(root()))
            raise Refused(str(refusal)) from None
        except Waiting as waiting:
            raise Refused(str(waiting), exit_code=WAITING) from None
        except GitFault as fault:
            raise Refused(str(fault)) from None

    return run


def root() -> Path:
    return find_root(Path.cwd(), os.environ)


def settings_here() -> ReleaseSettings:
    """The `brickyard.yml` of the folder. Raises `PromotionRefused` when it has errors."""
    from brickyard.values import has_errors

    found = read_settings(DiskFiles(root()).get(FILE))
    if has_errors(found.diagnostics):
        raise PromotionRefused(f"{FILE} has errors", found.diagnostics)
    return found


def promotion(to: str, **options: Any) -> Promotion:
    return Promotion(
        root=root(),
        to=to,
        commit=options.get("commit"),
        by=options.get("by") or "code",
        again=bool(options.get("again")),
        force_lock=bool(options.get("force_lock")),
        auto_approve=bool(options.get("auto_approve")),
        variables=tuple(parse_variables(options["variables"]).items()),
        profile=options["profile"],
        local=options["local"],
        start=start_embedded,
    )


def reach(environment: str, output: str, **options: Any) -> Project:
    """The bundle of the folder, connected to an environment."""
    wanted = promotion(environment, **options)
    chosen = find_environment(settings_here(), environment)
    with LiveLine("reaching the workspace", is_silent=output == "json"):
        return open_environment(wanted, chosen)


def records_of(environment: str, output: str, **options: Any) -> tuple[ReleaseRecord, ...]:
    project = reach(environment, output, **options)
    with LiveLine("reading the release records", is_silent=output == "json"):
        return history(project)


def record_numbered(
    records: tuple[ReleaseRecord, ...], number: int, environment: str
) -> ReleaseRecord:
    found = next((record for record in records if record.sequence == number), None)
    if found is not None:
        return found
    for record in records:
        if record.is_damaged and record.number_of_file == number:
            raise Refused(
                f"release {number} of {environment} can't be read: {record.path} is no release"
                f" record. `brickyard release record verify -t {environment}` tells more"
            )
    raise Refused(f"{environment} has no release {number}; it has {len(records)}")
