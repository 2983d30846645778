"""Datasets and flows as the sources declare them, and the names they are found by.

A table's key is its full name in lower case, a view's its bare name: views are seen by this
pipeline only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

MATERIALIZED_VIEW: Final = "MATERIALIZED_VIEW"
STREAMING_TABLE: Final = "STREAMING_TABLE"
TABLE: Final = "TABLE"  # one or the other of these: its query decides
VIEW: Final = "VIEW"
Action = Literal["ALLOW", "DROP", "FAIL"]


class PipelineFault(Exception):
    """The pipeline cannot be run as it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    name: str
    condition: Any  # SQL text, or a Column
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What unqualified names mean where something is declared."""

    catalog: str
    schema: str


@dataclass(slots=True, kw_only=True)
class Dataset:
    key: str
    kind: str
    comment: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    partitions: Sequence[str] = ()
    schema: Any = None  # DDL text or StructType: the columns as declared
    expectations: list[Expectation] = field(default_factory=list)
    where: str = ""  # source file, for messages

    @property
    def name(self) -> str:
        return self.key.rpartition(".")[2]

    @property
    def is_view(self) -> bool:
        return self.kind == VIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdc:
    """How a change feed is applied to its target."""

    source: str
    keys: Sequence[str]
    sequence_by: str
    deletes: str | None = None  # conditions, as SQL
    truncates: str | None = None
    ignores_nulls: bool = False
    columns: Sequence[str] | None = None
    except_columns: Sequence[str] = ()
    scd: int = 1


@dataclass(slots=True, kw_only=True)
class Flow:
    name: str
    target: str  # key of a dataset
    query: Callable[[], Any] | None = None  # gives a DataFrame
    cdc: Cdc | None = None
    once: bool = False
    conf: Mapping[str, str] = field(default_factory=dict)
    defaults: Defaults


class Graph:
    """Everything the sources declare. `defaults` are the pipeline's catalog and schema."""

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = defaults
        self.now = defaults  # changed by USE while a SQL file is read
        self.datasets: dict[str, Dataset] = {}
        self.flows: list[Flow] = []

    def key(self, name: str, *, is_view: bool = False) -> str:
        """The key under which a declared name is kept."""
        parts = name_parts(name)
        if is_view:
            return parts[-1]
        return full_name(parts, self.now)

    def declare(self, dataset: Dataset) -> Dataset:
        """Raises PipelineFault when the name is in use."""
        if dataset.key in self.datasets:
            raise PipelineFault(f"The dataset '{dataset.key}' is defined more than once.")
        self.datasets[dataset.key] = dataset
        return dataset

    def add_flow(self, flow: Flow) -> None:
        if any(one.name == flow.name for one in self.flows):
            raise PipelineFault(f"The flow '{flow.name}' is defined more than once.")
        self.flows.append(flow)

    def find(self, name: str, defaults: Defaults) -> Dataset | None:
        """The dataset that a name in a query means, or None for what is not of this pipeline."""
        parts = name_parts(name)
        if len(parts) == 1 and (view := self.datasets.get(parts[0])):
            return view
        if len(parts) > 3:
            return None
        return self.datasets.get(full_name(parts, defaults))

    def flows_of(self, key: str) -> list[Flow]:
        return [one for one in self.flows if one.target == key]


def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a dotted name in lower case, without `LIVE.` and without backticks."""
    parts: list[str] = []
    current, quoted = "", False
    for letter in name.strip():
        if letter == "`":
            quoted = not quoted
        elif letter == "." and not quoted:
            parts.append(current)
            current = ""
        else:
            current += letter
    parts.append(current)
    lowered = tuple(part.strip().lower() for part in parts)
    return lowered[1:] if len(lowered) == 2 and lowered[0] == "live" else lowered


def full_name(parts: Sequence[str], defaults: Defaults) -> str:
    missing = (defaults.catalog, defaults.schema)[: 3 - len(parts)]
    return ".".join((*(one.lower() for one in missing), *parts))


def quoted(key: str) -> str:
    """A full name for use in SQL."""
    return ".".join(f"`{part}`" for part in key.split("."))
