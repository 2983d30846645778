"""What resolving a bundle gives back: one configuration, its resources, findings and questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from brickyard.values import Diagnostic, Location, Severity, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One resource of the resolved bundle, or its permissions or grants as a node of their own."""

    address: str  # "resources.jobs.nightly", "resources.jobs.nightly.permissions"
    type: str
    key: str
    value: Value
    part: str = ""  # "permissions", "grants"; empty: the resource itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A look-up that only the workspace can answer; hand the answer back in `Facts.answers[id]`."""

    id: str  # "variables.warehouse_id"
    kind: str  # "warehouse", "cluster", "service_principal", …
    name: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonAnswer:
    """What a bundle's Python gave back: the configuration, findings, and where values were made."""

    output: Mapping[str, Any] | None
    diagnostics: tuple[Diagnostic, ...] = ()
    places: Mapping[str, Location] = field(default_factory=dict)  # by path of the configuration


# (phase, settings under `python`, whole configuration) -> answer
RunPython: TypeAlias = Callable[[str, Mapping[str, Any], Mapping[str, Any]], PythonAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """The settings under `sync`, in terms of one root: posix, relative to the bundle's root."""

    root: str = "."
    paths: tuple[str, ...] = (".",)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A local file that a task or an environment needs in the workspace."""

    path: str  # "resources.jobs.a.tasks[0].libraries[0].whl"
    source: str  # relative to the sync root; may be a pattern
    extras: str = ""  # "[dev]" after the wheel's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A bundle for one target. `${resources.x.y.z}` stays as text until it is deployed."""

    name: str
    target: str
    mode: str  # "development", "production" or ""
    root: str  # the root file's folder; always "."
    root_file: str
    environment: str  # "dev", "staging" or "prod": where a target without host goes
    host: str  # empty: the embedded workspace of `environment`
    tree: Value
    diagnostics: tuple[Diagnostic, ...]
    resources: tuple[Declared, ...]
    questions: tuple[Question, ...] = ()
    sync: SyncPlan = SyncPlan()
    libraries: tuple[Library, ...] = ()

    @property
    def has_errors(self) -> bool:
        """True when deploying would be wrong."""
        return any(found.severity is Severity.ERROR for found in self.diagnostics)

    @property
    def is_embedded(self) -> bool:
        """True when the target names no Databricks host."""
        return not self.host
