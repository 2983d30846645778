"""Requests per endpoint since the workspace started, in Prometheus' text form.

The families are those that Databricks exports for an endpoint; a served entity that sleeps uses
nothing and has no gauges.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

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


class Counts:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Counter[tuple[str, str, str]] = Counter()

    def add(self, endpoint_id: str, entity: str, status: int, seconds: float) -> None:
        ms = seconds * 1000
        fits = next((bound for bound in BUCKETS_MS if ms <= bound), "+Inf")
        with self._lock:
            for name, amount in (
                ("request_count_total", 1),
                ("request_4xx_count_total", int(400 <= status < 500)),
                ("request_5xx_count_total", int(status >= 500)),
                (f"{LATENCY}_sum", round(ms)),
                (f"{LATENCY}_bucket {fits}", 1),
            ):
                self._values[endpoint_id, entity, name] += amount

    def text(self, endpoint_id: str, usage: Usage | None = None) -> str:
        with self._lock:
            mine = {key[1:]: n for key, n in self._values.items() if key[0] == endpoint_id}
        entities = sorted({entity for entity, _ in mine})
        lines: list[str] = []
        for name, title in COUNTERS:
            lines += [f"# HELP {name} {title}", f"# TYPE {name} counter"]
            lines += [f"{name}{_labels(one)} {mine[one, name]}" for one in entities]
        lines += [f"# HELP {LATENCY} Milliseconds until the answer", f"# TYPE {LATENCY} histogram"]
        for one in entities:
            lines += _histogram(
                one, {name: n for (entity, name), n in mine.items() if entity == one}
            )
        for name, title in GAUGES if usage else ():
            lines += [f"# HELP {name} {title}", f"# TYPE {name} gauge"]
            lines += [
                f"{name}{_labels(one)} {values[name]:g}"
                for one, values in sorted((usage or {}).items())
                if name in values
            ]
        return "\n".join(lines) + "\n"


def _histogram(entity: str, values: Mapping[str, int]) -> Iterator[str]:
    total = 0
    for bound in (*BUCKETS_MS, "+Inf"):
        total += values.get(f"{LATENCY}_bucket {bound}", 0)
        yield f"{LATENCY}_bucket{_labels(entity, bound)} {total}"
    yield f"{LATENCY}_sum{_labels(entity)} {values[f'{LATENCY}_sum']}"
    yield f"{LATENCY}_count{_labels(entity)} {total}"


def _labels(entity: str, bound: object = None) -> str:
    more = "" if bound is None else f',le="{bound}"'
    return f'{{served_entity_name="{entity}"{more}}}'
