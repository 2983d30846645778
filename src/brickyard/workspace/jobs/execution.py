"""One run from start to end: which task may start, cancelling, the outcome.

A thread per run walks the graph; a thread per task does its attempts.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.jobs import states
from brickyard.workspace.jobs.attempts import Attempts, deadline, facts_of
from brickyard.workspace.jobs.calls import Perform, Stop
from brickyard.workspace.jobs.records import Records, Run, TaskRun, latest
from brickyard.workspace.jobs.settings import leaves
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.kernel import WorkspaceInfo, now_ms

log = logging.getLogger("brickyard.jobs")

NO_TASKS_IN_PARALLEL = 100


@dataclass(slots=True, kw_only=True)
class Execution:
    """An active run. `rerun` names the tasks of a repair; the others keep their outcomes."""

    run: Run
    workspace: WorkspaceInfo
    settings: Mapping[str, Any]
    run_as: str
    parameters: Mapping[str, str]
    records: Records
    perform: Perform
    on_end: Callable[[Run], None]
    rerun: frozenset[str] | None = None
    stop: Stop = field(default_factory=Stop)
    ended: threading.Event = field(default_factory=threading.Event)
    attempts: Attempts = field(init=False)
    _outcomes: dict[str, Outcome] = field(default_factory=dict)
    _first: dict[str, TaskRun] = field(default_factory=dict)  # the attempts that come first

    def __post_init__(self) -> None:
        self.attempts = Attempts(
            run=self.run,
            workspace=self.workspace,
            settings=self.settings,
            run_as=self.run_as,
            parameters=self.parameters,
            records=self.records,
            perform=self.perform,
        )

    def start(self) -> None:
        """Return when every task is listed, as whoever knows of the run may ask for them."""
        try:
            self.attempts.resolve_parameters()
            self._keep_earlier()
            self._list_tasks()
        except Exception as fault:
            log.exception("run %s could not begin", self.run.run_id)
            self._finish(_internal(fault))
            return
        name = f"run-{self.run.run_id}"
        threading.Thread(target=self._run_safely, name=name, daemon=True).start()

    def _run_safely(self) -> None:
        timer = deadline(int(self.settings.get("timeout_seconds") or 0), self.stop)
        try:
            outcome = self._run()
        except Exception as fault:
            log.exception("run %s failed inside the workspace", self.run.run_id)
            outcome = _internal(fault)
        finally:
            if timer is not None:
                timer.cancel()
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        end = now_ms()
        changes = {**states.ended(outcome), "end_time": end}
        changes["run_duration"] = end - self.run.start_ms
        history = list(self.run.data.get("repair_history") or ())
        if history:
            last = {**history[-1], **states.ended(outcome), "end_time": end}
            tasks = self.records.task_runs(self.run.run_id)
            last["task_run_ids"] = [one.run_id for one in latest(tasks).values()]
            changes["repair_history"] = [*history[:-1], last]
        self.records.change_run(self.run.run_id, changes, active=False)
        self.ended.set()
        self.on_end(self.run)

    def _run(self) -> Outcome:
        tasks = self._tasks()
        self.records.change_run(self.run.run_id, states.going_on("RUNNING", "In run"))
        waiting = {t["task_key"]: t for t in tasks if t["task_key"] not in self._outcomes}
        running: dict[Future[Outcome], str] = {}
        if tasks:
            with ThreadPoolExecutor(min(len(tasks), NO_TASKS_IN_PARALLEL)) as pool:
                while waiting or running:
                    for key in [k for k, t in waiting.items() if self._is_ready(t)]:
                        task = waiting.pop(key)
                        running[pool.submit(self._task, task, self._first[key])] = key
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        self._outcomes[running.pop(future)] = future.result()
        if self.stop.asked:
            late = self.stop.reason == "TIMEDOUT"
            message = "Timed out" if late else "Run cancelled."
            return Outcome(result=self.stop.reason, message=message)
        return states.of_run(self._outcomes, leaves(tasks)) if tasks else Outcome(result="SUCCESS")

    def _keep_earlier(self) -> None:
        """For a repair: outcomes of tasks that are not run again."""
        if self.rerun is None:
            return
        for key, one in latest(self.records.task_runs(self.run.run_id)).items():
            if key not in self.rerun:
                state = one.data["state"]
                result = state.get("result_state", "SUCCESS")
                message = state.get("state_message", "")
                self._outcomes[key] = Outcome(result=result, message=message)
                self.attempts.facts[key] = facts_of(one.data)

    def _tasks(self) -> list[dict[str, Any]]:
        return [dict(task) for task in self.settings.get("tasks") or ()]

    def _list_tasks(self) -> None:
        """Every task is listed from the start of the run, blocked until its turn."""
        earlier = latest(self.records.task_runs(self.run.run_id))
        for at, task in enumerate(self._tasks()):
            key = task["task_key"]
            if key in self._outcomes:
                continue
            attempt = earlier[key].data["attempt_number"] + 1 if key in earlier else 0
            self._first[key] = self.attempts.create(task, self.run.run_id, at, attempt, "BLOCKED")

    def _is_ready(self, task: Mapping[str, Any]) -> bool:
        return all(on["task_key"] in self._outcomes for on in task.get("depends_on") or ())

    def _task(self, task: dict[str, Any], attempt: TaskRun) -> Outcome:
        """All attempts of a task. Never raises."""
        try:
            blocked = self._blocked(task)
            if blocked is not None:
                self.attempts.end(attempt, blocked, now_ms())
                return blocked
            return self.attempts.all_of(task, attempt, attempt.parent_id, self.stop, None)
        except Exception as fault:
            log.exception("task %s of run %s", task["task_key"], self.run.run_id)
            outcome = _internal(fault)
            self.attempts.end(attempt, outcome, now_ms())
            return outcome

    def _blocked(self, task: Mapping[str, Any]) -> Outcome | None:
        """Why the task is not run, or None."""
        if self.stop.asked:
            return Outcome(result="CANCELED", message="Run cancelled.", life_cycle="TERMINATED")
        if task.get("disabled"):
            return Outcome(result="DISABLED", message="The task is disabled.", life_cycle="SKIPPED")
        results = []
        for on in task.get("depends_on") or ():
            result = self._outcomes[on["task_key"]].result
            wanted = on.get("outcome")
            if wanted is not None and result == "SUCCESS":
                actual = self.attempts.facts.get(on["task_key"], {}).get("outcome")
                result = "SUCCESS" if actual == str(wanted).lower() else "EXCLUDED"
            results.append(result)
        if states.should_run(task.get("run_if", "ALL_SUCCESS"), results):
            return None
        return states.not_run(task.get("run_if", "ALL_SUCCESS"), results)


def _internal(fault: BaseException) -> Outcome:
    return Outcome(
        result="FAILED",
        message=f"Internal error of the workspace: {type(fault).__name__}: {fault}",
        code="INTERNAL_ERROR",
        life_cycle="INTERNAL_ERROR",
    )
