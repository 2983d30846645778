"""What is kept of apps and their deployments.

An app's document is found by its name, a deployment's by its id; both live in one workspace. What
only the running process knows (its port, its crashes) is not kept.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from brickyard.workspace.apps.uses import Use, uses_of
from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Store,
    document_table,
    exists,
    not_found,
)

APPS: Final = document_table("apps_apps")
DEPLOYMENTS: Final = document_table("apps_deployments")
CREATING, ACTIVE, STOPPING = "CREATING", "ACTIVE", "STOPPING"
STOPPED, DELETING = "STOPPED", "DELETING"
IN_PROGRESS, SUCCEEDED, FAILED, CANCELLED = "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"
# Of an app's document, beside `settings`; the rest is what the answers of the API are made of.
EMPTY: Final[Mapping[str, Any]] = {
    "compute": CREATING,
    "active": None,  # the deployment that runs
    "pending": None,  # the one that is being prepared
    "last": None,  # the one to run when the app is started
    "port": 0,
    "fault": "",  # why the last deployment does not run
    "default_source_code_path": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    workspace: str
    name: str
    creator: str
    created_ms: int
    updated_ms: int
    body: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def key(self) -> str:
        return f"{self.workspace}/{self.name}"

    @property
    def compute(self) -> str:
        return str(self.body["compute"])

    @property
    def settings(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.body["settings"]
        return found

    @property
    def uses(self) -> tuple[Use, ...]:
        return uses_of(self.settings.get("resources") or ())

    @property
    def client_id(self) -> str:
        return str(self.body["principal"]["client_id"])


class Records:
    def __init__(self, store: Store) -> None:
        self._apps = Documents(store, APPS, "App", missing=not_found, taken=exists)
        self._deployments = Documents(store, DEPLOYMENTS, "Deployment", missing=not_found)

    # -- apps ---------------------------------------------------------------------------------

    def add(self, workspace: str, name: str, body: Mapping[str, Any], creator: str) -> App:
        try:
            return _app(self._apps.add(workspace, name, body, creator=creator, id=name))
        except ApiError as taken:
            message = f"An app with the same name already exists: {name}"
            before = self.find(workspace, name)
            if before is not None and before.compute == DELETING:
                message = f"App {name} is being deleted; try again when it is gone"
            raise exists(message) from taken

    def find(self, workspace: str, name: str) -> App | None:
        found = self._apps.find(workspace, name)
        return _app(found) if found is not None else None

    def all(self, workspace: str) -> tuple[App, ...]:
        return tuple(_app(one) for one in self._apps.all(workspace))

    def change(self, app: App, **fields: Any) -> App:
        """Set fields of the app as it is now. Raises RESOURCE_DOES_NOT_EXIST."""

        def edit(now: Document) -> Mapping[str, Any]:
            return {**now.body, **fields}

        return _app(self._apps.change(app.workspace, app.name, edit))

    def change_if(self, app: App, expected: Mapping[str, Any], **fields: Any) -> App | None:
        """Set fields if others are as expected, in one transaction; None if they are not."""

        def edit(now: Document) -> Mapping[str, Any]:
            if now.body["id"] != app.id or any(now.body[k] != v for k, v in expected.items()):
                raise _Otherwise("ABORTED", "")
            return {**now.body, **fields}

        try:
            return _app(self._apps.change(app.workspace, app.name, edit))
        except _Otherwise:
            return None
        except ApiError as missing:
            if missing.status == 404:
                return None
            raise

    def remove(self, app: App) -> None:
        for one in self.deployments(app):
            self._deployments.remove(app.workspace, one.id)
        self._apps.remove(app.workspace, app.name)

    # -- deployments --------------------------------------------------------------------------

    def add_deployment(self, app: App, body: Mapping[str, Any], creator: str) -> Document:
        id = uuid.uuid4().hex
        return self._deployments.add(app.workspace, app.id, body, creator=creator, id=id)

    def deployment(self, app: App, id: str) -> Document:
        """Raises RESOURCE_DOES_NOT_EXIST."""
        found = self._deployments.find(app.workspace, id)
        if found is None or found.name != app.id:
            raise not_found(f"Deployment {id} of app {app.name} does not exist")
        return found

    def deployments(self, app: App) -> tuple[Document, ...]:
        """Newest first."""
        found = [one for one in self._deployments.all(app.workspace) if one.name == app.id]
        return tuple(reversed(found))

    def drop_deployment(self, app: App, id: str) -> None:
        self._deployments.remove(app.workspace, id)

    def say(self, app: App, id: str, state: str, message: str) -> None:
        """The deployment's state from now on. Quiet when it is gone."""

        def edit(now: Document) -> Mapping[str, Any]:
            return {**now.body, "status": {"state": state, "message": message}}

        try:
            self._deployments.change(app.workspace, id, edit)
        except ApiError as gone:
            if gone.status != 404:
                raise


class _Otherwise(ApiError):
    """The app is not as expected."""


def _app(one: Document) -> App:
    return App(
        workspace=one.workspace,
        name=one.name,
        creator=one.creator,
        created_ms=one.created_ms,
        updated_ms=one.updated_ms,
        body={**EMPTY, **one.body},
    )


def with_body(app: App, **fields: Any) -> App:
    """The app as if these fields were so, for an answer."""
    return replace(app, body={**app.body, **fields})
