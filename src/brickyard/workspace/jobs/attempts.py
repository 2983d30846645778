"""Attempts of tasks: made, done, retried, ended by timeouts, iterated, and what they leave behind.

State is written at every change, so that what `runs/get` answers is what a restart finds. Knows
nothing of how a task does its work: that is `perform`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.jobs import states
from brickyard.workspace.jobs.calls import Perform, Stop, TaskCall
from brickyard.workspace.jobs.records import Records, Run, TaskRun
from brickyard.workspace.jobs.references import Facts, UnknownReference, resolve
from brickyard.workspace.jobs.settings import kind_of
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.kernel import ApiError, WorkspaceInfo, now_ms

RETRY_LIMIT = 1000
MAX_ITERATIONS = 5000


@dataclass(slots=True, kw_only=True)
class Attempts:
    """Those of one run. `facts` is what references may name of tasks that ended."""

    run: Run
    workspace: WorkspaceInfo
    settings: Mapping[str, Any]
    run_as: str
    parameters: Mapping[str, str]
    records: Records
    perform: Perform
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _first: dict[tuple[int, str], int] = field(default_factory=dict)

    def create(
        self, task: Mapping[str, Any], parent_id: int, at: int, number: int, state: str
    ) -> TaskRun:
        data = {
            **task,
            **states.going_on(state),
            "attempt_number": number,
            "start_time": now_ms(),
            "setup_duration": 0,
            "execution_duration": 0,
            "cleanup_duration": 0,
            "end_time": 0,
        }
        return self.records.add_task_run(self.run, parent_id, at, data)

    def all_of(
        self, task: dict[str, Any], attempt: TaskRun, parent_id: int, stop: Stop, item: Any
    ) -> Outcome:
        limit = int(task.get("max_retries") or 0)
        limit = RETRY_LIMIT if limit < 0 else limit
        while True:
            outcome = self._once(task, attempt, stop, item)
            number = attempt.data["attempt_number"]
            tries = number - self._first_number(attempt)
            late = outcome.result == "TIMEDOUT" and not task.get("retry_on_timeout")
            if outcome.ok or stop.asked or late or tries >= limit:
                return outcome
            if outcome.result not in ("FAILED", "TIMEDOUT"):
                return outcome
            pause_s = int(task.get("min_retry_interval_millis") or 0) / 1000
            attempt = self.create(
                task, parent_id, attempt.sequence, number + 1, "WAITING_FOR_RETRY"
            )
            stop.wait(pause_s)

    def _first_number(self, attempt: TaskRun) -> int:
        """Attempts before this run or repair do not count against the retries."""
        key = (attempt.parent_id, attempt.task_key)
        return self._first.setdefault(key, int(attempt.data["attempt_number"]))

    def _once(self, task: dict[str, Any], attempt: TaskRun, outer: Stop, item: Any) -> Outcome:
        started = now_ms()
        stop = Stop(outer)
        if stop.asked:
            outcome = Outcome(result=outer.reason, message="Run cancelled.")
            self.end(attempt, outcome, started)
            return outcome
        self.records.change_task(
            attempt.run_id, {**states.going_on("RUNNING", "In run"), "start_time": started}
        )
        timeout_s = int(task.get("timeout_seconds") or 0)
        timer = deadline(timeout_s, stop)
        try:
            outcome = self._performed(task, attempt, stop, item)
        except UnknownReference as fault:
            outcome = Outcome(result="FAILED", message=str(fault), code="INVALID_RUN_CONFIGURATION")
        except ApiError as fault:
            outcome = _not_carried_out(fault)
        finally:
            if timer is not None:
                timer.cancel()
        if stop.asked and not outcome.ok:
            late = stop.reason == "TIMEDOUT" and not outer.asked
            message = f"Timed out after {timeout_s} seconds." if late else "Run cancelled."
            fields = {**(outcome.fields or {}), "_error": message}
            outcome = Outcome(result=stop.reason, message=message, fields=fields)
        self.end(attempt, outcome, started)
        return outcome

    def _performed(self, task: dict[str, Any], attempt: TaskRun, stop: Stop, item: Any) -> Outcome:
        kind = kind_of(task)
        facts = self._facts_for(task, attempt, item)
        body = dict(task[kind])
        if kind == "for_each_task":
            body["inputs"] = resolve(body["inputs"], facts)
            return self._for_each({**task, kind: body}, attempt, stop)
        call = TaskCall(
            run=self.run,
            task={**task, kind: resolve(body, facts)},
            kind=kind,
            task_run=attempt,
            facts=facts,
            workspace=self.workspace,
            run_as=self.run_as,
            settings=self.settings,
            task_values={key: one.get("values", {}) for key, one in self.facts.items()},
        )
        return self.perform(call, stop)

    def _for_each(self, task: dict[str, Any], attempt: TaskRun, stop: Stop) -> Outcome:
        """One iteration per input, some at a time; fails when one of them does."""
        settings = task["for_each_task"]
        items = _inputs(settings["inputs"])
        inner = settings["task"]
        key = inner["task_key"]

        def iterate(at: int, item: Any) -> Outcome:
            one = {**inner, "task_key": f"{key}_{at}"}
            number = self.create(one, attempt.run_id, at, 0, "PENDING")
            return self.all_of(one, number, attempt.run_id, stop, item)

        with ThreadPoolExecutor(max(1, int(settings.get("concurrency") or 1))) as pool:
            outcomes = list(pool.map(iterate, range(len(items)), items))
        failed = [one for one in outcomes if not one.ok]
        stats = {
            "total_iterations": len(items),
            "succeeded_iterations": len(outcomes) - len(failed),
            "failed_iterations": len(failed),
            "completed_iterations": len(outcomes),
            "scheduled_iterations": len(items),
            "active_iterations": 0,
        }
        fields = {"for_each_task": {**settings, "stats": {"task_run_stats": stats}}}
        if not failed:
            return Outcome(result="SUCCESS", fields=fields)
        message = f"{len(failed)} of {len(items)} iterations failed; the first: {failed[0].message}"
        return Outcome(result="FAILED", message=message, code=failed[0].code, fields=fields)

    def end(self, attempt: TaskRun, outcome: Outcome, started: int) -> None:
        end = now_ms()
        fields = dict(outcome.fields or {})
        if outcome.result in ("FAILED", "TIMEDOUT", "CANCELED"):
            fields.setdefault("_error", outcome.message)
        setup = int(fields.pop("setup_duration", 0))
        changes = {**fields, **states.ended(outcome), "end_time": end}
        changes |= {"setup_duration": setup, "execution_duration": max(end - started - setup, 0)}
        changes["run_duration"] = end - started
        self.records.change_task(attempt.run_id, changes, active=False)
        self.facts[attempt.task_key] = facts_of({**attempt.data, **changes})

    def resolve_parameters(self) -> None:
        """Values of job parameters may refer to the run; what cannot be resolved stays."""
        facts = self._facts_for({"task_key": ""}, None, None)
        found = {}
        for name, value in self.parameters.items():
            try:
                found[name] = str(resolve(value, facts))
            except UnknownReference:
                found[name] = value
        self.parameters = found

    def _facts_for(self, task: Mapping[str, Any], attempt: TaskRun | None, item: Any) -> Facts:
        run = self.run.data
        notebook = (task.get("notebook_task") or {}).get("notebook_path", "")
        return Facts(
            job={
                "id": self.run.job_id or 0,
                "name": self.settings.get("name", run.get("run_name", "")),
                "run_id": self.run.run_id,
                "repair_count": len(run.get("repair_history") or [None]) - 1,
                "start_ms": self.run.start_ms,
                "trigger": str(run.get("trigger", "")).lower(),
            },
            parameters=self.parameters,
            workspace={"id": self.workspace.id, "url": self.workspace.url},
            task={
                "name": task["task_key"],
                "run_id": attempt.run_id,
                "execution_count": attempt.data["attempt_number"] + 1,
                "notebook_path": notebook,
            }
            if attempt is not None
            else {},
            tasks=dict(self.facts),
            input=item,
        )


def deadline(timeout_s: int, stop: Stop) -> threading.Timer | None:
    """Asks to stop after that time; no timer when there is no limit."""
    if timeout_s <= 0:
        return None
    timer = threading.Timer(timeout_s, stop.ask, ("TIMEDOUT",))
    timer.daemon = True
    timer.start()
    return timer


def facts_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What later tasks may refer to."""
    state = data.get("state") or {}
    details = (data.get("status") or {}).get("termination_details") or {}
    return {
        "run_id": data["run_id"],
        "result_state": str(state.get("result_state", "")).lower(),
        "error_code": details.get("code", ""),
        "execution_count": data["attempt_number"] + 1,
        "values": data.get("_values") or {},
        "output": data.get("_output") or {},
        "outcome": (data.get("condition_task") or {}).get("outcome", ""),
    }


def _inputs(given: Any) -> list[Any]:
    """The inputs of a for-each task: a JSON array, as text or as it is."""
    found = given
    if isinstance(given, str):
        try:
            found = json.loads(given)
        except ValueError:
            raise UnknownReference(f"for_each_task.inputs is not a JSON array: {given}") from None
    if not isinstance(found, list):
        raise UnknownReference(f"for_each_task.inputs is not a JSON array: {given}")
    if len(found) > MAX_ITERATIONS:
        raise UnknownReference(f"for_each_task.inputs has more than {MAX_ITERATIONS} items")
    return found


def _not_carried_out(fault: ApiError) -> Outcome:
    """A task that failed before its own code ran: its source or a right is missing."""
    if fault.code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
        code, message = "RESOURCE_NOT_FOUND", fault.message
    elif fault.code == "PERMISSION_DENIED":
        code, message = "UNAUTHORIZED_ERROR", f"{fault.code}: {fault.message}"
    else:
        code, message = "INVALID_RUN_CONFIGURATION", f"{fault.code}: {fault.message}"
    return Outcome(result="FAILED", message=message, code=code, life_cycle="INTERNAL_ERROR")
