"""Objects of one kind with permissions of their own: who may find, change and remove which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import ApiError, Document, Documents, Principal, WorkspaceInfo
from brickyard.workspace.permissions.engine import Entry, Subject
from brickyard.workspace.permissions.levels import highest_manageable

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine


class Owned:
    """`kind` is the type in the Permissions API; the first of its levels is what seeing takes."""

    def __init__(self, kept: Documents, permissions: PermissionsEngine, kind: str) -> None:
        self._kept = kept
        self._permissions = permissions
        self._kind = kind

    def add(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        body: Mapping[str, Any],
        *,
        id: str,
        unique_name: bool = False,
    ) -> Document:
        """Keep a new object, of which the principal is the owner."""
        # The owner first: what a kill leaves is an entry of nothing, not an object of nobody.
        self._permissions.grant_owner(principal, workspace, self._kind, id)
        try:
            return self._kept.add(
                workspace.name,
                name,
                body,
                creator=principal.user_name,
                id=id,
                unique_name=unique_name,
            )
        except ApiError:
            self._permissions.forget(workspace, self._kind, id)
            raise

    def get(self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str) -> Document:
        """An object, for somebody who has the level on it."""
        found = self._kept.get(workspace.name, id)
        self._permissions.require(principal, workspace, self._kind, id, level)
        return found

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Document]:
        """What somebody has any level on, oldest first."""
        held = self._permissions.held(principal, workspace, self._kind)
        return [
            one for one in self._kept.all(workspace.name) if principal.is_admin or one.id in held
        ]

    def change(
        self,
        workspace: WorkspaceInfo,
        id: str,
        edit: Callable[[Document], Mapping[str, Any]],
        *,
        name: str = "",
    ) -> Document:
        """Replace the body by what `edit` makes of the object. Asks nobody."""
        return self._kept.change(workspace.name, id, edit, name=name)

    def require_free(
        self, workspace: WorkspaceInfo, id: str, name: str, taken: Callable[[str], ApiError]
    ) -> None:
        """Raises what `taken` makes of a message when another object has the name."""
        if any(one.name == name and one.id != id for one in self._kept.all(workspace.name)):
            raise taken(f"The name {name} is already in use")

    def give(self, workspace: WorkspaceInfo, id: str, user_name: str) -> None:
        """Let a user have the highest level. Raises INVALID_PARAMETER_VALUE for nobody's name."""
        level = highest_manageable(self._kind)
        entry = Entry(kind="user_name", name=user_name, level=level)
        self._permissions.merge(workspace, Subject(self._kind, id), [entry])

    def remove(self, workspace: WorkspaceInfo, id: str) -> None:
        self._kept.remove(workspace.name, id)
        self._permissions.forget(workspace, self._kind, id)
