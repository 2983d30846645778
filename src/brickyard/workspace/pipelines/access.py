"""Who may see, run and change a pipeline, and whose identity its code has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import Document, Principal, WorkspaceInfo
from brickyard.workspace.permissions.engine import Subject
from brickyard.workspace.permissions.run_as import require_run_as, run_as_of

if TYPE_CHECKING:
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "pipelines"
VIEW, RUN, MANAGE = "CAN_VIEW", "CAN_RUN", "CAN_MANAGE"


class Access:
    def __init__(self, identity: IdentityEngine, permissions: PermissionsEngine) -> None:
        self._identity = identity
        self._permissions = permissions

    def own(self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str) -> None:
        self._permissions.grant_owner(principal, workspace, KIND, pipeline_id)

    def forget(self, workspace: WorkspaceInfo, pipeline_id: str) -> None:
        self._permissions.forget(workspace, KIND, pipeline_id)

    def require(
        self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str, level: str
    ) -> None:
        """Raises PERMISSION_DENIED."""
        self._permissions.require(principal, workspace, KIND, pipeline_id, level)

    def may_see(self, principal: Principal, workspace: WorkspaceInfo, pipeline_id: str) -> bool:
        return self._permissions.can(principal, workspace, KIND, pipeline_id, VIEW)

    def require_run_as(
        self, principal: Principal, workspace: WorkspaceInfo, settings: Mapping[str, Any]
    ) -> None:
        require_run_as(self._identity, principal, workspace, settings, "pipeline")

    def run_as_name(self, workspace: WorkspaceInfo, pipeline: Document) -> str:
        """`run_as`, else the owner: whose identity an update has."""
        entries = self._permissions.entries(workspace, Subject(KIND, pipeline.id))
        owner = next((one.name for one in entries if one.level == "IS_OWNER"), pipeline.creator)
        return run_as_of(pipeline.body, owner)
