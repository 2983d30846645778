"""Time as the workspace's records carry it: milliseconds since the epoch."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Wall-clock time in ms, as Databricks' timestamps are."""
    return time.time_ns() // 1_000_000
