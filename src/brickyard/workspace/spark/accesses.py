"""What a plan touches: the values that inspection yields and that rights and lineage are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from brickyard.workspace.spark.functions.remote import Remote

Mode = Literal["read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One securable and the privilege that the plan needs on it."""

    kind: str  # table | volume | schema | catalog | function
    full_name: str
    privilege: str
    mode: Mode


@dataclass(slots=True)
class Touched:
    """Everything found in a plan. `opaque` names code whose accesses cannot be seen.

    `remotes` are the functions, by name, that the engine must know before it runs the plan.
    """

    accesses: set[Access] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    remotes: dict[str, Remote] = field(default_factory=dict)

    def read(self, table: str) -> None:
        self.accesses.add(Access(kind="table", full_name=table, privilege="SELECT", mode="read"))

    def write(self, table: str) -> None:
        self.accesses.add(Access(kind="table", full_name=table, privilege="MODIFY", mode="write"))

    def execute(self, function: str) -> None:
        self.accesses.add(
            Access(kind="function", full_name=function, privilege="EXECUTE", mode="read")
        )

    def add(self, other: Touched) -> None:
        self.accesses |= other.accesses
        self.opaque |= other.opaque
        self.remotes |= other.remotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path of a plan, found: what governs it (None: a file of this machine), and where it is."""

    path: Path
    kind: str | None = None
    full_name: str = ""
