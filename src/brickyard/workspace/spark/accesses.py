"""What a plan touches: the values that inspection yields and that rights and lineage are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One securable and the privilege that the plan needs on it."""

    kind: str  # table | volume | schema | catalog
    full_name: str
    privilege: str
    mode: Mode


@dataclass(slots=True)
class Touched:
    """Everything found in a plan. `opaque` names code whose accesses cannot be seen."""

    accesses: set[Access] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)

    def read(self, table: str) -> None:
        self.accesses.add(Access(kind="table", full_name=table, privilege="SELECT", mode="read"))

    def write(self, table: str) -> None:
        self.accesses.add(Access(kind="table", full_name=table, privilege="MODIFY", mode="write"))

    def add(self, other: Touched) -> None:
        self.accesses |= other.accesses
        self.opaque |= other.opaque


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path of a plan, found: what governs it (None: a file of this machine), and where it is."""

    path: Path
    kind: str | None = None
    full_name: str = ""
