"""Runs that go on: started, queued or skipped by the job's limit, cancelled, ended.

Holds what is active in memory; what happens to a run is written to the records first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brickyard.workspace.jobs import states
from brickyard.workspace.jobs.calls import Perform
from brickyard.workspace.jobs.execution import Execution
from brickyard.workspace.jobs.records import Records, Run
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.kernel import ApiError, WorkspaceInfo, now_ms

STOP_WAIT_S = 3


class Launcher:
    def __init__(self, records: Records, perform: Perform) -> None:
        self._records = records
        self._perform = perform
        self._lock = threading.RLock()
        self._active: dict[int, Execution] = {}
        self._queued: list[Execution] = []
        self._stopping = False

    def stop(self) -> None:
        """End every run; their tasks' processes are gone afterwards."""
        with self._lock:
            self._stopping = True
            active = list(self._active.values())
        for execution in active:
            execution.stop.ask("CANCELED")
        for execution in active:
            execution.ended.wait(STOP_WAIT_S)

    @contextmanager
    def still(self) -> Iterator[None]:
        """No run starts or is counted by others meanwhile."""
        with self._lock:
            yield

    def begin(
        self, workspace: WorkspaceInfo, job_id: int | None, data: dict[str, Any], token: str | None
    ) -> Run:
        """Start a run, or queue or skip it. A known idempotency token gives the run it made."""
        with self._lock:
            if self._stopping:
                raise ApiError("TEMPORARILY_UNAVAILABLE", "The workspace is stopping")
            busy = 0
            if job_id is not None:
                busy = len(self._records.runs(workspace.name, job_id, active=True))
            run, is_new = self._records.add_run(workspace.name, job_id, data, token)
            if not is_new:
                return run
            limit = int(data["_settings"].get("max_concurrent_runs") or 1)
            if job_id is not None and busy >= limit:
                self._wait_or_skip(workspace, run)
            else:
                self.launch(workspace, run)
            return run

    def launch(
        self, workspace: WorkspaceInfo, run: Run, rerun: frozenset[str] | None = None
    ) -> None:
        """Start the run now; `rerun` names the tasks of a repair."""
        with self._lock:
            execution = self._execution(workspace, run, rerun)
            self._active[run.run_id] = execution
            execution.start()

    def cancel(self, run_id: int) -> None:
        """Nothing happens when the run has ended."""
        with self._lock:
            execution = self._active.get(run_id)
            waiting = next((q for q in self._queued if q.run.run_id == run_id), None)
            if waiting is not None:
                self._queued.remove(waiting)
        if execution is not None:
            self._records.change_run(run_id, states.going_on("TERMINATING", "Cancelling"))
            execution.stop.ask("CANCELED")
        if waiting is not None:
            outcome = Outcome(result="CANCELED", message="Run cancelled.")
            changes = {**states.ended(outcome), "end_time": now_ms()}
            self._records.change_run(run_id, changes, active=False)

    def end_of(self, workspace: str, run_id: int) -> Outcome | None:
        """How a run ended, or None while it goes on."""
        run = self._records.run(workspace, run_id)
        if run is None:
            return Outcome(result="FAILED", message=f"Run {run_id} was deleted")
        if run.active:
            return None
        state = run.data["state"]
        code = run.data["status"]["termination_details"]["code"]
        return Outcome(result=state["result_state"], message=state["state_message"], code=code)

    def _wait_or_skip(self, workspace: WorkspaceInfo, run: Run) -> None:
        """The job runs as often as it may at once: queue the run if the job says so."""
        if (run.data["_settings"].get("queue") or {}).get("enabled"):
            message = "Waiting for an active run of the job to end"
            changes = states.going_on("QUEUED", message)
            details = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": message}
            changes["status"]["queue_details"] = details
            changes["state"]["queue_reason"] = message
            self._records.change_run(run.run_id, changes)
            self._queued.append(self._execution(workspace, run))
            return
        message = "The maximum number of concurrent runs of the job was reached."
        outcome = Outcome(
            result="MAXIMUM_CONCURRENT_RUNS_REACHED", message=message, life_cycle="SKIPPED"
        )
        changes = {**states.ended(outcome), "end_time": now_ms()}
        self._records.change_run(run.run_id, changes, active=False)

    def _execution(
        self, workspace: WorkspaceInfo, run: Run, rerun: frozenset[str] | None = None
    ) -> Execution:
        return Execution(
            run=run,
            workspace=workspace,
            settings=run.data["_settings"],
            run_as=run.data["run_as_user_name"],
            parameters=run.data["_parameters"],
            records=self._records,
            perform=self._perform,
            on_end=self._ended,
            rerun=rerun,
        )

    def _ended(self, run: Run) -> None:
        """Forget an ended run, and let the next queued one of its job start."""
        with self._lock:
            self._active.pop(run.run_id, None)
            if self._stopping:
                return
            for execution in self._queued:
                if execution.run.job_id == run.job_id and execution.run.workspace == run.workspace:
                    self._queued.remove(execution)
                    self._active[execution.run.run_id] = execution
                    execution.start()
                    return
