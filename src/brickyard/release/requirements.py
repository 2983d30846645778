"""What a gate requires of a metric: `>= 0.8`, `<= 20`, `== 1`, `> 0`, `< 5`.

A metric that is missing, not a number, NaN or infinite fails its requirement, whatever the limit:
such a value comes of a division by nothing, and a gate that can't be computed must not open.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

TESTS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
LIMIT: Final = re.compile(r"\s*(>=|<=|==|>|<)\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*")


class RequirementFault(ValueError):
    """A limit that can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    metric: str
    test: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric} {self.test} {self.limit:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`value` is None where the metric could not be had."""

    requirement: Requirement
    value: float | None

    @property
    def holds(self) -> bool:
        if self.value is None or not math.isfinite(self.value):
            return False
        return TESTS[self.requirement.test](self.value, self.requirement.limit)

    def __str__(self) -> str:
        shown = "not computed" if self.value is None else f"{self.value:.4g}"
        return f"{self.requirement} ({shown})"


def parse_requirement(metric: str, text: str) -> Requirement:
    """Raises `RequirementFault` naming the accepted forms."""
    found = LIMIT.fullmatch(text)
    if not found:
        raise RequirementFault(f"`{text}` is not a limit; write one like `>= 0.8` or `<= 20`.")
    return Requirement(metric=metric, test=found[1], limit=float(found[2]))


def judge(requirements: Sequence[Requirement], metrics: object) -> tuple[Outcome, ...]:
    """Each requirement with the metric's value; `metrics` is what a step left behind."""
    table = metrics if isinstance(metrics, Mapping) else {}
    return tuple(
        Outcome(requirement=one, value=_number(table.get(one.metric))) for one in requirements
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
