"""The engine of jobs: keeps settings, starts, repairs, cancels and remembers runs.

Runs that were active when the workspace stopped are marked as interrupted at the next start. Tasks
do their work in `tasks`; `execution` decides which one is next.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.jobs import settings as job_settings
from brickyard.workspace.jobs import states
from brickyard.workspace.jobs.access import MANAGE, RUN, VIEW, Access
from brickyard.workspace.jobs.execution import Execution, TaskCall
from brickyard.workspace.jobs.processes import ProcessTasks
from brickyard.workspace.jobs.records import Job, Records, Run, TaskRun, latest, new_id
from brickyard.workspace.jobs.schedule import Scheduler
from brickyard.workspace.jobs.show import key_values
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.jobs.tasks import Tasks
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    invalid,
    now_ms,
)
from brickyard.workspace.processes import Environments

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.secrets.engine import SecretsEngine
    from brickyard.workspace.spark.engine import SparkEngine
    from brickyard.workspace.sql.engine import SqlEngine

MAX_TOKEN_LENGTH = 64
STOP_WAIT_S = 3
TERMINAL = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
LEGACY_PARAMETERS = ("notebook_params", "python_params", "python_named_params", "jar_params")


class JobsEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        secrets: SecretsEngine,
        catalog: CatalogEngine,
        files: FilesEngine,
        permissions: PermissionsEngine,
        spark: SparkEngine,
        sql: SqlEngine,
    ) -> None:
        self._home = home
        self._workspaces = workspaces
        self._identity = identity
        self._records = Records(store)
        self.access = Access(identity, permissions)
        self._lock = threading.RLock()
        self._active: dict[int, Execution] = {}
        self._queued: list[Execution] = []
        self._stopping = False
        self.environments = Environments(home.environments, home=home.root)
        self._tasks = Tasks(
            identity=identity,
            home=home,
            sql=sql,
            processes=ProcessTasks(
                home=home,
                identity=identity,
                catalog=catalog,
                files=files,
                spark=spark,
                environments=self.environments,
            ),
            start_job=self._start_from_task,
            end_of=self._end_of,
            cancel=self._cancel,
        )
        self._scheduler = Scheduler(self._records, self._start_scheduled)

    def start(self) -> None:
        """Mark what was interrupted, then let schedules count."""
        self._records.interrupt_all()
        self._scheduler.start()

    def stop(self) -> None:
        """End active runs; they are marked as interrupted."""
        self._scheduler.stop()
        with self._lock:
            self._stopping = True
            active = list(self._active.values())
        for execution in active:
            execution.stop.ask("CANCELED")
        for execution in active:
            execution.ended.wait(STOP_WAIT_S)
        self._records.interrupt_all()

    # Jobs

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any]
    ) -> Job:
        settings = job_settings.complete(_without_acl(given))
        self.access.require_run_as(principal, workspace, settings)
        job = self._records.add_job(workspace.name, principal.user_name, settings)
        self.access.own(principal, workspace, job.job_id)
        try:
            self.access.share(workspace, job.job_id, given.get("access_control_list") or ())
        except ApiError:
            self._forget(workspace, job.job_id)
            raise
        return job

    def job(self, principal: Principal, workspace: WorkspaceInfo, job_id: int) -> Job:
        found = self._job(workspace, job_id)
        self.access.require(principal, workspace, job_id, VIEW)
        return found

    def jobs(self, principal: Principal, workspace: WorkspaceInfo, name: str = "") -> list[Job]:
        """Those that the principal may see, newest first."""
        found = self._records.jobs(workspace.name, name)
        if principal.is_admin:
            return found
        return [one for one in found if self.access.may(principal, workspace, one.job_id, VIEW)]

    def reset(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        job_id: int,
        given: Mapping[str, Any],
    ) -> None:
        """A full replace, except that a missing `run_as` keeps its value."""
        job = self._manage(principal, workspace, job_id)
        settings = job_settings.complete(_without_acl(given))
        if "run_as" not in settings and "run_as" in job.settings:
            settings["run_as"] = job.settings["run_as"]
        if settings.get("run_as") != job.settings.get("run_as"):
            self.access.require_run_as(principal, workspace, settings)
        self._records.change_job(job_id, settings)

    def update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        job_id: int,
        given: Mapping[str, Any],
        remove: Iterable[str],
    ) -> None:
        """Top-level fields replace; tasks, clusters and environments merge by their key."""
        job = self._manage(principal, workspace, job_id)
        merged = dict(job.settings)
        for name in remove:
            _remove(merged, name)
        for name, value in _without_acl(given).items():
            key = KEYED.get(name)
            merged[name] = _merged(merged.get(name) or [], value, key) if key else value
        settings = job_settings.complete(merged)
        if settings.get("run_as") != job.settings.get("run_as"):
            self.access.require_run_as(principal, workspace, settings)
        self._records.change_job(job_id, settings)

    def delete(self, principal: Principal, workspace: WorkspaceInfo, job_id: int) -> None:
        self._manage(principal, workspace, job_id)
        for run in self._records.runs(workspace.name, job_id, active=True):
            self._cancel(run.run_id)
        self._forget(workspace, job_id)

    def run_as_name(self, workspace: WorkspaceInfo, job: Job) -> str:
        """Whose identity the job's tasks have: `run_as`, else the owner."""
        return self.access.run_as(job.settings, self.access.owner_of(workspace, job))

    # Runs

    def run_now(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        job_id: int,
        request: Mapping[str, Any],
        trigger: str = "ONE_TIME",
    ) -> Run:
        job = self._job(workspace, job_id)
        self.access.require(principal, workspace, job_id, RUN)
        token = _token(request)
        only = list(request.get("only") or ())
        settings = _with_legacy_parameters(job.settings, request)
        if only:
            settings = _only(settings, only)
        parameters = _parameters(settings, request)
        data = self._new_run(principal, job.name, trigger, "JOB_RUN")
        data |= {"job_id": job_id, "run_as_user_name": self.run_as_name(workspace, job)}
        data["job_parameters"] = [
            {
                "name": one["name"],
                "default": one.get("default", ""),
                "value": parameters[one["name"]],
            }
            for one in settings.get("parameters") or ()
        ]
        overriding = {k: request[k] for k in LEGACY_PARAMETERS if request.get(k)}
        if overriding:
            data["overriding_parameters"] = overriding
        data |= {"_settings": settings, "_parameters": parameters}
        return self._begin(workspace, job_id, data, token)

    def submit(
        self, principal: Principal, workspace: WorkspaceInfo, request: Mapping[str, Any]
    ) -> Run:
        """A run without a job."""
        token = _token(request)
        wanted = {k: v for k, v in _without_acl(request).items() if k != "idempotency_token"}
        wanted["name"] = request.get("run_name") or "Untitled"
        settings = job_settings.complete(wanted)
        if not settings.get("tasks"):
            raise invalid("A run needs at least one task")
        self.access.require_run_as(principal, workspace, settings)
        data = self._new_run(principal, settings["name"], "ONE_TIME", "SUBMIT_RUN")
        data["run_as_user_name"] = self.access.run_as(settings, principal.user_name)
        data |= {"_settings": settings, "_parameters": {}, "_submitted": True}
        return self._begin(workspace, None, data, token)

    def run(self, principal: Principal, workspace: WorkspaceInfo, run_id: int) -> Run:
        found = self._records.run(workspace.name, run_id)
        if found is None:
            raise _no_run(run_id)
        self.access.require_run(principal, workspace, found, VIEW)
        return found

    def task_run(
        self, principal: Principal, workspace: WorkspaceInfo, run_id: int
    ) -> tuple[TaskRun, Run] | None:
        """A task run and the run it belongs to, or None when the id is not a task run's."""
        found = self._records.task_run(workspace.name, run_id)
        if found is None:
            return None
        return found, self.run(principal, workspace, found.root_id)

    def tasks_of(self, run_id: int) -> list[TaskRun]:
        """Of a run, or the iterations of a for-each task run."""
        return self._records.task_runs(run_id)

    def runs(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        job_id: int | None,
        active: bool | None,
    ) -> list[Run]:
        found = self._records.runs(workspace.name, job_id, active)
        if principal.is_admin:
            return found
        return [run for run in found if self._may_see(principal, workspace, run)]

    def output(self, workspace: WorkspaceInfo, task: TaskRun) -> Path:
        """The log file of a task run; it may not exist."""
        return self._home.runs / str(task.run_id) / "log.txt"

    def cancel(self, principal: Principal, workspace: WorkspaceInfo, run_id: int) -> None:
        """Cancelling what has ended is no error."""
        task = self._records.task_run(workspace.name, run_id)
        run = self.run(principal, workspace, task.root_id if task else run_id)
        self.access.require_run(principal, workspace, run, RUN)
        self._cancel(run.run_id)

    def cancel_all(
        self, principal: Principal, workspace: WorkspaceInfo, job_id: int | None
    ) -> None:
        if job_id is not None:
            self._job(workspace, job_id)
            self.access.require(principal, workspace, job_id, RUN)
        for run in self.runs(principal, workspace, job_id, active=True):
            self.access.require_run(principal, workspace, run, RUN)
            self._cancel(run.run_id)

    def delete_run(self, principal: Principal, workspace: WorkspaceInfo, run_id: int) -> None:
        run = self.run(principal, workspace, run_id)
        self.access.require_run(principal, workspace, run, MANAGE)
        if run.active:
            raise ApiError("INVALID_STATE", f"Run {run_id} is still active; cancel it first")
        for task_id in self._records.remove_run(run_id):
            shutil.rmtree(self._home.runs / str(task_id), ignore_errors=True)

    def repair(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        run_id: int,
        request: Mapping[str, Any],
    ) -> int:
        """Run some tasks of an ended run again, as new attempts; the repair's id."""
        with self._lock:
            run = self.run(principal, workspace, run_id)
            self.access.require_run(principal, workspace, run, RUN)
            if run.active:
                raise ApiError("INVALID_STATE", f"Run {run_id} is active; it cannot be repaired")
            history = list(run.data.get("repair_history") or ())
            _check_latest(history, request)
            settings = dict(run.data["_settings"])
            if run.job_id is not None and (job := self._records.job(workspace.name, run.job_id)):
                settings["tasks"] = _current_tasks(settings, job.settings)
            rerun = self._to_rerun(run, settings, request)
            parameters = {
                **run.data["_parameters"],
                **key_values(request.get("job_parameters") or {}, "job_parameters"),
            }
            repair_id = self._note_repair(run, history, settings, parameters)
            found = self._records.run(workspace.name, run_id)
            assert found is not None
            self._launch(workspace, found, rerun=rerun)
            return repair_id

    # Inside

    def _job(self, workspace: WorkspaceInfo, job_id: int) -> Job:
        found = self._records.job(workspace.name, job_id)
        if found is None:
            raise invalid(f"Job {job_id} does not exist.")
        return found

    def _manage(self, principal: Principal, workspace: WorkspaceInfo, job_id: int) -> Job:
        found = self._job(workspace, job_id)
        self.access.require(principal, workspace, job_id, MANAGE)
        return found

    def _forget(self, workspace: WorkspaceInfo, job_id: int) -> None:
        self._records.remove_job(job_id)
        self.access.forget(workspace, job_id)

    def _may_see(self, principal: Principal, workspace: WorkspaceInfo, run: Run) -> bool:
        try:
            self.access.require_run(principal, workspace, run, VIEW)
        except ApiError:
            return False
        return True

    @staticmethod
    def _new_run(principal: Principal, name: str, trigger: str, kind: str) -> dict[str, Any]:
        return {
            "run_name": name,
            "creator_user_name": principal.user_name,
            "trigger": trigger,
            "run_type": kind,
            "format": "MULTI_TASK",
            "start_time": now_ms(),
            "setup_duration": 0,
            "execution_duration": 0,
            "cleanup_duration": 0,
            **states.going_on("PENDING"),
        }

    def _begin(
        self, workspace: WorkspaceInfo, job_id: int | None, data: dict[str, Any], token: str | None
    ) -> Run:
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
                return self._wait_or_skip(workspace, run)
            self._launch(workspace, run)
            return run

    def _wait_or_skip(self, workspace: WorkspaceInfo, run: Run) -> Run:
        """The job runs as often as it may at once: queue the run if the job says so."""
        if (run.data["_settings"].get("queue") or {}).get("enabled"):
            changes = states.going_on("QUEUED", "Waiting for an active run of the job to end")
            self._records.change_run(run.run_id, changes)
            self._queued.append(self._execution(workspace, run))
            return run
        message = "The maximum number of concurrent runs of the job was reached."
        outcome = Outcome(
            result="MAXIMUM_CONCURRENT_RUNS_REACHED", message=message, life_cycle="SKIPPED"
        )
        changes = {**states.ended(outcome), "end_time": now_ms()}
        self._records.change_run(run.run_id, changes, active=False)
        return run

    def _launch(
        self, workspace: WorkspaceInfo, run: Run, rerun: frozenset[str] | None = None
    ) -> None:
        execution = self._execution(workspace, run, rerun)
        self._active[run.run_id] = execution
        execution.start()

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
            perform=self._tasks.perform,
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

    def _cancel(self, run_id: int) -> None:
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

    def _end_of(self, workspace: str, run_id: int) -> Outcome | None:
        run = self._records.run(workspace, run_id)
        if run is None:
            return Outcome(result="FAILED", message=f"Run {run_id} was deleted")
        if run.active:
            return None
        state = run.data["state"]
        code = run.data["status"]["termination_details"]["code"]
        return Outcome(result=state["result_state"], message=state["state_message"], code=code)

    def _start_from_task(self, call: TaskCall, principal: Principal) -> int:
        body = call.task["run_job_task"]
        request = {
            name: body[name] for name in (*LEGACY_PARAMETERS, "job_parameters") if name in body
        }
        job_id = int(body["job_id"])
        return self.run_now(principal, call.workspace, job_id, request, "RUN_JOB_TASK").run_id

    def _start_scheduled(self, job: Job) -> None:
        workspace = self._workspaces[job.workspace]
        owner = self._identity.principal(self.access.owner_of(workspace, job), workspace.name)
        self.run_now(owner, workspace, job.job_id, {}, "PERIODIC")

    def _to_rerun(
        self, run: Run, settings: Mapping[str, Any], request: Mapping[str, Any]
    ) -> frozenset[str]:
        tasks = settings.get("tasks") or []
        known = {task["task_key"] for task in tasks}
        wanted = set(request.get("rerun_tasks") or ())
        if unknown := wanted - known:
            raise invalid(f"The run has no task {', '.join(sorted(unknown))}")
        ended = latest(self._records.task_runs(run.run_id))
        results = {key: one.data["state"].get("result_state") for key, one in ended.items()}
        if request.get("rerun_all_failed_tasks"):
            wanted |= {key for key in known if results.get(key) not in ("SUCCESS", "EXCLUDED")}
        if not wanted:
            raise invalid("Name the tasks to run again in rerun_tasks, or rerun_all_failed_tasks")
        if request.get("rerun_dependent_tasks") or request.get("rerun_all_failed_tasks"):
            wanted |= _dependents(tasks, wanted)
        return frozenset(wanted | (known - set(results)))

    def _note_repair(
        self,
        run: Run,
        history: list[dict[str, Any]],
        settings: Mapping[str, Any],
        parameters: Mapping[str, str],
    ) -> int:
        shown = {key: run.data[key] for key in ("state", "status", "start_time")}
        if not history:
            original = {"type": "ORIGINAL", **shown, "end_time": run.data.get("end_time", 0)}
            tasks = self._records.task_runs(run.run_id)
            history = [{**original, "task_run_ids": [one.run_id for one in tasks]}]
        repair_id = new_id()
        now = states.going_on("PENDING")
        history.append({"type": "REPAIR", "id": repair_id, **now, "start_time": now_ms()})
        changes = {**now, "end_time": 0, "repair_history": history}
        changes |= {"_settings": settings, "_parameters": parameters}
        self._records.change_run(run.run_id, changes, active=True)
        return repair_id


