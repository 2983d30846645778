"""Time as the workspace's records carry it: milliseconds since the epoch."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Wall-clock time in ms, as Databricks' timestamps are."""
    return time.time_ns() // 1_000_000


def instant(ms: int) -> str:
    """A time as newer APIs write it: RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
