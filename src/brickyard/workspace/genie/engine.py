"""Genie spaces as they are kept: which warehouse, and the text that says how to ask its tables.

A space belongs to a folder and inherits its permissions, but is no object of the workspace's tree:
the real service does not show it there either. Its etag counts the versions of its text alone.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.files.engine import FilesEngine
from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
)
from brickyard.workspace.kernel.call import parse
from brickyard.workspace.permissions.engine import PermissionsEngine, Subject

KIND: Final = "genie"
TABLE: Final = document_table("genie_spaces")
EMPTY: Final = '{"version":2,"data_sources":{}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What may be given of a space; None: as it is."""

    title: str | None = None
    description: str | None = None
    warehouse_id: str | None = None
    parent_path: str | None = None
    serialized_space: str | None = None
    etag: str | None = None


class GenieEngine:
    """The spaces of every workspace."""

    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        files: FilesEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self._spaces = Documents(store, TABLE, "Genie space")
        self._files = files
        self._permissions = permissions

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing runs."""

    def create(self, principal: Principal, workspace: WorkspaceInfo, want: Settings) -> Document:
        """A new space in a folder; without one, in the caller's home."""
        if not want.warehouse_id:
            raise invalid("warehouse_id is required")
        folder = want.parent_path or f"/Users/{principal.user_name}"
        body = {
            "description": want.description or "",
            "warehouse_id": want.warehouse_id,
            "serialized_space": migrated(want.serialized_space or EMPTY),
            "parent_path": self._files.require_folder(principal, workspace, folder),
            "etag": 1,
        }
        id = uuid.uuid4().hex
        self._permissions.grant_owner(principal, workspace, KIND, id)
        title = want.title or "New Space"
        return self._spaces.add(workspace.name, title, body, creator=principal.user_name, id=id)

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str = "CAN_READ"
    ) -> Document:
        """A space, for somebody who has the level on it."""
        found = self._spaces.get(workspace.name, id)
        above = self._folders(workspace, found)
        self._permissions.require(principal, workspace, KIND, id, level, above)
        return found

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Document]:
        """The spaces that somebody may see, oldest first."""
        return [
            one
            for one in self._spaces.all(workspace.name)
            if self._permissions.can(
                principal, workspace, KIND, one.id, "CAN_READ", self._folders(workspace, one)
            )
        ]

    def update(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, want: Settings
    ) -> Document:
        """Change what is given; raises ABORTED when somebody changed the text meanwhile."""
        self.get(principal, workspace, id, "CAN_EDIT")
        given: dict[str, Any] = {}
        if want.serialized_space:
            given["serialized_space"] = migrated(want.serialized_space)
        if want.parent_path:
            given["parent_path"] = self._files.require_folder(
                principal, workspace, want.parent_path
            )
        if want.warehouse_id:
            given["warehouse_id"] = want.warehouse_id
        if want.description is not None:
            given["description"] = want.description

        def edit(before: Document) -> Mapping[str, Any]:
            _need_current(before, want.etag)
            after = {**before.body, **given}
            is_new = after["serialized_space"] != before.body["serialized_space"]
            return {**after, "etag": before.body["etag"] + is_new}

        return self._spaces.change(workspace.name, id, edit, name=want.title or "")

    def trash(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Remove a space: nobody can take one out of the trash through the API."""
        self.get(principal, workspace, id, "CAN_MANAGE")
        self._spaces.remove(workspace.name, id)
        self._permissions.forget(workspace, KIND, id)

    def folders_above(self, workspace: WorkspaceInfo, id: str) -> tuple[Subject, ...]:
        """The folders that a space inherits permissions from, nearest first."""
        found = self._spaces.find(workspace.name, id)
        return self._folders(workspace, found) if found is not None else ()

    def _folders(self, workspace: WorkspaceInfo, space: Document) -> tuple[Subject, ...]:
        return self._files.folder_and_above(workspace, space.body["parent_path"])


def migrated(text: str) -> str:
    """The text of a space as the service keeps it: version 1 becomes version 2.

    So the official CLI's own test server has it, as observed of the real service. Raises
    INVALID_PARAMETER_VALUE when it is no JSON object.
    """
    try:
        space = parse(text.encode())
    except (ValueError, RecursionError) as fault:
        raise invalid(f"serialized_space is not valid JSON: {fault}") from None
    if not isinstance(space, dict):
        raise invalid("serialized_space must be a JSON object")
    if isinstance(space.get("version"), bool) or space.get("version") != 1:
        return text
    newer = {"data_sources": {}, **space, "version": 2}
    return json.dumps(newer, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _need_current(space: Document, etag: str | None) -> None:
    now = str(space.body["etag"])
    if etag and etag != now:
        raise ApiError("ABORTED", f"Etag mismatch: expected {now}, got {etag[:40]}")
