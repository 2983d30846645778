"""Pages as HTML: the templates beside this file, and how values read in them.

Everything that a template shows is escaped unless it comes from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES: Final = Path(__file__).with_name("templates")
# What a state is to the eye; the word itself is always there, too.
GOOD: Final = frozenset(
    [
        "SUCCESS",
        "READY",
        "ONLINE",
        "RUNNING",
        "ACTIVE",
        "COMPLETED",
        "SUCCEEDED",
        "OK",
        "NOT_UPDATING",
        "AVAILABLE",
    ]
)
BAD: Final = frozenset(
    [
        "FAILED",
        "TIMEDOUT",
        "INTERNAL_ERROR",
        "UPDATE_FAILED",
        "CRASHED",
        "ERROR",
        "TRIGGERED",
        "UPSTREAM_FAILED",
        "DEPLOYMENT_FAILED",
        "UNAVAILABLE",
        "OFFLINE",
    ]
)
UNDER_WAY: Final = frozenset(
    [
        "PENDING",
        "QUEUED",
        "IN_PROGRESS",
        "TERMINATING",
        "BLOCKED",
        "WAITING_FOR_RETRY",
        "STARTING",
        "INITIALIZING",
    ]
)
SIZES: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


def render(template: str, shown: Mapping[str, Any]) -> str:
    return _environment().get_template(template).render(shown)


def when(ms: Any) -> str:
    """Milliseconds since 1970 as UTC; '' for none."""
    if not ms:
        return ""
    return datetime.fromtimestamp(int(ms) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def took(ms: Any) -> str:
    """A number of milliseconds as people say it; '' for none."""
    seconds = int(ms or 0) / 1000
    if seconds <= 0:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def size(count: Any) -> str:
    """A number of bytes as people say it; '' for none."""
    if count is None or count == "":
        return ""
    left, unit = float(count), 0
    while left >= 1024 and unit < len(SIZES) - 1:
        left, unit = left / 1024, unit + 1
    return f"{left:.0f} {SIZES[unit]}" if unit == 0 else f"{left:.1f} {SIZES[unit]}"


def tone(state: Any) -> str:
    """The class of a state: good, bad, busy or plain."""
    word = str(state or "").upper().rpartition(".")[2].replace(" ", "_")
    word = word.removeprefix("ONLINE_") if word.startswith("ONLINE") else word
    if word in GOOD or str(state).upper().startswith("ONLINE"):
        return "good"
    if word in BAD or "FAILED" in word:
        return "bad"
    return "busy" if word in UNDER_WAY else "plain"


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def segment(value: Any) -> str:
    """Fit to be one part of an address."""
    return quote(str(value), safe="")


@cache
def _environment() -> Environment:
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(when=when, took=took, size=size, tone=tone, pretty=pretty, segment=segment)
    return made