KEYED: Mapping[str, str] = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
}


def _merged(old: list[Any], new: list[Any], key: str) -> list[Any]:
    """Items of the same key are replaced in place; others are added."""
    by_key = {item.get(key): item for item in new}
    kept = [by_key.pop(item.get(key), item) for item in old]
    return kept + list(by_key.values())


def _remove(settings: dict[str, Any], name: str) -> None:
    """A top-level field, or `tasks/<key>`."""
    field, _, key = name.partition("/")
    if not key:
        settings.pop(field, None)
    elif field in KEYED:
        items = settings.get(field) or []
        settings[field] = [item for item in items if item.get(KEYED[field]) != key]


def _without_acl(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "access_control_list"}


def _token(request: Mapping[str, Any]) -> str | None:
    token = request.get("idempotency_token") or None
    if token is not None and len(str(token)) > MAX_TOKEN_LENGTH:
        raise invalid(f"idempotency_token may have at most {MAX_TOKEN_LENGTH} characters")
    return str(token) if token is not None else None


def _parameters(settings: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, str]:
    declared = {
        one["name"]: str(one.get("default", "")) for one in settings.get("parameters") or ()
    }
    given = key_values(request.get("job_parameters") or {}, "job_parameters")
    if unknown := set(given) - set(declared):
        raise invalid(f"The job has no parameter {', '.join(sorted(unknown))}")
    return {**declared, **given}


