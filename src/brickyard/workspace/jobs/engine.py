"""The engine of jobs: who may keep, change and run which job.

Runs that were active when the workspace stopped are marked as interrupted at the next start.
`requests` turns requests into runs, `launcher` holds those that go on, `execution` decides which
task is next, `tasks` does its work, `runs` answers for what was made, `schedule` starts jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.jobs import requests, states
from brickyard.workspace.jobs import settings as job_settings
from brickyard.workspace.jobs.access import MANAGE, RUN, VIEW, Access
from brickyard.workspace.jobs.calls import Stop, TaskCall
from brickyard.workspace.jobs.changes import changed, without_acl
from brickyard.workspace.jobs.launcher import Launcher
from brickyard.workspace.jobs.processes import ProcessTasks
from brickyard.workspace.jobs.records import Job, Records, Run
from brickyard.workspace.jobs.runs import Runs
from brickyard.workspace.jobs.schedule import Scheduler
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.jobs.tasks import Tasks
from brickyard.workspace.jobs.watches import look
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    invalid,
    now_ms,
)

if TYPE_CHECKING:
    from brickyard.workspace.alerts.engine import AlertsEngine
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.git.engine import GitEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.pipelines.engine import PipelinesEngine
    from brickyard.workspace.processes.user_code import UserCode
    from brickyard.workspace.queries.engine import QueriesEngine
    from brickyard.workspace.secrets.engine import SecretsEngine
    from brickyard.workspace.sql.engine import SqlEngine


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
        permissions: PermissionsEngine,
        sql: SqlEngine,
        alerts: AlertsEngine,
        queries: QueriesEngine,
        pipelines: PipelinesEngine,
        code: UserCode,
        git: GitEngine,
    ) -> None:
        self._workspaces = workspaces
        self._identity = identity
        self._records = Records(store)
        self.access = Access(identity, permissions)
        self._launcher = Launcher(self._records, self._perform)
        self.runs = Runs(self._records, self.access, self._launcher, home)
        self._tasks = Tasks(
            identity=identity,
            home=home,
            sql=sql,
            pipelines=pipelines,
            alerts=alerts,
            queries=queries,
            processes=ProcessTasks(code=code),
            git=git,
            start_job=self._start_from_task,
            end_of=self._launcher.end_of,
            cancel=self._launcher.cancel,
        )
        self._catalog = catalog
        self._scheduler = Scheduler(self._records, self._start_by_itself, self._look)

    def start(self) -> None:
        """Mark what was interrupted, then let schedules count."""
        self._records.interrupt_all()
        self._scheduler.start()

    def stop(self) -> None:
        """End active runs; they are marked as interrupted."""
        self._scheduler.stop()
        self._launcher.stop()
        self._records.interrupt_all()

    # Jobs

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, given: Mapping[str, Any]
    ) -> Job:
        settings = job_settings.complete(without_acl(given))
        self.access.require_run_as(principal, workspace, settings)
        job = self._records.add_job(workspace.name, principal.user_name, settings)
        self.access.own(principal, workspace, job.job_id)
        try:
            given_list = given.get("access_control_list") or ()
            self.access.share(principal, workspace, job.job_id, given_list)
        except ApiError:
            self._forget(workspace, job.job_id)
            raise
        self._scheduler.changed(job)
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
    ) -> Job:
        """A full replace, except that a missing `run_as` keeps its value."""
        job = self._manage(principal, workspace, job_id)
        settings = job_settings.complete(without_acl(given))
        if "run_as" not in settings and "run_as" in job.settings:
            settings["run_as"] = job.settings["run_as"]
        if settings.get("run_as") != job.settings.get("run_as"):
            self.access.require_run_as(principal, workspace, settings)
        return self._changed(job, settings)

    def update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        job_id: int,
        given: Mapping[str, Any],
        remove: Iterable[str],
    ) -> Job:
        """Top-level fields replace; tasks, clusters and environments merge by their key."""
        job = self._manage(principal, workspace, job_id)
        settings = job_settings.complete(changed(job.settings, given, remove))
        if settings.get("run_as") != job.settings.get("run_as"):
            self.access.require_run_as(principal, workspace, settings)
        return self._changed(job, settings)

    def delete(self, principal: Principal, workspace: WorkspaceInfo, job_id: int) -> None:
        self._manage(principal, workspace, job_id)
        for run in self._records.runs(workspace.name, job_id, active=True):
            self._launcher.cancel(run.run_id)
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
        token = requests.token(request)
        settings = requests.settings_for(job.settings, request)
        parameters = requests.parameters(settings, request)
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
        overriding = {k: request[k] for k in requests.LEGACY_PARAMETERS if request.get(k)}
        if overriding:
            data["overriding_parameters"] = overriding
        data |= {"_settings": settings, "_parameters": parameters}
        return self._launcher.begin(workspace, job_id, data, token)

    def submit(
        self, principal: Principal, workspace: WorkspaceInfo, request: Mapping[str, Any]
    ) -> Run:
        """A run without a job."""
        token = requests.token(request)
        wanted = {k: v for k, v in without_acl(request).items() if k != "idempotency_token"}
        wanted["name"] = request.get("run_name") or "Untitled"
        settings = job_settings.complete(wanted)
        if not settings.get("tasks"):
            raise invalid("A run needs at least one task")
        self.access.require_run_as(principal, workspace, settings)
        data = self._new_run(principal, settings["name"], "ONE_TIME", "SUBMIT_RUN")
        data["run_as_user_name"] = self.access.run_as(settings, principal.user_name)
        data |= {"_settings": settings, "_parameters": {}, "_submitted": True}
        run = self._launcher.begin(workspace, None, data, token)
        try:
            given = request.get("access_control_list") or ()
            self.access.share_run(principal, workspace, run.run_id, given)
        except ApiError:
            self._launcher.cancel(run.run_id)
            raise
        return run

    def cancel_all(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        job_id: int | None,
        *,
        only_queued: bool = False,
    ) -> None:
        """Every active run of a job, or the queued ones of a job or the whole workspace."""
        if job_id is not None:
            self._job(workspace, job_id)
            self.access.require(principal, workspace, job_id, RUN)
        for run in self.runs.listed(principal, workspace, job_id, active=True):
            if only_queued and run.data["state"]["life_cycle_state"] != "QUEUED":
                continue
            self.access.require_run(principal, workspace, run, RUN)
            self._launcher.cancel(run.run_id)

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

    def _changed(self, job: Job, settings: Mapping[str, Any]) -> Job:
        changed = self._records.change_job(job, settings)
        self._scheduler.changed(changed)
        return changed

    def _forget(self, workspace: WorkspaceInfo, job_id: int) -> None:
        self._scheduler.forget(job_id)
        self._records.remove_job(job_id)
        self.access.forget(workspace, job_id)

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

    def _start_from_task(self, call: TaskCall, principal: Principal) -> int:
        body = call.task["run_job_task"]
        names = (*requests.LEGACY_PARAMETERS, "job_parameters", "queue")
        request = {name: body[name] for name in names if name in body}
        job_id = int(body["job_id"])
        declared = self._job(call.workspace, job_id).settings.get("parameters") or ()
        pushed = {
            one["name"]: call.facts.parameters[one["name"]]
            for one in declared
            if one["name"] in call.facts.parameters
        }
        if pushed:
            request["job_parameters"] = {**(body.get("job_parameters") or {}), **pushed}
        return self.run_now(principal, call.workspace, job_id, request, "RUN_JOB_TASK").run_id

    def _perform(self, call: TaskCall, stop: Stop) -> Outcome:
        return self._tasks.perform(call, stop)

    def _start_by_itself(self, job: Job, trigger: str) -> None:
        workspace = self._workspaces[job.workspace]
        owner = self._identity.principal(self.access.owner_of(workspace, job), workspace.name)
        self.run_now(owner, workspace, job.job_id, {}, trigger)

    def _look(self, job: Job, kind: str, settings: Mapping[str, Any]) -> dict[str, int]:
        """What a trigger of the job sees, as the identity that its tasks have."""
        workspace = self._workspaces[job.workspace]
        try:
            principal = self._identity.principal(self.run_as_name(workspace, job), workspace.name)
        except ApiError:
            return {}
        return look(self._catalog, principal, workspace, kind, settings)
