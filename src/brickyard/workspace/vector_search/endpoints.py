"""Vector search endpoints: what is kept of them. Their id at rest is the name.

body: `id` (permissions are kept under it), `endpoint_type`, `budget_policy_id`, `target_qps`,
`custom_tags`, `updated_by`, `is_stopped`. An endpoint is a name under which indexes are found: it
runs nothing, but a stopped one answers nothing either.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
)

if TYPE_CHECKING:
    from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "vector-search-endpoints"
USE, MANAGE = "CAN_USE", "CAN_MANAGE"
TABLE = document_table("vector_search_endpoints")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
STORAGE_OPTIMIZED: Final = "STORAGE_OPTIMIZED"


class Endpoints:
    def __init__(self, store: Store, permissions: PermissionsEngine) -> None:
        self._kept = Documents(store, TABLE, "Vector search endpoint")
        self._permissions = permissions

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, settings: Mapping[str, Any]
    ) -> Document:
        if not NAME.fullmatch(name):
            raise invalid(f"Endpoint name {name!r} may have letters, digits, '-', '_' and '.' only")
        _check_qps(settings["endpoint_type"], settings)
        id = str(uuid.uuid4())
        body = {"id": id, **settings, "updated_by": principal.user_name}
        # The owner first: what a kill leaves is an entry of nothing, not an endpoint of nobody.
        self._permissions.grant_owner(principal, workspace, KIND, id)
        try:
            return self._kept.add(workspace.name, name, body, creator=principal.user_name, id=name)
        except ApiError:
            self._permissions.forget(workspace, KIND, id)
            raise

    def find(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, level: str = ""
    ) -> Document:
        """An endpoint, for somebody who has this level on it, or any."""
        found = self._kept.get(workspace.name, name)
        wanted = level or "CAN_CREATE"
        self._permissions.require(principal, workspace, KIND, found.body["id"], wanted)
        return found

    def named(self, workspace: str, name: str) -> Document | None:
        """An endpoint by name. Asks nobody."""
        return self._kept.find(workspace, name)

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Document]:
        held = self._permissions.held(principal, workspace, KIND)
        return [
            one
            for one in self._kept.all(workspace.name)
            if principal.is_admin or one.body["id"] in held
        ]

    def change(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, settings: Mapping[str, Any]
    ) -> Document:
        """Set what is given; the rest stays."""
        self.find(principal, workspace, name, MANAGE)

        def edit(now: Document) -> Mapping[str, Any]:
            _check_qps(now.body["endpoint_type"], settings)
            return {**now.body, **settings, "updated_by": principal.user_name}

        return self._kept.change(workspace.name, name, edit)

    def delete(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> None:
        """Remove an endpoint. Its indexes stay, and wait for nobody: they name one that is gone."""
        found = self.find(principal, workspace, name, MANAGE)
        self._kept.remove(workspace.name, name)
        self._permissions.forget(workspace, KIND, found.body["id"])


def _check_qps(endpoint_type: str, settings: Mapping[str, Any]) -> None:
    wanted = settings.get("target_qps")
    if wanted is None:
        return
    if endpoint_type == STORAGE_OPTIMIZED:
        raise invalid("target_qps is supported on STANDARD endpoints only")
    if wanted <= 0 and wanted != -1:  # -1 takes it back
        raise invalid("target_qps must be a positive integer")
