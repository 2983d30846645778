"""All of it together: one report for an environment, whatever part of it can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.deploy import ApiFailure, Project
from brickyard.release.drift.code import code_drift
from brickyard.release.drift.configuration import configuration_drift
from brickyard.release.drift.data import data_drift
from brickyard.release.drift.evaluation import evaluation_drift
from brickyard.release.drift.findings import Finding, State
from brickyard.release.records import ReleaseRecord, history, live, now
from brickyard.release.settings import EnvironmentSettings, ReleaseSettings

KINDS = ("configuration", "data", "evaluation", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """What was looked at, and when. `has_drift` and `is_complete` decide the exit code."""

    environment: str
    host: str
    checked: str
    release: int
    commit: str
    findings: tuple[Finding, ...]

    @property
    def has_drift(self) -> bool:
        return any(one.state is State.DRIFT for one in self.findings)

    @property
    def is_complete(self) -> bool:
        return not any(one.state is State.UNKNOWN for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "host": self.host,
            "checked": self.checked,
            "release": self.release or None,
            "commit": self.commit or None,
            "drift": self.has_drift,
            "complete": self.is_complete,
            "findings": [one.as_json() for one in self.findings],
        }


def check_drift(
    project: Project,
    root: Path,
    settings: ReleaseSettings,
    environment: EnvironmentSettings,
    kinds: tuple[str, ...] = KINDS,
) -> DriftReport:
    """Look for drift of these kinds. A kind that can't be looked at at all is unknown."""
    records = history(project)
    served = live(records)
    findings: list[Finding] = []
    for kind in kinds:
        try:
            findings += _of_kind(kind, project, root, settings, environment, records, served)
        except ApiFailure as failure:
            findings.append(
                Finding(kind=kind, subject=kind, state=State.UNKNOWN, detail=str(failure))
            )
    return DriftReport(
        environment=environment.name,
        host=project.workspace.host,
        checked=now(),
        release=served.sequence if served is not None else 0,
        commit=served.commit if served is not None else "",
        findings=tuple(findings),
    )


def _of_kind(
    kind: str,
    project: Project,
    root: Path,
    settings: ReleaseSettings,
    environment: EnvironmentSettings,
    records: tuple[ReleaseRecord, ...],
    served: ReleaseRecord | None,
) -> Iterator[Finding]:
    wanted = settings.drift
    if kind == "configuration":
        yield from configuration_drift(project, served, wanted.ignore)
    elif kind == "data":
        yield from data_drift(
            project, served, tuple(one for one in wanted.data if one.is_in(environment.name))
        )
    elif kind == "evaluation":
        yield from evaluation_drift(project, records, served, wanted.scores)
    elif served is None:
        yield _without_release(kind, project, records)
    else:
        branch = wanted.branch or (environment.branches or ("HEAD",))[0]
        yield from code_drift(project, root, served, wanted, branch)


def _without_release(kind: str, project: Project, records: tuple[ReleaseRecord, ...]) -> Finding:
    """Where nothing was ever deployed nothing drifted: nightly looks begin before that."""
    if not records and not project.store.pull().state.entries:
        detail = "nothing was released or deployed here yet"
        return Finding(kind=kind, subject="commit", state=State.OK, detail=detail)
    detail = "nothing was released yet, so there is no commit to compare"
    return Finding(kind=kind, subject="commit", state=State.UNKNOWN, detail=detail)
