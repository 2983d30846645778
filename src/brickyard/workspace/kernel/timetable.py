"""What is due when, by cron expressions: one thread looks once a second, a few others do the work.

What was missed while the workspace was down is not caught up, as with jobs. Work that is still
being done is not begun a second time beside itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from brickyard.workspace.kernel.cron import is_due

log = logging.getLogger("brickyard.timetable")

TICK_S: Final = 1.0

Key = tuple[str, str]  # workspace name or '', id of what is to be done


class Timetable:
    """The schedules of one service. `work` is called with the key of what is due."""

    def __init__(self, name: str, work: Callable[[Key], object], *, at_once: int) -> None:
        self._name = name
        self._work = work
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._entries: dict[Key, tuple[str, str]] = {}  # expression, time zone
        self._busy: set[Key] = set()
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix=name)

    def start(self) -> None:
        threading.Thread(target=self._loop, name=f"{self._name}-timetable", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def put(self, key: Key, expression: str, timezone: str) -> None:
        """Something is to be done from now on when the expression holds."""
        with self._lock:
            self._entries[key] = (expression, timezone)

    def forget(self, key: Key) -> None:
        with self._lock:
            self._entries.pop(key, None)

    def _loop(self) -> None:
        last = datetime.now(UTC)
        while not self._stopped.wait(TICK_S):
            now = datetime.now(UTC)
            for key in self._take_due(last, now):
                self._workers.submit(self._do, key)
            last = now

    def _take_due(self, after: datetime, until: datetime) -> list[Key]:
        with self._lock:
            due = [
                key
                for key, (expression, timezone) in self._entries.items()
                if key not in self._busy and is_due(expression, timezone, after, until)
            ]
            self._busy.update(due)
        return due

    def _do(self, key: Key) -> None:
        try:
            self._work(key)
        except Exception as fault:  # whatever went wrong belongs to this one alone
            log.warning("%s %s could not be done: %s", self._name, key[1], fault)
        finally:
            with self._lock:
                self._busy.discard(key)
