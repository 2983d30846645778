"""When alerts are due: one thread looks once a second, a few others evaluate.

What was missed while the workspace was down is not caught up, as with jobs. An alert that is still
being evaluated is not evaluated a second time beside it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.kernel.cron import is_due

log = logging.getLogger("brickyard.alerts")

TICK_S: Final = 1.0
AT_ONCE: Final = 4

Key = tuple[str, str]  # workspace name, alert id


class Scheduler:
    def __init__(self, evaluate: Callable[[Key], object]) -> None:
        self._evaluate = evaluate
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._schedules: dict[Key, Mapping[str, Any]] = {}
        self._busy: set[Key] = set()
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alert")

    def start(self) -> None:
        threading.Thread(target=self._loop, name="alert-schedules", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def put(self, key: Key, schedule: Mapping[str, Any]) -> None:
        """An alert was made or got another schedule."""
        with self._lock:
            if schedule.get("pause_status") == "PAUSED":
                self._schedules.pop(key, None)
            else:
                self._schedules[key] = schedule

    def forget(self, key: Key) -> None:
        with self._lock:
            self._schedules.pop(key, None)

    def _loop(self) -> None:
        last = datetime.now(UTC)
        while not self._stopped.wait(TICK_S):
            now = datetime.now(UTC)
            for key in self._take_due(last, now):
                self._workers.submit(self._work, key)
            last = now

    def _take_due(self, after: datetime, until: datetime) -> list[Key]:
        with self._lock:
            due = [
                key
                for key, one in self._schedules.items()
                if key not in self._busy
                and is_due(one["quartz_cron_schedule"], one["timezone_id"], after, until)
            ]
            self._busy.update(due)
        return due

    def _work(self, key: Key) -> None:
        try:
            self._evaluate(key)
        except Exception as fault:  # whatever went wrong belongs to this alert alone
            log.warning("alert %s could not be evaluated: %s", key[1], fault)
        finally:
            with self._lock:
                self._busy.discard(key)
