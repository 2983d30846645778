"""One call of a flow's query, and what it read meanwhile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.runtime.pipelines.graph import Flow


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """`plans`: datasets are given by their queries, nothing is read. `takes_all`: streams give
    everything there is, for queries that cannot be answered from what is new.
    """

    flow: Flow
    before: Mapping[str, Any]  # what the flow had read
    plans: bool
    takes_all: bool = False
    depends_on: dict[str, None] = field(default_factory=dict)  # tables of the pipeline
    views: list[str] = field(default_factory=list)  # being evaluated, outermost first
    in_batch: int = 0  # inside a view that is read as a table
    stream_count: int = 0
    has_new: bool = False
    remembers: bool = False  # SQL with aggregates or joins over streams was seen
    sources: dict[str, Any] = field(default_factory=dict)  # what it will have read
    files: dict[str, Any] = field(default_factory=dict)
    stream_plans: list[Any] = field(default_factory=list)
    stream_views: set[str] = field(default_factory=set)  # temporary views made of streams

    @property
    def is_streaming(self) -> bool:
        return self.stream_count > 0

    def progress(self) -> dict[str, Any]:
        """What to remember when its result is written."""
        return {"sources": self.sources, "files": self.files, "done": True}


def keeps_state(frame: Any, evaluation: Evaluation) -> bool:
    """Whether the result for new rows depends on old ones: aggregates, distinct, joined streams."""
    return evaluation.remembers or _of(frame, evaluation)[0]


def has_stream(frame: Any, evaluation: Evaluation) -> bool:
    """Whether a stream is part of the frame."""
    return _of(frame, evaluation)[1] > 0


def _of(frame: Any, evaluation: Evaluation) -> tuple[bool, int]:
    return _keeps_state(frame._plan, {id(one) for one in evaluation.stream_plans})


AROUND: Final = re.compile(
    r"WindowExpression|\bOVER\s*\(|\b(?:count|sum|avg|mean|min|max|first|last|collect_list"
    r"|collect_set|count_distinct|approx_count_distinct|max_by|min_by|stddev|variance)\(",
    re.IGNORECASE,
)
STATEFUL: Final = frozenset(
    {"Aggregate", "Deduplicate", "Limit", "Offset", "Tail", "Sort", "GroupMap"}
)


def _keeps_state(plan: Any, streams: set[int]) -> tuple[bool, int]:
    """(stateful, number of streams below) of a plan of the Spark Connect client."""
    count = 1 if id(plan) in streams else 0
    stateful = False
    for child in _children(plan):
        below, found = _keeps_state(child, streams)
        stateful |= below
        count += found
    kind = type(plan).__name__
    if count and (kind in STATEFUL or (kind in ("Join", "AsOfJoin", "LateralJoin") and count > 1)):
        stateful = True
    if count and kind == "SetOperation" and not _is_union_all(plan):
        stateful = True
    return stateful or (bool(count) and _looks_around(plan)), count


def _children(plan: Any) -> list[Any]:
    found = []
    for name in ("_child", "left", "right", "_left", "_right", "other", "_input"):
        child = getattr(plan, name, None)
        if child is not None and hasattr(child, "plan") and child not in found:
            found.append(child)
    return found


def _is_union_all(plan: Any) -> bool:
    return str(getattr(plan, "set_op", "")) == "union" and bool(getattr(plan, "is_all", True))


def _looks_around(plan: Any) -> bool:
    """Whether columns of a projection are computed from several rows."""
    columns = [*(getattr(plan, "_columns", None) or ()), *(getattr(plan, "_aliases", None) or ())]
    return any(AROUND.search(repr(one)) for one in columns)
