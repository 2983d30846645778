"""Alerts: a query and a condition on its result, evaluated on a schedule through SQL warehouses.

An alert is a file of the workspace, as the real service writes one; whoever removes it, or the
folder around it, puts the alert into the trash. The query runs as `run_as`, or as who last said
what the alert asks. Notifications are kept and not sent.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.alerts.destinations import Destinations
from brickyard.workspace.alerts.evaluation import CannotEvaluate, state_of
from brickyard.workspace.alerts.file import written
from brickyard.workspace.alerts.settings import complete, masked
from brickyard.workspace.files.claims import Claim
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
from brickyard.workspace.kernel.timetable import Key, Timetable
from brickyard.workspace.permissions.run_as import require_run_as, run_as_of
from brickyard.workspace.sql.connect import Parameter

if TYPE_CHECKING:
    from brickyard.workspace.files.engine import FilesEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.permissions.engine import PermissionsEngine
    from brickyard.workspace.sql.engine import SqlEngine

log = logging.getLogger("brickyard.alerts")

KIND: Final = "alertsv2"
TABLE: Final = document_table("alerts_alerts")
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as it is now."""

    id: str
    settings: Mapping[str, Any]
    owner: str
    runs_as: str
    state: str
    evaluated_ms: int | None
    created_ms: int
    updated_ms: int
    is_trashed: bool


class AlertsEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        files: FilesEngine,
        permissions: PermissionsEngine,
        sql: SqlEngine,
    ) -> None:
        self.destinations = Destinations(store, permissions)
        self._documents = Documents(store, TABLE, "Alert")
        self._workspaces = workspaces
        self._identity = identity
        self._files = files
        self._permissions = permissions
        self._sql = sql
        self._timetable = Timetable("alert", self._evaluate_on_schedule, at_once=AT_ONCE)

    def start(self) -> None:
        """Take up the schedules of the alerts that are there."""
        for workspace in self._workspaces:
            for document in self._documents.all(workspace):
                self._put((workspace, document.id), document.body["alert"]["schedule"])
        self._timetable.start()

    def stop(self) -> None:
        self._timetable.stop()

    def create(self, principal: Principal, workspace: WorkspaceInfo, given: Any) -> Alert:
        """A new alert in a folder; without one, in the caller's home."""
        settings = complete(given)
        require_run_as(self._identity, principal, workspace, settings, "alert")
        folder = settings.setdefault("parent_path", f"/Users/{principal.user_name}")
        id, name = str(uuid.uuid4()), settings["display_name"]
        body = {
            "alert": settings,
            "runs_as": run_as_of(settings, principal.user_name),
            "updated_ms": now_ms(),
        }
        self._documents.add(workspace.name, name, body, creator=principal.user_name, id=id)
        self._permissions.grant_owner(principal, workspace, KIND, id)
        claim = Claim(type=KIND, id=id)
        try:
            self._files.put_claimed(principal, workspace, folder, name, claim, written(settings))
        except ApiError:
            self._permissions.forget(workspace, KIND, id)
            self._documents.remove(workspace.name, id)
            raise
        self._put((workspace.name, id), settings["schedule"])
        return self._alert(workspace, self._documents.get(workspace.name, id))

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str = "CAN_READ"
    ) -> Alert:
        """An alert, or one in the trash, for somebody who has the level on it."""
        document = self._documents.get(workspace.name, id)
        above = self._files.folders_above(workspace, KIND, id)
        self._permissions.require(principal, workspace, KIND, id, level, above)
        return self._alert(workspace, document)

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Alert]:
        """The alerts that somebody may see, oldest first, without those in the trash."""
        return [
            one
            for document in self._documents.all(workspace.name)
            if self._sees(principal, workspace, document.id)
            and not (one := self._alert(workspace, document)).is_trashed
        ]

    def update(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, given: Any, mask: str
    ) -> Alert:
        """Change the fields of the mask. The query runs from now on as who may say so."""
        before = self.get(principal, workspace, id, "CAN_EDIT")
        if before.is_trashed:
            raise not_found(f"Alert {id} is in the trash")
        settings = complete(masked(before.settings, given, mask))
        require_run_as(self._identity, principal, workspace, settings, "alert")
        claim = Claim(type=KIND, id=id)
        self._files.rename(workspace, claim, settings["display_name"])
        self._files.rewrite(workspace, claim, written(settings))
        changed = self._documents.change(
            workspace.name,
            id,
            lambda one: {
                **one.body,
                "alert": settings,
                "runs_as": run_as_of(settings, principal.user_name),
                "updated_ms": now_ms(),
            },
            name=settings["display_name"],
        )
        self._put((workspace.name, id), settings["schedule"])
        return self._alert(workspace, changed)

    def trash(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, *, purge: bool
    ) -> None:
        """Into the trash, where it answers and is not evaluated; or away for good."""
        self.get(principal, workspace, id, "CAN_MANAGE")
        self._timetable.forget((workspace.name, id))
        self._files.discard(workspace, Claim(type=KIND, id=id))
        if purge:
            self._documents.remove(workspace.name, id)
            self._permissions.forget(workspace, KIND, id)

    def evaluate(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        *,
        warehouse: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> str:
        """Run the query and judge its result, for somebody who may run the alert; the state.

        As `principal`, which is who a job runs as, with other values for parameters that the query
        has. Raises what the query was refused with.
        """
        alert = self.get(principal, workspace, id, "CAN_RUN")
        if alert.is_trashed:
            raise not_found(f"Alert {id} is in the trash")
        try:
            state = self._judged(principal, workspace, alert, warehouse, parameters)
        except ApiError:
            self._keep(workspace, id, "ERROR")
            raise
        self._keep(workspace, id, state)
        return state

    def _evaluate_on_schedule(self, key: Key) -> None:
        workspace = self._workspaces[key[0]]
        document = self._documents.find(*key)
        if document is None or (alert := self._alert(workspace, document)).is_trashed:
            self._timetable.forget(key)
            return
        try:
            principal = self._identity.principal(alert.runs_as, workspace.name)
            state = self._judged(principal, workspace, alert)
        except ApiError as fault:
            log.warning("alert %s (%s): %s", alert.id, alert.settings["display_name"], fault)
            state = "ERROR"
        self._keep(workspace, alert.id, state)

    def id_at(self, workspace: WorkspaceInfo, path: str) -> str:
        """The alert whose file lies at a path of the workspace. Asks nobody."""
        claim = self._files.object(workspace, path).claim
        if claim is None or claim.type != KIND:
            raise invalid(f"({path}) is not the file of an alert")
        return claim.id

    def _judged(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        alert: Alert,
        warehouse: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> str:
        """The state that the query's result makes. Raises `ApiError`."""
        settings = alert.settings
        house = warehouse or settings["warehouse_id"]
        self._sql.warehouse(principal, workspace, house, "CAN_USE")
        given, values = settings.get("parameters") or (), parameters or {}
        if unknown := set(values) - {one["name"] for one in given}:
            raise invalid(f"The alert's query has no parameter {', '.join(sorted(unknown))}")
        bound = [
            Parameter(
                name=one["name"],
                value=values.get(one["name"], one.get("value")),
                type=one.get("type") or "STRING",
            )
            for one in given
        ]
        query = settings["query_text"].strip().rstrip(";")
        result = self._sql.execute(principal, workspace, query, bound, warehouse=house)
        try:
            return state_of(result.table.to_pydict(), settings["evaluation"])
        except CannotEvaluate as fault:
            raise ApiError("INVALID_PARAMETER_VALUE", f"Cannot evaluate: {fault}") from None

    def _put(self, key: Key, schedule: Mapping[str, Any]) -> None:
        if schedule.get("pause_status") == "PAUSED":
            self._timetable.forget(key)
        else:
            self._timetable.put(key, schedule["quartz_cron_schedule"], schedule["timezone_id"])

    def _keep(self, workspace: WorkspaceInfo, id: str, state: str) -> None:
        said = {"state": state, "evaluated_ms": now_ms()}
        if self._documents.find(workspace.name, id) is not None:
            self._documents.change(workspace.name, id, lambda one: {**one.body, **said})

    def _sees(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> bool:
        above = self._files.folders_above(workspace, KIND, id)
        return self._permissions.can(principal, workspace, KIND, id, "CAN_READ", above)

    def _alert(self, workspace: WorkspaceInfo, document: Document) -> Alert:
        body = document.body
        return Alert(
            id=document.id,
            settings=body["alert"],
            owner=document.creator,
            runs_as=body["runs_as"],
            state=body.get("state", "UNKNOWN"),
            evaluated_ms=body.get("evaluated_ms"),
            created_ms=document.created_ms,
            updated_ms=body["updated_ms"],
            is_trashed=self._files.claimed(workspace, Claim(type=KIND, id=document.id)) is None,
        )
