"""Schedules: Quartz cron expressions and periodic triggers start their jobs.

One thread looks once a second. What was missed while the workspace was down is not caught up, as
on the real service. File-arrival, table-update and continuous triggers are kept and start nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from brickyard.workspace.jobs.cron import BadCron, Cron
from brickyard.workspace.jobs.records import Job, Records

log = logging.getLogger("brickyard.jobs")

TICK_S = 1.0
RELOAD_TICKS = 5
UNITS = {"MINUTES": 60, "HOURS": 3600, "DAYS": 86400, "WEEKS": 604800}


class Scheduler:
    def __init__(self, records: Records, start_job: Callable[[Job], None]) -> None:
        self._records = records
        self._start_job = start_job
        self._stopped = threading.Event()
        self._seen: dict[int, float] = {}  # job id -> when its periodic trigger last counted

    def start(self) -> None:
        threading.Thread(target=self._loop, name="job-schedules", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _loop(self) -> None:
        jobs: list[Job] = []
        last = datetime.now(UTC)
        tick = 0
        while not self._stopped.wait(TICK_S):
            try:
                if tick % RELOAD_TICKS == 0:
                    jobs = [job for job in self._records.jobs() if _has_schedule(job)]
                tick += 1
                now = datetime.now(UTC)
                for job in jobs:
                    if self._is_due(job, last, now):
                        self._begin(job)
                last = now
            except Exception:
                log.exception("schedules could not be read")

    def _begin(self, job: Job) -> None:
        try:
            self._start_job(job)
        except Exception as fault:
            log.warning("job %s could not be started on schedule: %s", job.job_id, fault)

    def _is_due(self, job: Job, after: datetime, until: datetime) -> bool:
        schedule = job.settings.get("schedule") or {}
        if schedule.get("pause_status") == "UNPAUSED":
            return _cron_due(schedule, after, until)
        periodic = (job.settings.get("trigger") or {}).get("periodic")
        if not periodic or job.settings["trigger"].get("pause_status") != "UNPAUSED":
            return False
        every_s = int(periodic["interval"]) * UNITS.get(str(periodic["unit"]), 3600)
        first = self._seen.setdefault(job.job_id, after.timestamp())
        if until.timestamp() - first < every_s:
            return False
        self._seen[job.job_id] = until.timestamp()
        return True


def _has_schedule(job: Job) -> bool:
    return bool(job.settings.get("schedule") or (job.settings.get("trigger") or {}).get("periodic"))


def _cron_due(schedule: dict[str, Any], after: datetime, until: datetime) -> bool:
    """Whether the expression holds at some second in (after, until]."""
    try:
        zone = ZoneInfo(schedule.get("timezone_id") or "UTC")
        cron = Cron(str(schedule.get("quartz_cron_expression", "")))
    except (BadCron, ZoneInfoNotFoundError, ValueError):
        return False
    at = after.replace(microsecond=0) + timedelta(seconds=1)
    while at <= until:
        if cron.holds(at.astimezone(zone)):
            return True
        at += timedelta(seconds=1)
    return False
