"""Requests per endpoint since the workspace started, in Prometheus' text form."""

from __future__ import annotations

import threading
from collections import Counter

FAMILIES = (
    ("request_count_total", "Requests"),
    ("request_4xx_count_total", "Requests refused because of their content"),
    ("request_5xx_count_total", "Requests that failed"),
    ("request_latency_ms_total", "Milliseconds spent on requests"),
)


class Counts:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Counter[tuple[str, str, str]] = Counter()

    def add(self, endpoint_id: str, entity: str, status: int, seconds: float) -> None:
        with self._lock:
            for family, amount in (
                ("request_count_total", 1),
                ("request_4xx_count_total", int(400 <= status < 500)),
                ("request_5xx_count_total", int(status >= 500)),
                ("request_latency_ms_total", round(seconds * 1000)),
            ):
                self._values[endpoint_id, entity, family] += amount

    def text(self, endpoint_id: str) -> str:
        with self._lock:
            mine = {key[1:]: n for key, n in self._values.items() if key[0] == endpoint_id}
        lines = []
        for family, title in FAMILIES:
            lines += [f"# HELP {family} {title}", f"# TYPE {family} counter"]
            for (entity, name), amount in sorted(mine.items()):
                if name == family:
                    lines.append(f'{family}{{served_entity_name="{entity}"}} {amount}')
        return "\n".join(lines) + "\n"
