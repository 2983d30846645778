"""Functions: their signature and body. How an engine runs one is in `routines.py`.

details: the function as the API describes it, without what every securable has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.collection import Collection
from brickyard.workspace.catalog.privileges import MANAGE
from brickyard.workspace.catalog.routines import Routine, routine
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo

KEPT: Final = (
    "data_type",
    "external_language",
    "external_name",
    "full_data_type",
    "input_params",
    "is_deterministic",
    "is_null_call",
    "parameter_style",
    "properties",
    "return_params",
    "routine_body",
    "routine_definition",
    "routine_dependencies",
    "security_type",
    "specific_name",
    "sql_data_access",
    "sql_path",
)


class Functions(Collection):
    KIND = "function"

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        return self._found(principal, workspace, full_name)

    def routine(self, full_name: str) -> Routine | None:
        """The function as an engine runs it; None when there is none. Asks nobody."""
        with self._metastore.read() as tx:
            found = securables.find(tx, "function", full_name.lower())
        return routine(found) if found is not None and found.kind == "function" else None

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        described: Mapping[str, Any],
        *,
        comment: str | None = None,
        replace: bool = False,
    ) -> Securable:
        """With `replace`, the function of this name gets another meaning and keeps its grants."""
        full_name = names.full("function", full_name)
        schema, _, name = full_name.rpartition(".")
        names.normalised(name, "function")
        self._access.authorize(principal, workspace, "CREATE_FUNCTION", "schema", schema)
        details = {key: described[key] for key in KEPT if described.get(key) is not None}
        with self._metastore.begin() as tx:
            had = securables.find(tx, "function", full_name) if replace else None
        if had is not None and had.kind == "function":
            self._access.authorize(principal, workspace, MANAGE, "function", full_name)
            with self._metastore.begin() as tx:
                found = securables.need(tx, "function", full_name)
                return securables.change(
                    tx, found, by=principal.user_name, comment=comment, details=details
                )
        with self._metastore.begin() as tx:
            made = securables.new(
                "function",
                full_name,
                parent=securables.need(tx, "schema", schema),
                by=principal.user_name,
                comment=comment,
                details=details,
            )
            securables.add(tx, made)
        return made

    def change(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str, *, owner: str
    ) -> Securable:
        return self._changed(principal, workspace, full_name, owner=owner)

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        self._removed(principal, workspace, full_name)
