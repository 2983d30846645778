"""All seven points, one after the other, over a project as it lies on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from brickyard.deploy import Project, source_paths
from brickyard.deploy.disk import root_file
from brickyard.policy import check
from brickyard.release.doctor import (
    automation,
    cost,
    data,
    evaluation,
    governance,
    infrastructure,
    quality,
)
from brickyard.release.doctor.checks import Check, Health, Patient
from brickyard.release.records import ReleaseRecord
from brickyard.release.settings import FILE, read_settings
from brickyard.values import Value, read_yaml

POINTS: Final[tuple[ModuleType, ...]] = (
    automation,
    data,
    evaluation,
    quality,
    infrastructure,
    governance,
    cost,
)
# Where the three providers look for pipelines, from the repository's top.
PIPELINES: Final = (
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    "azure-pipelines*.yml",
    ".azure/*.yml",
    ".azure-pipelines/*.yml",
    ".gitlab-ci.yml",
)
READ: Final = (".py", ".sql", ".ipynb", ".txt", ".toml", ".lock", ".md", "CODEOWNERS")
MOST_BYTES: Final = 1_000_000


def examine(patient: Patient) -> list[dict[str, Any]]:
    """Each point with its checks and the worst of their states."""
    found = []
    for point in POINTS:
        checks: Callable[[Patient], Iterator[Check]] = point.checks
        made = tuple(checks(patient))
        found.append(
            {
                "point": point.TITLE,
                "health": str(_worst([one.health for one in made])),
                "checks": [one.as_json() for one in made],
            }
        )
    return found


def look_at(project: Project, records: Sequence[ReleaseRecord] | None = None) -> Patient:
    """The project as the checks see it; nothing is run, no workspace is asked."""
    text = project.disk.get(FILE)
    settings = read_settings(text)
    declared = read_yaml(text, FILE)[0] if text is not None else Value({})
    report = check(
        project.resolved,
        project.disk,
        sources=source_paths(project),
        settings=settings.plain,
    )
    return Patient(
        tree=project.resolved.tree,
        files=_files(project.root),
        declared=declared,
        settings=settings,
        policy=report,
        targets=_targets(project),
        pipelines=_pipelines(project),
        records=records,
    )


def _worst(states: Sequence[Health]) -> Health:
    order = (Health.MISSING, Health.WEAK, Health.UNKNOWN, Health.GOOD)
    return min(states, key=order.index)


def _targets(project: Project) -> dict[str, Value]:
    name = root_file(project.root)
    content = project.disk.get(name) if name else None
    if content is None:
        return {}
    tree = read_yaml(content, str(name))[0]
    found = tree.get("targets")
    return dict(found.items) if found is not None else {}


def _files(root: Path) -> dict[str, bytes]:
    """Text files of the project, those that a check reads; none of hidden folders."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        hidden = any(part.startswith(".") and part != ".github" for part in name.split("/")[:-1])
        if hidden or not name.endswith(READ) or not path.is_file():
            continue
        if path.stat().st_size <= MOST_BYTES:
            found[name] = path.read_bytes()
    return found


def _pipelines(project: Project) -> dict[str, bytes]:
    tops = {project.root}
    if project.repository is not None:
        tops.add(project.repository.worktree)
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for top in sorted(tops)
        for pattern in PIPELINES
        for path in sorted(top.glob(pattern))
    }
