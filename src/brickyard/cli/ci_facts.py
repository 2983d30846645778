"""What a pipeline has to know of the project in this folder."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from brickyard import __version__
from brickyard.bundle import Facts, resolve_target
from brickyard.cicd import PROVIDERS, ProjectFacts, Provider, Rung
from brickyard.cicd.yaml_text import BadYaml, read
from brickyard.cli.diagnostics import show_diagnostics
from brickyard.cli.failures import Refused
from brickyard.deploy import find_root
from brickyard.deploy.disk import ROOT_NAMES, DiskFiles
from brickyard.deploy.git import look_up
from brickyard.deploy.project import PLACEHOLDER
from brickyard.release import FILE, read_settings
from brickyard.values import Value, has_errors, read_yaml

REQUIREMENT: Final = f"brickyard[ci,local]=={__version__}"
OF_A_RELEASE: Final = re.compile(r"brickyard(\[[\w,]+\])?==[\w.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bundle within its repository. Without Git, the bundle's folder is the repository."""

    bundle: Path
    repository: Path

    def file(self, provider: Provider) -> Path:
        return self.repository / PROVIDERS[provider].file

    def written(self) -> tuple[Provider, ...]:
        """The providers that there is a file for."""
        return tuple(one for one in PROVIDERS if self.file(one).is_file())


def find_place(folder: Path) -> Place:
    root = find_root(folder, os.environ).resolve()
    found = look_up(root)
    return Place(bundle=root, repository=found.worktree.resolve() if found else root)


def one_provider(place: Place, provider: str | None) -> Provider:
    if provider:
        return Provider(provider)
    written = place.written()
    if len(written) == 1:
        return written[0]
    names = ", ".join(PROVIDERS)
    if not written:
        raise Refused(
            f"there is no pipeline yet: write one with brickyard ci init --provider <{names}>"
        )
    raise click.UsageError(f"name the provider with --provider: {names}")


def gather(place: Place, *, requirement: str = "", written: str | None = None) -> ProjectFacts:
    """The facts; `written` is the file as it is now, which may name another Brickyard to install.

    Raises `Refused` when the bundle or brickyard.yml has errors: there is nothing to fit then.
    """
    disk = DiskFiles(place.bundle)
    settings = read_settings(disk.get(FILE))
    if has_errors(settings.diagnostics):
        show_diagnostics(settings.diagnostics, disk)
        raise Refused(f"{FILE} has errors")
    environments = settings.environments.values()
    targets = _targets(disk)
    missing = [one.target for one in environments if one.target not in targets]
    if missing and not settings.plain.get("environments"):
        raise Refused(
            f"the bundle has no target {', '.join(missing)}, and {FILE} declares no environments;"
            f" write there what a commit climbs: environments: {{{_entries(targets)}}}"
        )
    root = _root(disk)
    facts = Facts(user=PLACEHOLDER, root=place.bundle.as_posix(), environment=os.environ)
    name, ladder = "", list[Rung]()
    for one in environments:
        resolved = resolve_target(disk, facts=facts, target=one.target)
        if has_errors(resolved.diagnostics):
            show_diagnostics(resolved.diagnostics, disk)
            raise Refused(f"the bundle has errors for target {one.target}")
        name = resolved.name
        ladder.append(
            Rung(
                name=one.name,
                target=one.target,
                takes_any_branch=not one.branches,
                stands_for=resolved.environment,
                leads_on=any(other.after == one.name for other in environments),
            )
        )
    last = settings.environments[ladder[-1].name]
    unit, integration = _tests(place.bundle)
    return ProjectFacts(
        name=name or place.bundle.name,
        ladder=tuple(ladder),
        requirement=requirement or _kept(written) or REQUIREMENT,
        folder=place.bundle.relative_to(place.repository).as_posix().removeprefix("."),
        main=last.branches[0] if last.branches else "main",
        unit_tests=unit,
        integration_tests=integration,
        is_package=_is_package(place.bundle),
        has_rollout=bool(settings.rollout),
        needs_sync=bool(_text(root, "python.venv_path")),
        other_targets=tuple(one for one in targets if one not in {rung.target for rung in ladder}),
    )


def _root(disk: DiskFiles) -> Value:
    """The bundle's root file, as it is written."""
    content = next((found for name in ROOT_NAMES if (found := disk.get(name))), b"")
    return read_yaml(content, ROOT_NAMES[0])[0]


def _targets(disk: DiskFiles) -> tuple[str, ...]:
    """Names of the targets that the bundle's root file declares."""
    targets = _root(disk).get("targets")
    return tuple(targets.items) if targets is not None else ()


def _text(tree: Value, path: str) -> str:
    found = tree.get(path)
    return found.text if found is not None else ""


def _entries(targets: tuple[str, ...]) -> str:
    return ", ".join(f"{one}: {{target: {one}}}" for one in targets) or "dev: {}"


def _kept(written: str | None) -> str:
    """Another source of Brickyard than its release, which someone chose for this pipeline."""
    if written is None:
        return ""
    try:
        tree = read(written, "")
    except BadYaml:
        return ""
    table = tree.get("env") or tree.get("variables")
    named = table.get("BRICKYARD_REQUIREMENT") if isinstance(table, dict) else None
    return "" if named is None or OF_A_RELEASE.fullmatch(str(named)) else str(named)


def _tests(bundle: Path) -> tuple[str, str]:
    """Folders of unit and of integration tests."""
    integration = "tests/integration" if _has_tests(bundle / "tests/integration") else ""
    if _has_tests(bundle / "tests/unit"):
        return "tests/unit", integration
    others = [
        path
        for path in bundle.glob("tests/**/*test*.py")
        if not path.is_relative_to(bundle / "tests/integration")
    ]
    return ("tests" if others else ""), integration


def _has_tests(folder: Path) -> bool:
    return any(folder.rglob("test_*.py")) or any(folder.rglob("*_test.py"))


def _is_package(bundle: Path) -> bool:
    try:
        found = tomllib.loads((bundle / "pyproject.toml").read_text())
    except (OSError, ValueError):
        return False
    return "build-system" in found and "project" in found