def _with_legacy_parameters(
    settings: Mapping[str, Any], request: Mapping[str, Any]
) -> dict[str, Any]:
    """`notebook_params` and their like, put into every task of their kind."""
    given = {name: request[name] for name in LEGACY_PARAMETERS if request.get(name)}
    if given and settings.get("parameters"):
        raise invalid("The job declares parameters: use job_parameters instead")
    tasks = []
    for task in settings.get("tasks") or ():
        done = dict(task)
        if "notebook_params" in given and "notebook_task" in task:
            body = task["notebook_task"]
            merged = {**(body.get("base_parameters") or {}), **given["notebook_params"]}
            done["notebook_task"] = {**body, "base_parameters": merged}
        if "python_params" in given:
            for kind in ("spark_python_task", "python_wheel_task"):
                if kind in task:
                    done[kind] = {**task[kind], "parameters": given["python_params"]}
        if "python_named_params" in given and "python_wheel_task" in task:
            body = task["python_wheel_task"]
            done["python_wheel_task"] = {**body, "named_parameters": given["python_named_params"]}
        tasks.append(done)
    return {**settings, "tasks": tasks}


def _only(settings: dict[str, Any], only: list[str]) -> dict[str, Any]:
    """The settings with some tasks, `+key` meaning with everything it depends on."""
    tasks = {task["task_key"]: task for task in settings["tasks"]}
    wanted: set[str] = set()
    for name in only:
        key = name.strip("+")
        if key not in tasks:
            raise invalid(f"The job has no task {key}")
        wanted.add(key)
        if name.startswith("+"):
            wanted |= _needed(tasks, key)
        if name.endswith("+"):
            wanted |= _dependents(list(tasks.values()), {key})
    kept = []
    for key, task in tasks.items():
        if key in wanted:
            needs = [on for on in task.get("depends_on") or () if on["task_key"] in wanted]
            kept.append({**task, "depends_on": needs})
    return {**settings, "tasks": kept}


