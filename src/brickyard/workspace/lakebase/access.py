"""Who may see, use and manage a database instance or a project: object permissions of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from brickyard.workspace.kernel import Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine

ANY, USE, MANAGE = "CAN_CREATE", "CAN_USE", "CAN_MANAGE"
INSTANCES: Final = "database-instances"
PROJECTS: Final = "database-projects"


class Access:
    def __init__(self, permissions: PermissionsEngine, kind: str) -> None:
        self._permissions = permissions
        self._kind = kind

    def own(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        """Make somebody the manager of a new object; what an older one left is gone."""
        self.forget(workspace, name)
        self._permissions.grant_owner(principal, workspace, self._kind, name)

    def forget(self, workspace: WorkspaceInfo, name: str) -> None:
        self._permissions.forget(workspace, self._kind, name)

    def require(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str
    ) -> None:
        """Raises PERMISSION_DENIED."""
        self._permissions.require(principal, workspace, self._kind, name, level)

    def sees(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> bool:
        return self._permissions.can(principal, workspace, self._kind, name, ANY)
