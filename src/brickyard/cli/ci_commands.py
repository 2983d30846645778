"""`ci init | check`: the pipeline that releases this project, for the provider that runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from brickyard.cicd import PROVIDERS, ProjectFacts, Provider, State, check, render_file, state_of
from brickyard.cicd.schemas import check_schema, is_available
from brickyard.cli.ci_facts import find_place, gather, one_provider
from brickyard.cli.ci_runs import PROVIDER, run_command, watch_command
from brickyard.cli.diagnostics import as_json as finding
from brickyard.cli.diagnostics import show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.cli.project_options import OUTPUT
from brickyard.deploy.disk import DiskFiles
from brickyard.values import Diagnostic, has_errors


@click.group()
def ci() -> None:
    """CI/CD pipelines: write them, check them, run them here."""


ci.add_command(run_command)
ci.add_command(watch_command)


@ci.command("init", short_help="Write the pipeline that releases this project.")
@PROVIDER
@click.option("--requirement", metavar="TEXT", help="What pip installs; default: this release.")
@click.option("--force", is_flag=True, help="Write over what was changed by hand; do not ask.")
def init_command(provider: str | None, requirement: str | None, force: bool) -> None:
    """Write the provider's pipeline from the project's environments, tests and rollout.

    Again, it changes only what has to change. A file that a person changed is kept, unless they say
    otherwise.
    """
    place = find_place(Path.cwd())
    chosen = one_provider(place, provider)
    path = place.file(chosen)
    before = _text(path)
    state = state_of(before)
    facts = gather(place, requirement=requirement or "", written=before)
    wanted = render_file(chosen, facts)
    name = path.relative_to(place.repository).as_posix()
    if before is not None and before.replace("\r\n", "\n") == wanted:
        click.echo(f"{name} fits the project already.")
        return
    if state in (State.CHANGED, State.FOREIGN) and not force:
        _may_overwrite(name, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(wanted, newline="\n")
    click.echo(f"Wrote {name} for {PROVIDERS[chosen].title}: {_shown(facts)}.")
    click.echo("Once, at the provider: docs/ci-cd.md lists its environments and variables.")


@ci.command("check", short_help="Check the pipelines against the project and their schemas.")
@PROVIDER
@OUTPUT
def check_command(provider: str | None, output: str) -> None:
    """Check that pipelines follow their provider's schema and still match the project.

    Exit code 1 when one does not. The schemas come with `pip install "brickyard[ci]"`.
    """
    place = find_place(Path.cwd())
    chosen = (Provider(provider),) if provider else place.written()
    if not chosen or not all(place.file(one).is_file() for one in chosen):
        raise Refused("there is no pipeline to check; write one: brickyard ci init")
    found: list[Diagnostic] = []
    for one in chosen:
        path = place.file(one)
        file, text = path.relative_to(place.repository).as_posix(), _text(path) or ""
        found += check(one, file, text, gather(place, written=text))
        if is_available():
            found += check_schema(one, path, file)
    if output == "json":
        click.echo(json.dumps(_as_json(found, chosen), indent=2))
    else:
        show_diagnostics(found, DiskFiles(place.repository))
        if not is_available():
            click.echo(
                'The providers\' schemas were not checked: pip install "brickyard[ci]"', err=True
            )
        for one in chosen:
            name = PROVIDERS[one].file
            if not any(place.file == name for bad in found for place in bad.locations):
                click.echo(f"{name} fits the project.")
    if has_errors(found):
        raise Refused(exit_code=1)


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return None


def _may_overwrite(name: str, state: State) -> None:
    """Asks at a terminal; refuses anywhere else."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{name} was {state}: pass --force to write over it, or move it away")
    click.confirm(f"{name}: {state}. Write over it?", abort=True, err=True)


def _shown(facts: ProjectFacts) -> str:
    """How a commit travels, in a line."""
    *lower, last = [rung.name for rung in facts.way]
    on_main = f"{facts.main} to {', '.join(lower)}; " if lower else ""
    return f"pull requests rehearse; {on_main}tags {facts.tags} to {last}"


def _as_json(found: list[Diagnostic], chosen: tuple[Provider, ...]) -> dict[str, object]:
    return {
        "pipelines": [PROVIDERS[one].file for one in chosen],
        "schemas_checked": is_available(),
        "findings": [finding(one) for one in found],
    }
