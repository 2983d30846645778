"""Operations: every change of the Postgres API is one, done when it is answered.

Kept for a day, as clients ask for them by name afterwards, also of what was deleted.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import (
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    document_table,
    not_found,
    now_ms,
)

TABLE: Final = document_table("lakebase_operations")
KEPT_MS: Final = 24 * 60 * 60 * 1000
EMPTY: Final[Mapping[str, Any]] = {"@type": "type.googleapis.com/google.protobuf.Empty"}


class Operations:
    def __init__(self, store: Store) -> None:
        self._kept = Documents(
            store,
            TABLE,
            "Operation",
            missing=lambda _: not_found("operation id not found", "NOT_FOUND"),
        )

    def done(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        type: str,
        response: Mapping[str, Any] = EMPTY,
    ) -> dict[str, Any]:
        """Note that something of a type (`Branch`) and name was changed, and is now so."""
        operation = f"{name}/operations/{uuid.uuid4()}"
        metadata = {"@type": f"type.googleapis.com/databricks.postgres.v1.{type}OperationMetadata"}
        shown = {"name": operation, "done": True, "metadata": metadata, "response": dict(response)}
        self._kept.add(workspace.name, operation, shown, creator=principal.user_name, id=operation)
        return shown

    def get(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> Mapping[str, Any]:
        found = self._kept.get(workspace.name, name)
        if found.creator != principal.user_name and not principal.is_admin:
            raise denied(f"{principal.user_name} did not start {name}")
        return found.body

    def forget_old(self, workspaces: Mapping[str, WorkspaceInfo]) -> None:
        for workspace in workspaces.values():
            for one in self._kept.all(workspace.name):
                if one.created_ms + KEPT_MS < now_ms():
                    self._kept.remove(workspace.name, one.id)
