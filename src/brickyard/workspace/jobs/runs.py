"""Runs that were made: who may see, cancel, repair and delete them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brickyard.workspace.jobs import repairs, requests, states
from brickyard.workspace.jobs.access import MANAGE, RUN, VIEW, Access
from brickyard.workspace.jobs.launcher import Launcher
from brickyard.workspace.jobs.records import Records, Run, TaskRun, new_id
from brickyard.workspace.jobs.show import key_values
from brickyard.workspace.kernel import ApiError, Home, Principal, WorkspaceInfo, invalid


class Runs:
    def __init__(self, records: Records, access: Access, launcher: Launcher, home: Home) -> None:
        self._records = records
        self._access = access
        self._launcher = launcher
        self._home = home

    def run(self, principal: Principal, workspace: WorkspaceInfo, run_id: int) -> Run:
        found = self._records.run(workspace.name, run_id)
        if found is None:
            raise _no_run(run_id)
        self._access.require_run(principal, workspace, found, VIEW)
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

    def listed(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        job_id: int | None,
        active: bool | None,
    ) -> list[Run]:
        """Those that the principal may see, newest first."""
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
        self._access.require_run(principal, workspace, run, RUN)
        self._launcher.cancel(run.run_id)

    def delete(self, principal: Principal, workspace: WorkspaceInfo, run_id: int) -> None:
        run = self.run(principal, workspace, run_id)
        self._access.require_run(principal, workspace, run, MANAGE)
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
        with self._launcher.still():
            run = self.run(principal, workspace, run_id)
            self._access.require_run(principal, workspace, run, RUN)
            repairs.require_repairable(run, request)
            settings = dict(run.data["_settings"])
            if run.job_id is not None and (job := self._records.job(workspace.name, run.job_id)):
                settings["tasks"] = repairs.current_tasks(settings, job.settings)
            settings = requests.with_legacy_parameters(settings, request)
            given = key_values(request.get("job_parameters") or {}, "job_parameters")
            parameters = {**run.data["_parameters"], **given}
            earlier = self._records.task_runs(run_id)
            rerun = repairs.to_rerun(earlier, settings, request)
            repair_id = new_id()
            changes = {
                **states.going_on("PENDING"),
                "end_time": 0,
                "repair_history": repairs.history_with(run, earlier, repair_id),
                "job_parameters": [
                    {**one, "value": parameters[one["name"]]}
                    for one in run.data.get("job_parameters") or ()
                ],
                "_settings": settings,
                "_parameters": parameters,
            }
            self._records.change_run(run_id, changes, active=True)
            self._launcher.launch(workspace, self.run(principal, workspace, run_id), rerun)
            return repair_id

    def _may_see(self, principal: Principal, workspace: WorkspaceInfo, run: Run) -> bool:
        try:
            self._access.require_run(principal, workspace, run, VIEW)
        except ApiError:
            return False
        return True


def _no_run(run_id: int) -> ApiError:
    return invalid(f"Run {run_id} does not exist.")
