"""What a session has set up in its engine, so that a new engine can be set up the same way.

An engine may end before its sessions do: nobody used it for a while, a catalog was made that it
cannot see, or it died. A session then goes on in the next one: its settings, temporary views and
functions are defined again in the order in which they were made, each in the catalog and schema
that was current then.

A view may stand on another of the same name (`df.createOrReplaceTempView` of a query over the view
it replaces), so a definition that another one names stays when it is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from brickyard.workspace.spark.functions.remote import Remote

STEPS_KEPT: Final = 1_000
BYTES_KEPT: Final = 64 * 2**20  # local data stands in the plan of a view over it

VIEW: Final = "view"
FUNCTION: Final = "function"
SOURCE: Final = "data source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A definition: a serialized Spark Connect `Plan`, and what was current when it ran."""

    kind: str
    name: str  # in lower case
    plan: bytes
    catalog: str
    schema: str
    remotes: Mapping[str, Remote]

    def mentions(self, name: str) -> int:
        return self.plan.lower().count(name.encode())


@dataclass(slots=True)
class Setup:
    """Of one session; its lock guards it."""

    settings: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def note(self, step: Step) -> None:
        """Keep a definition that the engine accepted; the oldest go when they are too many."""
        self._replace(step)
        self.steps.append(step)
        size = sum(len(one.plan) for one in self.steps)
        while self.steps and (len(self.steps) > STEPS_KEPT or size > BYTES_KEPT):
            size -= len(self.steps.pop(0).plan)

    def forget(self, kind: str, name: str) -> None:
        """What was dropped is not defined again, unless something stands on it."""
        name = name.lower()
        rest = [one for one in self.steps if (one.kind, one.name) != (kind, name)]
        if not any(one.mentions(name) for one in rest):
            self.steps = rest

    def copy(self) -> Setup:
        return Setup(settings=dict(self.settings), steps=list(self.steps))

    def _replace(self, step: Step) -> None:
        if step.mentions(step.name) <= 1:  # its own name; more: it stands on what it replaces
            self.forget(step.kind, step.name)
