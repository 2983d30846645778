"""What a check for drift says: one finding for each thing looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    OK = "ok"
    DRIFT = "drift"
    UNKNOWN = "unknown"  # it could not be computed: never a clean bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`subject` is an address, a table, a metric or a branch; `field` is what of it."""

    kind: str  # configuration | data | evaluation | code
    subject: str
    state: State
    field: str = ""
    recorded: Any = None
    actual: Any = None
    detail: str = ""
    who: str = ""  # changed it, where the API tells
    when: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "state": str(self.state)}
