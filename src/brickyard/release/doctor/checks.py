"""What a check sees of a project, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from brickyard.policy import PolicyReport
from brickyard.release.records import ReleaseRecord
from brickyard.release.settings import ReleaseSettings
from brickyard.release.step_settings import RolloutStep
from brickyard.values import Value


class Health(StrEnum):
    GOOD = "good"
    WEAK = "weak"
    MISSING = "missing"
    UNKNOWN = "unknown"  # only a workspace that answers could tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    file: str
    line: int = 0  # 0: the whole file, or that there is none
    text: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}" if self.text else place


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about the project. `next` is a sentence, `command` the way to begin."""

    id: str
    question: str
    health: Health
    evidence: tuple[Evidence, ...] = ()
    next: str = ""
    command: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "health": str(self.health)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A project as far as it is known; `records` is None where no workspace was asked."""

    tree: Value  # the bundle, resolved for one target
    files: Mapping[str, bytes]
    declared: Value  # brickyard.yml as it is written
    settings: ReleaseSettings
    policy: PolicyReport
    targets: Mapping[str, Value] = field(default_factory=dict)
    pipelines: Mapping[str, bytes] = field(default_factory=dict)  # of the repository: CI files
    records: Sequence[ReleaseRecord] | None = None

    def resources(self, *kinds: str) -> Iterator[tuple[str, Value]]:
        """Address and tree of every resource of these types."""
        for kind in kinds:
            found = self.tree.get(f"resources.{kind}")
            for key, value in (found.items if found is not None else {}).items():
                yield f"resources.{kind}.{key}", value

    def tasks(self) -> Iterator[tuple[str, Value]]:
        """Every task of every job, those of for-each tasks too."""
        for address, job in self.resources("jobs"):
            for task in elements(job.get("tasks")):
                inner = task.get("for_each_task.task")
                yield address, inner if inner is not None else task

    def steps(self, *actions: str) -> list[RolloutStep]:
        return [step for step in self.settings.rollout if not actions or step.action in actions]

    def step_places(self, *actions: str) -> tuple[Evidence, ...]:
        """Where steps of these actions are written."""
        found = self.declared.get("rollout")
        return tuple(
            evidence(value, f"{action}: {shown(value)}")
            for tree in elements(found)
            for action in actions
            if (value := tree.get(action)) is not None
        )

    def matching(self, *patterns: str) -> tuple[str, ...]:
        return tuple(
            sorted(
                name
                for name in self.files
                if any(fnmatchcase(name, pattern) for pattern in patterns)
            )
        )


def elements(value: Value | None) -> tuple[Value, ...]:
    return value.elements if value is not None else ()


def evidence(value: Value, text: str = "") -> Evidence:
    """The place of a value, best that of its key."""
    places = value.key_locations or value.locations
    if not places:
        return Evidence(file="the resolved bundle", text=text)
    return Evidence(file=places[0].file, line=places[0].line, text=text)


def at(patient: Patient, path: str, text: str = "") -> tuple[Evidence, ...]:
    """Where brickyard.yml says something, if it does."""
    value = patient.declared.get(path)
    return (evidence(value, text),) if value is not None else ()


def absent(file: str, text: str) -> tuple[Evidence, ...]:
    return (Evidence(file=file, text=text),)


def shown(value: Value | None) -> str:
    data = value.data if value is not None else None
    return data if isinstance(data, str) else ""


def first(found: Iterable[Evidence], count: int = 3) -> tuple[Evidence, ...]:
    return tuple(found)[:count]
