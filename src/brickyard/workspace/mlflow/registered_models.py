"""What the workspace registry knows of a model beside MLflow: its number and who may do what.

MLflow finds models by name; permissions are kept under a number of our own, as on Databricks. A
model without one (a kill came between MLflow's answer and ours) gets it when it is next asked for,
and is its administrators' until they share it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
)

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "registered-models"
TABLE = document_table("mlflow_registered_models")


class RegisteredModels:
    """Kept by name; `body` holds the `id`."""

    def __init__(self, store: Store, permissions: PermissionsEngine) -> None:
        self._kept = Documents(store, TABLE, "Registered model")
        self._permissions = permissions

    def known(self, workspace: WorkspaceInfo, name: str) -> Document | None:
        return self._kept.find(workspace.name, name)

    def names(self, workspace: WorkspaceInfo) -> dict[str, str]:
        """The models' names by their numbers."""
        return {str(one.body["id"]): one.name for one in self._kept.all(workspace.name)}

    def own(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        """Give a model that was just made its number and owner; one of that name is gone."""
        if self.known(workspace, name) is not None:
            self.forget(workspace, name)
        id = uuid.uuid4().hex
        self._permissions.grant_owner(principal, workspace, KIND, id)
        self._kept.add(workspace.name, name, {"id": id}, creator=principal.user_name, id=name)

    def adopt(self, workspace: WorkspaceInfo, name: str) -> Document:
        """The number of a model that MLflow has, given now if it has none."""
        try:
            return self._kept.add(
                workspace.name, name, {"id": uuid.uuid4().hex}, creator="", id=name
            )
        except ApiError:  # somebody else was quicker
            return self._kept.get(workspace.name, name)

    def rename(self, workspace: WorkspaceInfo, name: str, new_name: str) -> None:
        found = self._kept.get(workspace.name, name)
        if self.known(workspace, new_name) is not None:
            self._kept.remove(workspace.name, new_name)
        self._kept.add(workspace.name, new_name, found.body, creator=found.creator, id=new_name)
        self._kept.remove(workspace.name, name)

    def forget(self, workspace: WorkspaceInfo, name: str) -> None:
        found = self._kept.get(workspace.name, name)
        self._kept.remove(workspace.name, name)
        self._permissions.forget(workspace, KIND, found.body["id"])

    def require(
        self, principal: Principal, workspace: WorkspaceInfo, model: Document, level: str
    ) -> None:
        """Raises PERMISSION_DENIED."""
        self._permissions.require(principal, workspace, KIND, model.body["id"], level)

    def level(self, principal: Principal, workspace: WorkspaceInfo, model: Document) -> str:
        return self._permissions.level(principal, workspace, KIND, model.body["id"])

    def readable(
        self, principal: Principal, workspace: WorkspaceInfo, names: Iterable[str]
    ) -> frozenset[str]:
        """Those of these models that somebody may see."""
        if principal.is_admin:
            return frozenset(names)
        held = self._permissions.held(principal, workspace, KIND)
        mine = {one.name for one in self._kept.all(workspace.name) if one.body["id"] in held}
        return frozenset(names) & mine
