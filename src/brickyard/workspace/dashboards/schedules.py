"""Schedules of dashboards and who subscribes to them. Kept: nothing is refreshed and nobody mailed.

A document's name is the id of what it belongs to: the dashboard, or the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Store,
    WorkspaceInfo,
    document_table,
    not_found,
)

SCHEDULES: Final = document_table("dashboards_schedules")
SUBSCRIPTIONS: Final = document_table("dashboards_subscriptions")


class Schedules:
    """The schedules of dashboards that the caller has looked at the rights on."""

    def __init__(self, store: Store) -> None:
        self._schedules = Documents(store, SCHEDULES, "Schedule")
        self._subscriptions = Documents(store, SUBSCRIPTIONS, "Subscription")

    def add(
        self, workspace: WorkspaceInfo, dashboard: str, body: Mapping[str, Any], creator: str
    ) -> Document:
        return self._schedules.add(workspace.name, dashboard, {**body, "etag": 1}, creator=creator)

    def of(self, workspace: WorkspaceInfo, dashboard: str) -> list[Document]:
        return [one for one in self._schedules.all(workspace.name) if one.name == dashboard]

    def get(self, workspace: WorkspaceInfo, dashboard: str, id: str) -> Document:
        return _belonging(self._schedules.get(workspace.name, id), dashboard, "Schedule")

    def replace(
        self,
        workspace: WorkspaceInfo,
        dashboard: str,
        id: str,
        body: Mapping[str, Any],
        etag: str | None,
    ) -> Document:
        """Other settings, for somebody who has seen the present ones."""

        def edit(before: Document) -> Mapping[str, Any]:
            _need_current(_belonging(before, dashboard, "Schedule"), etag)
            return {**body, "etag": before.body["etag"] + 1}

        return self._schedules.change(workspace.name, id, edit)

    def remove(
        self, workspace: WorkspaceInfo, dashboard: str, id: str, etag: str | None = None
    ) -> None:
        _need_current(self.get(workspace, dashboard, id), etag)
        for one in self.subscriptions(workspace, id):
            self._subscriptions.remove(workspace.name, one.id)
        self._schedules.remove(workspace.name, id)

    def forget(self, workspace: WorkspaceInfo, dashboard: str) -> None:
        """Drop the schedules of a dashboard that is gone."""
        for one in self.of(workspace, dashboard):
            self.remove(workspace, dashboard, one.id)

    def subscribe(
        self, workspace: WorkspaceInfo, schedule: str, body: Mapping[str, Any], creator: str
    ) -> Document:
        return self._subscriptions.add(
            workspace.name, schedule, {**body, "etag": 1}, creator=creator
        )

    def subscriptions(self, workspace: WorkspaceInfo, schedule: str) -> list[Document]:
        return [one for one in self._subscriptions.all(workspace.name) if one.name == schedule]

    def subscription(self, workspace: WorkspaceInfo, schedule: str, id: str) -> Document:
        return _belonging(self._subscriptions.get(workspace.name, id), schedule, "Subscription")

    def unsubscribe(
        self, workspace: WorkspaceInfo, schedule: str, id: str, etag: str | None
    ) -> None:
        _need_current(self.subscription(workspace, schedule, id), etag)
        self._subscriptions.remove(workspace.name, id)


def _belonging(one: Document, owner: str, title: str) -> Document:
    if one.name != owner:
        raise not_found(f"{title} {one.id} does not exist")
    return one


def _need_current(one: Document, etag: str | None) -> None:
    if etag and etag != str(one.body["etag"]):
        raise ApiError("ABORTED", f"{one.id} has been modified since it was read: read it again")
