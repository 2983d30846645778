"""A line for each request, handed on in pieces: half a second late, and not by each request.

What is not handed on when the process is killed is lost; nothing but people reads the access log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

LATE_S: Final = 0.5
LOGGER: Final = logging.getLogger("brickyard.access")


class AccessLog:
    """Belongs to the event loop. One for all workspaces: its lines are in the order of time."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._second = 0
        self._stamp = ""

    def add(self, text: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(LATE_S, self.flush)
        self._lines.append(f"{self._now()} INFO brickyard.access {text}")

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            LOGGER.info("\n".join(lines))

    def _now(self) -> str:
        """As `logging` writes it."""
        now = time.time_ns() // 1_000_000
        second, ms = divmod(now, 1000)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._stamp},{ms:03}"
