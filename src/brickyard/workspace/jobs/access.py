"""Who may see, run and change a job, and whose identity its tasks have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.jobs.records import Job, Run
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, denied, invalid
from brickyard.workspace.permissions.engine import KINDS, Entry, Subject
from brickyard.workspace.permissions.run_as import require_run_as, run_as_of

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND = "jobs"
VIEW, RUN, MANAGE = "CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE"


class Access:
    def __init__(self, identity: IdentityEngine, permissions: PermissionsEngine) -> None:
        self._identity = identity
        self._permissions = permissions

    def own(self, principal: Principal, workspace: WorkspaceInfo, job_id: int) -> None:
        self._permissions.grant_owner(principal, workspace, KIND, str(job_id))

    def share(
        self, caller: Principal, workspace: WorkspaceInfo, job_id: int, given: Iterable[Any]
    ) -> None:
        """Add the entries of a request's `access_control_list`. Raises for unknown principals."""
        self._share(caller, workspace, Subject(KIND, str(job_id)), given)

    def share_run(
        self, caller: Principal, workspace: WorkspaceInfo, run_id: int, given: Iterable[Any]
    ) -> None:
        """The same for a submitted run, which has no job that could say who sees it."""
        self._share(caller, workspace, _of_run(run_id), given)

    def _share(
        self, caller: Principal, workspace: WorkspaceInfo, subject: Subject, given: Iterable[Any]
    ) -> None:
        entries = []
        for one in given:
            kind = next((kind for kind in KINDS if isinstance(one, Mapping) and one.get(kind)), "")
            if not kind:
                raise invalid(f"An entry of access_control_list needs one of {', '.join(KINDS)}")
            level = str(one.get("permission_level", ""))
            entries.append(Entry(kind=kind, name=str(one[kind]), level=level))
        if entries:
            self._permissions.merge(workspace, subject, entries, caller)

    def forget(self, workspace: WorkspaceInfo, job_id: int) -> None:
        self._permissions.forget(workspace, KIND, str(job_id))

    def require(
        self, principal: Principal, workspace: WorkspaceInfo, job_id: int, level: str
    ) -> None:
        """Raises PERMISSION_DENIED."""
        self._permissions.require(principal, workspace, KIND, str(job_id), level)

    def may(self, principal: Principal, workspace: WorkspaceInfo, job_id: int, level: str) -> bool:
        try:
            self.require(principal, workspace, job_id, level)
        except ApiError:
            return False
        return True

    def require_run(
        self, principal: Principal, workspace: WorkspaceInfo, run: Run, level: str
    ) -> None:
        """A submitted run belongs to whoever submitted it, who may share it; a job's run follows
        the job."""
        if run.job_id is not None and "_submitted" not in run.data:
            self.require(principal, workspace, run.job_id, level)
            return
        shared = _of_run(run.run_id)
        mine = principal.is_admin or run.data["creator_user_name"] == principal.user_name
        if not mine and not self._permissions.can(
            principal, workspace, shared.type, shared.id, level
        ):
            raise denied(f"User {principal.user_name} does not have {level} on run {run.run_id}")

    def run_as(self, settings: Mapping[str, Any], owner: str) -> str:
        """The user name of the identity that tasks have."""
        return run_as_of(settings, owner)

    def require_run_as(
        self, principal: Principal, workspace: WorkspaceInfo, settings: Mapping[str, Any]
    ) -> None:
        """Only oneself, unless an admin says otherwise; and the identity must exist."""
        require_run_as(self._identity, principal, workspace, settings, "job")

    def owner_of(self, workspace: WorkspaceInfo, job: Job) -> str:
        """Whose identity the job has unless it says otherwise."""
        entries = self._permissions.entries(workspace, Subject(KIND, str(job.job_id)))
        return next((one.name for one in entries if one.level == "IS_OWNER"), job.creator)


def _of_run(run_id: int) -> Subject:
    return Subject(KIND, f"run-{run_id}")
