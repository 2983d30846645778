"""Quality monitors of tables. A monitor belongs to its table: it follows a rename and goes with it.

Who makes and changes one must manage the table and be able to read it, and to make tables where its
metrics go; who may read the table may see the monitor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.tables import TableInfo
from brickyard.workspace.kernel import (
    Document,
    Documents,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    document_table,
    exists,
    invalid,
    not_found,
)
from brickyard.workspace.monitors.monitor import METASTORE, Monitor
from brickyard.workspace.monitors.refreshes import Refreshes
from brickyard.workspace.monitors.settings import complete

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.sql.engine import SqlEngine

TABLE: Final = document_table("monitors_monitors")


class MonitorsEngine:
    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        sql: SqlEngine,
    ) -> None:
        self._documents = Documents(store, TABLE, "Monitor")
        self._catalog = catalog
        self.refreshes = Refreshes(
            store,
            workspaces,
            identity=identity,
            catalog=catalog,
            sql=sql,
            find=self._with_id,
        )

    def start(self) -> None:
        """Take up the schedules of the monitors that are there."""
        for one in self._documents.all(METASTORE):
            self.refreshes.schedule(one.id, one.body["monitor"].get("schedule"))
        self.refreshes.start()

    def stop(self) -> None:
        self.refreshes.stop()

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        table_name: str,
        given: Any,
        assets_dir: str,
    ) -> Monitor:
        """Watch a table from now on. Raises RESOURCE_ALREADY_EXISTS for one that is watched."""
        table = self._managed(principal, workspace, table_name)
        if not assets_dir.startswith("/"):
            raise invalid("assets_dir must be an absolute workspace path")
        settings = self._complete(principal, workspace, given)
        body = {
            "monitor": settings,
            "assets_dir": assets_dir,
            "version": 0,
            "workspace": workspace.name,
        }
        if self._documents.find(METASTORE, table.id) is not None:
            raise exists(f"Table {table.full_name} has a monitor already")
        self._documents.add(
            METASTORE, table.full_name, body, creator=principal.user_name, id=table.id
        )
        self.refreshes.schedule(table.id, settings.get("schedule"))
        self.refreshes.queue(table.id, "MANUAL")
        return self._monitor(table)

    def get(self, principal: Principal, workspace: WorkspaceInfo, table_name: str) -> Monitor:
        """The monitor of a table, for somebody who may read the table."""
        self._catalog.authorize(principal, workspace, "SELECT", "table", table_name)
        return self._monitor(self._catalog.table(table_name))

    def managed(self, principal: Principal, workspace: WorkspaceInfo, table_name: str) -> Monitor:
        """The monitor of a table, for somebody who may change it."""
        return self._monitor(self._managed(principal, workspace, table_name))

    def update(
        self, principal: Principal, workspace: WorkspaceInfo, table_name: str, given: Any
    ) -> Monitor:
        """Other settings instead of those it has; the folder of its assets stays.

        Only for who made the monitor, as on the real service: its refreshes run as them.
        """
        before = self.managed(principal, workspace, table_name)
        if principal.user_name != before.runs_as:
            raise denied(f"Only {before.runs_as}, who created the monitor, can update it")
        settings = self._complete(principal, workspace, given)
        self._documents.change(
            METASTORE,
            before.table.id,
            lambda one: {**one.body, "monitor": settings, "version": one.body["version"] + 1},
        )
        self.refreshes.schedule(before.table.id, settings.get("schedule"))
        return self._monitor(before.table)

    def delete(self, principal: Principal, workspace: WorkspaceInfo, table_name: str) -> None:
        """Watch a table no longer. Its tables of metrics stay, as on the real service."""
        found = self.managed(principal, workspace, table_name)
        self._documents.remove(METASTORE, found.table.id)
        self.refreshes.forget(found.table.id)

    def _managed(
        self, principal: Principal, workspace: WorkspaceInfo, table_name: str
    ) -> TableInfo:
        """A table whose monitor the caller may make, change and remove."""
        for privilege in ("MANAGE", "SELECT"):
            self._catalog.authorize(principal, workspace, privilege, "table", table_name)
        table = self._catalog.table(table_name)
        if table.table_type == "VIEW":
            raise invalid(f"{table.full_name} is a view: only tables can be monitored")
        return table

    def _complete(
        self, principal: Principal, workspace: WorkspaceInfo, given: Any
    ) -> dict[str, Any]:
        """The settings, with what they refer to checked."""
        settings = complete(given)
        self._catalog.authorize(
            principal, workspace, "CREATE_TABLE", "schema", settings["output_schema_name"]
        )
        if baseline := settings.get("baseline_table_name"):
            self._catalog.authorize(principal, workspace, "SELECT", "table", baseline)
        return settings

    def _with_id(self, table_id: str) -> Monitor | None:
        """The monitor of a table that may have another name by now. Asks nobody."""
        found = self._documents.find(METASTORE, table_id)
        table = self._catalog.tables.with_id(table_id) if found is not None else None
        return _shown(table, found) if table is not None and found is not None else None

    def _monitor(self, table: TableInfo) -> Monitor:
        found = self._documents.find(METASTORE, table.id)
        if found is None:
            raise not_found(f"Monitor for table '{table.full_name}' does not exist.")
        return _shown(table, found)


def _shown(table: TableInfo, document: Document) -> Monitor:
    body = document.body
    return Monitor(
        table=table,
        settings=body["monitor"],
        assets_dir=body["assets_dir"],
        version=body["version"],
        workspace=body["workspace"],
        runs_as=document.creator,
    )
