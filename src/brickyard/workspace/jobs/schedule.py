"""What starts jobs by itself: cron schedules, periods, files, tables, and continuous jobs.

One thread looks once a second. What was missed while the workspace was down is not caught up, as
on the real service. A continuous job starts again when its run ends; after failures it waits longer
each time. Model and SQL-condition triggers are kept and start nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from brickyard.workspace.jobs.records import Job, Records
from brickyard.workspace.jobs.watches import Watch, watch_for, watched
from brickyard.workspace.kernel.cron import is_due

log = logging.getLogger("brickyard.jobs")

TICK_S = 1.0
UNITS = {"MINUTES": 60, "HOURS": 3600, "DAYS": 86400, "WEEKS": 604800}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10, 3600

StartJob = Callable[[Job, str], None]  # job, trigger type
Look = Callable[[Job, str, Mapping[str, Any]], dict[str, int]]  # what a watching trigger sees


class Scheduler:
    def __init__(self, records: Records, start_job: StartJob, look: Look) -> None:
        self._records = records
        self._start_job = start_job
        self._look = look
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._seen: dict[int, float] = {}  # job id -> when its periodic trigger last counted
        self._watches: dict[int, Watch] = {}
        self._pauses: dict[int, tuple[int, float]] = {}  # job id -> last run, not to start before

    def start(self) -> None:
        for job in self._records.jobs():
            self.changed(job)
        threading.Thread(target=self._loop, name="job-schedules", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def changed(self, job: Job) -> None:
        """A job was made or got other settings; watches begin with what is there now."""
        with self._lock:
            self.forget(job.job_id)
            if not _starts_by_itself(job):
                return
            if (source := watched(job.settings)) is not None:
                watch = watch_for(source[1])
                watch.is_due(self._look(job, *source), 0)
                self._watches[job.job_id] = watch
            self._jobs[job.job_id] = job

    def forget(self, job_id: int) -> None:
        for known in (self._jobs, self._seen, self._watches, self._pauses):
            known.pop(job_id, None)

    def _loop(self) -> None:
        last = datetime.now(UTC)
        while not self._stopped.wait(TICK_S):
            now = datetime.now(UTC)
            for job in list(self._jobs.values()):
                try:
                    trigger = self._trigger(job, last, now)
                    if trigger and not self._stopped.is_set():
                        self._start_job(job, trigger)
                except Exception as fault:
                    log.warning("job %s could not be started: %s", job.job_id, fault)
            last = now

    def _trigger(self, job: Job, after: datetime, until: datetime) -> str:
        """The type of the trigger that holds now, or ''."""
        settings = job.settings
        schedule = settings.get("schedule") or {}
        if schedule.get("pause_status") == "UNPAUSED":
            return "PERIODIC" if _cron_due(schedule, after, until) else ""
        if (settings.get("continuous") or {}).get("pause_status") == "UNPAUSED":
            return "CONTINUOUS" if self._may_go_on(job, until.timestamp()) else ""
        trigger = settings.get("trigger") or {}
        if trigger.get("periodic") and trigger.get("pause_status") == "UNPAUSED":
            return "PERIODIC" if self._period_over(job, after, until) else ""
        watch, source = self._watches.get(job.job_id), watched(settings)
        if watch is not None and source is not None and watch.may_look(until.timestamp()):
            due = watch.is_due(self._look(job, *source), until.timestamp())
            return source[0] if due else ""
        return ""

    def _period_over(self, job: Job, after: datetime, until: datetime) -> bool:
        periodic = job.settings["trigger"]["periodic"]
        every_s = int(periodic["interval"]) * UNITS.get(str(periodic["unit"]), 3600)
        first = self._seen.setdefault(job.job_id, after.timestamp())
        if until.timestamp() - first < every_s:
            return False
        self._seen[job.job_id] = until.timestamp()
        return True

    def _may_go_on(self, job: Job, now: float) -> bool:
        """Whether no run of a continuous job is active, and the pause after failures is over."""
        runs = self._records.last_runs(job.job_id)
        if not runs or runs[0].active:
            return not runs
        known, not_before = self._pauses.get(job.job_id, (0, 0.0))
        if known != runs[0].run_id:
            failures = 0
            for run in runs:
                if run.data["state"].get("result_state") != "FAILED":
                    break
                failures += 1
            pause = min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S) if failures else 0
            not_before = now + pause
            self._pauses[job.job_id] = (runs[0].run_id, not_before)
        return now >= not_before


def _starts_by_itself(job: Job) -> bool:
    return any(job.settings.get(name) for name in ("schedule", "trigger", "continuous"))


def _cron_due(schedule: dict[str, Any], after: datetime, until: datetime) -> bool:
    expression = str(schedule.get("quartz_cron_expression", ""))
    return is_due(expression, str(schedule.get("timezone_id") or ""), after, until)
