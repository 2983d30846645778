"""Requests per endpoint since the workspace started, in Prometheus' text form.

The families are those that Databricks exports for an endpoint; a served entity that sleeps uses
nothing and has no gauges.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

BUCKETS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000)
LATENCY = "request_latency_ms"
COUNTERS = (
    ("request_count_total", "Requests"),
    ("request_4xx_count_total", "Requests refused because of their content"),
    ("request_5xx_count_total", "Requests that failed"),
)
GAUGES = (
    ("cpu_usage_percentage", "Processor time used, of one core"),
    ("mem_usage_percentage", "Memory used, of what there may be"),
    ("provisioned_concurrent_requests_total", "Requests that are answered at once, at most"),
)

Usage = Mapping[str, Mapping[str, float]]  # served entity -> gauge -> value


@dataclass(slots=True)
class Tally:
    """Of one served entity. `fits`: requests by the first bucket they fit in."""

    ended: list[int] = field(default_factory=lambda: [0] * len(COUNTERS))
    ms: int = 0
    fits: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_MS) + 1))


class Counts:
    """Belongs to the event loop."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}  # by endpoint's id and served entity

    def add(self, endpoint_id: str, entity: str, status: int, seconds: float) -> None:
        tally = self._tallies.get((endpoint_id, entity))
        if tally is None:
            tally = self._tallies[endpoint_id, entity] = Tally()
        tally.ended[0] += 1
        if status >= 400:
            tally.ended[1 if status < 500 else 2] += 1
        ms = seconds * 1000
        tally.ms += round(ms)
        tally.fits[bisect_left(BUCKETS_MS, ms)] += 1

    def text(self, endpoint_id: str, usage: Usage | None = None) -> str:
        mine = sorted((key[1], one) for key, one in self._tallies.items() if key[0] == endpoint_id)
        lines: list[str] = []
        for at, (name, title) in enumerate(COUNTERS):
            lines += [f"# HELP {name} {title}", f"# TYPE {name} counter"]
            lines += [f"{name}{_labels(entity)} {tally.ended[at]}" for entity, tally in mine]
        lines += [f"# HELP {LATENCY} Milliseconds until the answer", f"# TYPE {LATENCY} histogram"]
        for entity, tally in mine:
            lines += _histogram(entity, tally)
        for name, title in GAUGES if usage else ():
            lines += [f"# HELP {name} {title}", f"# TYPE {name} gauge"]
            lines += [
                f"{name}{_labels(one)} {values[name]:g}"
                for one, values in sorted((usage or {}).items())
                if name in values
            ]
        return "\n".join(lines) + "\n"


def _histogram(entity: str, tally: Tally) -> Iterator[str]:
    total = 0
    for bound, count in zip((*BUCKETS_MS, "+Inf"), tally.fits, strict=True):
        total += count
        yield f"{LATENCY}_bucket{_labels(entity, bound)} {total}"
    yield f"{LATENCY}_sum{_labels(entity)} {tally.ms}"
    yield f"{LATENCY}_count{_labels(entity)} {total}"


def _labels(entity: str, bound: object = None) -> str:
    more = "" if bound is None else f',le="{bound}"'
    return f'{{served_entity_name="{entity}"{more}}}'