def _needed(tasks: Mapping[str, Mapping[str, Any]], key: str) -> set[str]:
    found: set[str] = set()
    for on in tasks[key].get("depends_on") or ():
        found |= {on["task_key"]} | _needed(tasks, on["task_key"])
    return found


def _dependents(tasks: list[dict[str, Any]], of: set[str]) -> set[str]:
    """Every task that depends on one of these, however far."""
    found = set(of)
    while True:
        more = {
            task["task_key"]
            for task in tasks
            if any(on["task_key"] in found for on in task.get("depends_on") or ())
        } - found
        if not more:
            return found
        found |= more


def _current_tasks(settings: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A repair uses the job's settings as they are now, for the tasks that the run had."""
    current = {task["task_key"]: task for task in now.get("tasks") or ()}
    return [current.get(task["task_key"], task) for task in settings.get("tasks") or ()]


def _check_latest(history: list[dict[str, Any]], request: Mapping[str, Any]) -> None:
    repairs = [one["id"] for one in history if one["type"] == "REPAIR"]
    if repairs and int(request.get("latest_repair_id") or 0) != repairs[-1]:
        raise invalid(f"latest_repair_id must be {repairs[-1]}, the id of the run's last repair")


def _no_run(run_id: int) -> ApiError:
    return invalid(f"Run {run_id} does not exist.")
