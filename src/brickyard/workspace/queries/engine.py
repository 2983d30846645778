"""Saved queries: kept with the rights of their folder, and handed out to be run.

A query lies in a folder and inherits its permissions, but shows no file there. One in the trash
still answers by its id, and runs no more.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import (
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    exists,
    not_found,
)
from brickyard.workspace.permissions.engine import Subject
from brickyard.workspace.queries.settings import complete, masked, values

if TYPE_CHECKING:
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.sql.engine import SqlEngine

KIND: Final = "queries"
TABLE: Final = document_table("queries_queries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One saved query as it is now."""

    id: str
    settings: Mapping[str, Any]
    owner: str
    changed_by: str
    created_ms: int
    updated_ms: int
    is_trashed: bool

    def values(self) -> dict[str, str]:
        """What its parameters stand for, unless whoever runs it says otherwise."""
        return values(self.settings, datetime.datetime.now(datetime.UTC))


class QueriesEngine:
    def __init__(
        self,
        store: Store,
        *,
        identity: IdentityEngine,
        files: FilesEngine,
        permissions: PermissionsEngine,
        sql: SqlEngine,
    ) -> None:
        self._documents = Documents(store, TABLE, "Query")
        self._identity = identity
        self._files = files
        self._permissions = permissions
        self._sql = sql
        self._naming = threading.Lock()  # of two that want one name, one gets it

    def start(self) -> None:
        """Nothing runs by itself."""

    def stop(self) -> None:
        """Nothing is under way: who runs a query does so through a warehouse."""

    def create(
        self, principal: Principal, workspace: WorkspaceInfo, given: Any, *, renames: bool
    ) -> Query:
        """A new query in a folder; without one, in the caller's home.

        A name that is taken there gets a number with `renames`, and raises without.
        """
        settings = complete(given)
        folder = settings.get("parent_path") or f"/Users/{principal.user_name}"
        settings["parent_path"] = self._files.require_folder(principal, workspace, folder)
        self._require_warehouse(principal, workspace, settings)
        name = principal.user_name
        with self._naming:
            settings["display_name"] = self._free_name(workspace, settings, renames=renames)
            document = self._documents.add(
                workspace.name,
                settings["display_name"],
                {"query": settings, "owner": name, "changed_by": name},
                creator=name,
            )
        self._permissions.grant_owner(principal, workspace, KIND, document.id)
        return _query(document)

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str = "CAN_READ"
    ) -> Query:
        """A query, in the trash or not, for somebody who has the level on it."""
        found = _query(self._documents.get(workspace.name, id))
        above = self._above(workspace, found)
        self._permissions.require(principal, workspace, KIND, id, level, above)
        return found

    def to_run(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> Query:
        """A query for somebody who may run it. Raises for one in the trash."""
        found = self.get(principal, workspace, id, "CAN_RUN")
        if found.is_trashed:
            raise not_found(f"Query {id} is in the trash")
        return found

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Query]:
        """The queries that somebody may see, oldest first, without those in the trash."""
        found = map(_query, self._documents.all(workspace.name))
        return [
            one
            for one in found
            if not one.is_trashed
            and self._permissions.can(
                principal, workspace, KIND, one.id, "CAN_READ", self._above(workspace, one)
            )
        ]

    def update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        given: Any,
        mask: str,
        *,
        renames: bool,
    ) -> Query:
        """Change the fields of the mask. Another owner takes CAN_MANAGE."""
        before = self.get(principal, workspace, id, "CAN_EDIT")
        if before.is_trashed:
            raise not_found(f"Query {id} is in the trash")
        settings = masked(before.settings, given, mask)
        owner = settings.pop("owner_user_name", before.owner)
        if owner != before.owner:
            self.get(principal, workspace, id, "CAN_MANAGE")
            self._identity.principal(owner, workspace.name)
        if settings.get("warehouse_id") != before.settings.get("warehouse_id"):
            self._require_warehouse(principal, workspace, settings)
        with self._naming:
            if settings["display_name"] != before.settings["display_name"]:
                settings["display_name"] = self._free_name(workspace, settings, renames=renames)
            changed = self._documents.change(
                workspace.name,
                id,
                lambda _: {"query": settings, "owner": owner, "changed_by": principal.user_name},
                name=settings["display_name"],
            )
        return _query(changed)

    def trash(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Into the trash: it is in no list any more, and its name is free."""
        self.get(principal, workspace, id, "CAN_MANAGE")
        self._documents.change(workspace.name, id, lambda one: {**one.body, "is_trashed": True})

    def folders_above(self, workspace: WorkspaceInfo, id: str) -> tuple[Subject, ...]:
        """The folders that a query inherits permissions from, nearest first."""
        return self._above(workspace, _query(self._documents.get(workspace.name, id)))

    def _above(self, workspace: WorkspaceInfo, one: Query) -> tuple[Subject, ...]:
        return self._files.folder_and_above(workspace, one.settings["parent_path"])

    def _require_warehouse(
        self, principal: Principal, workspace: WorkspaceInfo, settings: Mapping[str, Any]
    ) -> None:
        if settings.get("warehouse_id"):
            self._sql.warehouse(principal, workspace, settings["warehouse_id"], "CAN_USE")

    def _free_name(
        self, workspace: WorkspaceInfo, settings: Mapping[str, Any], *, renames: bool
    ) -> str:
        name, folder = settings["display_name"], settings["parent_path"]
        taken = {
            one.settings["display_name"]
            for one in map(_query, self._documents.all(workspace.name))
            if one.settings["parent_path"] == folder and not one.is_trashed
        }
        if name not in taken:
            return str(name)
        if not renames:
            raise exists(f"A query named {name} already exists in {folder}")
        return next(
            free for at in range(1, len(taken) + 2) if (free := f"{name} ({at})") not in taken
        )


def _query(document: Document) -> Query:
    return Query(
        id=document.id,
        settings=document.body["query"],
        owner=document.body["owner"],
        changed_by=document.body["changed_by"],
        created_ms=document.created_ms,
        updated_ms=document.updated_ms,
        is_trashed=bool(document.body.get("is_trashed")),
    )
