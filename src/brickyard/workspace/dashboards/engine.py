"""Dashboards: a draft, which is a file of the workspace, and what of it is published.

The file holds the draft's text. Whoever changes it another way, by importing over it, changes the
draft: the next look finds a new etag. A dashboard whose file was removed, or the folder around it,
is in the trash, where it still answers.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.dashboards.content import kept
from brickyard.workspace.dashboards.schedules import Schedules
from brickyard.workspace.files.claims import Claim
from brickyard.workspace.files.engine import FilesEngine, WorkspaceObject
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
    not_found,
    now_ms,
)
from brickyard.workspace.permissions.engine import PermissionsEngine

KIND: Final = "dashboards"
TABLE: Final = document_table("dashboards_dashboards")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What may be given of a dashboard; None: as it is."""

    display_name: str | None = None
    parent_path: str | None = None
    warehouse_id: str | None = None
    serialized_dashboard: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One dashboard as it is now; without a file it is in the trash."""

    id: str
    name: str
    etag: int
    warehouse_id: str
    creator: str
    created_ms: int
    updated_ms: int  # of the draft
    file: WorkspaceObject | None
    published: Mapping[str, Any] | None

    @property
    def is_trashed(self) -> bool:
        return self.file is None


class DashboardsEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        files: FilesEngine,
        permissions: PermissionsEngine,
    ) -> None:
        self._documents = Documents(store, TABLE, "Dashboard")
        self._files = files
        self._permissions = permissions
        self._lock = threading.Lock()  # a draft is a row and a file, changed one after the other
        self.schedules = Schedules(store)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing runs."""

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        want: Draft,
        *,
        catalog: str = "",
        schema: str = "",
    ) -> Dashboard:
        """A new draft in a folder; without one, in the caller's home."""
        if not want.display_name:
            raise invalid("display_name is required")
        text = kept(want.serialized_dashboard or "", catalog, schema).encode()
        id = uuid.uuid4().hex
        folder = want.parent_path or f"/Users/{principal.user_name}"
        body = {
            "etag": _first_etag(),
            "warehouse_id": want.warehouse_id or "",
            "digest": _digest(text),
            "updated_ms": now_ms(),
        }
        claim = Claim(type=KIND, id=id)
        self._documents.add(
            workspace.name, want.display_name, body, creator=principal.user_name, id=id
        )
        self._permissions.grant_owner(principal, workspace, KIND, id)
        try:
            self._files.put_claimed(principal, workspace, folder, want.display_name, claim, text)
        except ApiError:
            self._permissions.forget(workspace, KIND, id)
            self._documents.remove(workspace.name, id)
            raise
        return self._dashboard(workspace, self._documents.get(workspace.name, id))

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str = "CAN_READ"
    ) -> Dashboard:
        """A dashboard, or one in the trash, for somebody who has the level on it."""
        document = self._documents.get(workspace.name, id)
        above = self._files.folders_above(workspace, KIND, id)
        self._permissions.require(principal, workspace, KIND, id, level, above)
        return self._dashboard(workspace, document)

    def active(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str
    ) -> Dashboard:
        """A dashboard to change; what is in the trash is gone."""
        found = self.get(principal, workspace, id, level)
        if found.is_trashed:
            raise not_found(f"Dashboard {id} is in the trash")
        return found

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, *, trashed: bool
    ) -> list[Dashboard]:
        """The dashboards that somebody may see, oldest first; those in the trash on request."""
        found = (
            self._dashboard(workspace, document)
            for document in self._documents.all(workspace.name)
            if self._sees(principal, workspace, document.id)
        )
        return [one for one in found if trashed or not one.is_trashed]

    def update(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        want: Draft,
        *,
        catalog: str = "",
        schema: str = "",
    ) -> Dashboard:
        """Change the draft. A dashboard stays in its folder: another parent_path is ignored."""
        has_text = bool(want.serialized_dashboard)
        with self._lock:
            before = self.active(principal, workspace, id, "CAN_EDIT")
            _need_current(before, want.etag)
            claim = Claim(type=KIND, id=id)
            text = kept(want.serialized_dashboard or "", catalog, schema).encode()
            if want.display_name:
                self._files.rename(workspace, claim, want.display_name)
            if has_text:
                self._files.rewrite(workspace, claim, text)
            changed = self._documents.change(
                workspace.name,
                id,
                lambda document: {
                    **document.body,
                    **({"digest": _digest(text)} if has_text else {}),
                    **({} if want.warehouse_id is None else {"warehouse_id": want.warehouse_id}),
                    "etag": before.etag + 1,
                    "updated_ms": now_ms(),
                },
                name=want.display_name or "",
            )
        return self._dashboard(workspace, changed)

    def trash(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Into the trash, published version and schedules with it; quiet when it is there."""
        with self._lock:
            found = self.get(principal, workspace, id, "CAN_MANAGE")
            if not found.is_trashed:
                self._files.discard(workspace, Claim(type=KIND, id=id))
            self._documents.change(workspace.name, id, lambda one: {**one.body, "published": None})
        self.schedules.forget(workspace, id)

    # -- the published version ---------------------------------------------------------------

    def publish(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        *,
        embed_credentials: bool,
        warehouse_id: str,
    ) -> Dashboard:
        """Publish the draft as it is now."""
        with self._lock:
            draft = self.active(principal, workspace, id, "CAN_EDIT")
            public = {
                "display_name": draft.name,
                "warehouse_id": warehouse_id or draft.warehouse_id,
                "embed_credentials": embed_credentials,
                "text": text_of(draft),
                "revision_ms": max(now_ms(), draft.updated_ms),
            }
            changed = self._documents.change(
                workspace.name, id, lambda one: {**one.body, "published": public}
            )
        return self._dashboard(workspace, changed)

    def published(
        self, principal: Principal, workspace: WorkspaceInfo, id: str
    ) -> Mapping[str, Any]:
        found = self.get(principal, workspace, id)
        if found.is_trashed or found.published is None:
            raise not_found(f"Unable to find published dashboard [{id}]")
        return found.published

    def unpublish(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        with self._lock:
            self.active(principal, workspace, id, "CAN_EDIT")
            self._documents.change(workspace.name, id, lambda one: {**one.body, "published": None})

    def revert(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, etag: str | None
    ) -> Dashboard:
        """Make the draft what was last published."""
        public = self.published(principal, workspace, id)
        want = Draft(serialized_dashboard=public["text"], etag=etag)
        return self.update(principal, workspace, id, want)

    # -- what is at rest ---------------------------------------------------------------------

    def _sees(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> bool:
        if principal.is_admin:
            return True
        above = self._files.folders_above(workspace, KIND, id)
        return self._permissions.can(principal, workspace, KIND, id, "CAN_READ", above)

    def _dashboard(self, workspace: WorkspaceInfo, document: Document) -> Dashboard:
        """The dashboard of a row and its file; a file that was changed another way is taken up."""
        file = self._files.claimed(workspace, Claim(type=KIND, id=document.id))
        if file is not None:
            document = self._taken_up(workspace, document, file)
        body = document.body
        return Dashboard(
            id=document.id,
            name=document.name,
            etag=body["etag"],
            warehouse_id=body["warehouse_id"],
            creator=document.creator,
            created_ms=document.created_ms,
            updated_ms=body["updated_ms"],
            file=file,
            published=body.get("published"),
        )

    def _taken_up(
        self, workspace: WorkspaceInfo, document: Document, file: WorkspaceObject
    ) -> Document:
        try:
            digest = _digest(file.disk.read_bytes())
        except FileNotFoundError:
            return document
        if digest == document.body["digest"]:
            return document

        def newer(one: Document) -> Mapping[str, Any]:
            if one.body["digest"] == digest:
                return one.body
            etag = one.body["etag"] + 1
            return {**one.body, "digest": digest, "etag": etag, "updated_ms": file.modified_ms}

        return self._documents.change(workspace.name, document.id, newer)


def text_of(dashboard: Dashboard) -> str:
    """The draft's text; empty for one in the trash."""
    if dashboard.file is None:
        return ""
    try:
        return dashboard.file.disk.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _need_current(dashboard: Dashboard, etag: str | None) -> None:
    if etag and etag != str(dashboard.etag):
        raise ApiError(
            "ABORTED",
            f"The dashboard {dashboard.id} has been modified since it was read: its etag is"
            f" {dashboard.etag}, not {etag[:40]}",
        )


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _first_etag() -> int:
    """Large and never twice the same, so that an etag of another dashboard does not fit."""
    return uuid.uuid4().int % 90_000_000 + 10_000_000
