"""Refreshes: a table is profiled through the SQL engine, one refresh after the other.

A refresh runs as who made the monitor. It is written down before it begins; one that a kill ended
is found FAILED at the next start. A monitor's first refresh follows its creation by itself.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import (
    Document,
    Documents,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
    not_found,
    now_ms,
)
from brickyard.workspace.kernel.timetable import Key, Timetable
from brickyard.workspace.monitors import drift, profile
from brickyard.workspace.monitors.monitor import METASTORE, Monitor
from brickyard.workspace.sql.connect import Cancellation

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.sql.engine import SqlEngine

TABLE: Final = document_table("monitors_refreshes")
ACTIVE: Final = ("PENDING", "RUNNING")
SHOWN: Final = 25  # most recent refreshes, as the real service lists them


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    id: int
    state: str  # PENDING | RUNNING | SUCCESS | FAILED | CANCELED
    start_ms: int
    end_ms: int | None
    message: str
    trigger: str  # MANUAL | SCHEDULE


class Canceled(Exception):
    """A refresh was asked to stop."""


class Refreshes:
    def __init__(
        self,
        store: Store,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        sql: SqlEngine,
        find: Callable[[str], Monitor | None],
    ) -> None:
        """`find` gives the monitor of a table's id, as long as both are there."""
        self._documents = Documents(store, TABLE, "Refresh")
        self._workspaces = workspaces
        self._identity = identity
        self._catalog = catalog
        self._sql = sql
        self._find = find
        self._timetable = Timetable(
            "monitor", lambda key: self.queue(key[1], "SCHEDULE"), at_once=1
        )
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="monitor-refresh")
        self._lock = threading.Lock()
        self._under_way: dict[str, Cancellation] = {}

    def start(self) -> None:
        """Refreshes that a kill ended have failed."""
        for one in self._documents.all(METASTORE):
            if one.body["state"] in ACTIVE:
                self._end(one.id, "FAILED", "The workspace was stopped during the refresh")
        self._timetable.start()

    def stop(self) -> None:
        self._timetable.stop()
        with self._lock:
            for cancellation in self._under_way.values():
                cancellation.cancel()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def schedule(self, table_id: str, schedule: Mapping[str, Any] | None) -> None:
        """Refresh by a schedule from now on, or no longer."""
        key = (METASTORE, table_id)
        if not schedule or schedule.get("pause_status") == "PAUSED":
            self._timetable.forget(key)
        else:
            self._timetable.put(key, schedule["quartz_cron_expression"], schedule["timezone_id"])

    def queue(self, table_id: str, trigger: str) -> Refresh:
        """A refresh that begins when those before it have ended."""
        id = str(now_ms() * 1000 + secrets.randbelow(1000))
        body = {"state": "PENDING", "start_ms": now_ms(), "trigger": trigger}
        made = self._documents.add(METASTORE, table_id, body, creator="", id=id)
        with self._lock:
            self._under_way[id] = Cancellation()
        self._worker.submit(self._work, table_id, id)
        return _refresh(made)

    def _queue_scheduled(self, key: Key) -> None:
        if self._find(key[1]) is None:
            self._timetable.forget(key)
        else:
            self.queue(key[1], "SCHEDULE")

    def of(self, table_id: str) -> list[Refresh]:
        """The most recent refreshes of a table's monitor, newest first."""
        found = [one for one in self._documents.all(METASTORE) if one.name == table_id]
        return [_refresh(one) for one in reversed(found)][:SHOWN]

    def get(self, table_id: str, id: str) -> Refresh:
        found = self._documents.find(METASTORE, id)
        if found is None or found.name != table_id:
            raise not_found(f"Refresh {id} does not exist")
        return _refresh(found)

    def cancel(self, table_id: str, id: str) -> None:
        """Ask a refresh to stop; one that has ended cannot."""
        if self.get(table_id, id).state not in ACTIVE:
            raise invalid(f"Refresh {id} has ended already")
        with self._lock:
            cancellation = self._under_way.get(id)
        if cancellation is not None:
            cancellation.cancel()

    def forget(self, table_id: str) -> None:
        """A monitor is gone: end what it does and drop what is known of it."""
        self._timetable.forget((METASTORE, table_id))
        for one in self._documents.all(METASTORE):
            if one.name == table_id:
                with self._lock:
                    cancellation = self._under_way.get(one.id)
                if cancellation is not None:
                    cancellation.cancel()
                self._documents.remove(METASTORE, one.id)

    # -- one refresh ---------------------------------------------------------------------------

    def _work(self, table_id: str, id: str) -> None:
        """Do a queued refresh and write down how it ended."""
        with self._lock:
            cancellation = self._under_way[id]
        state, message = "SUCCESS", ""
        try:
            if not cancellation.is_requested:
                self._end(id, "RUNNING")
                self._refresh(table_id, cancellation)
        except Exception as fault:  # whatever went wrong belongs to the refresh, not the thread
            state, message = "FAILED", str(fault) or type(fault).__name__
        finally:
            with self._lock:
                self._under_way.pop(id, None)
        if cancellation.is_requested:
            state, message = "CANCELED", ""
        self._end(id, state, message)

    def _refresh(self, table_id: str, cancellation: Cancellation) -> None:
        monitor = self._find(table_id)
        if monitor is None:
            raise not_found("The monitor is gone")
        workspace = self._workspaces[monitor.workspace]
        principal = self._identity.principal(monitor.runs_as, workspace.name)

        def run(statement: str) -> list[dict[str, Any]]:
            if cancellation.is_requested:
                raise Canceled
            ended = self._sql.execute(principal, workspace, statement, cancellation=cancellation)
            rows: list[dict[str, Any]] = ended.table.to_pylist()
            return rows

        for table, columns in (
            (monitor.profile_table, profile.COLUMNS),
            (monitor.drift_table, drift.COLUMNS),
        ):
            run(profile.create(table, columns))
            there = [str(one["name"]) for one in self._catalog.table(table).columns]
            if statement := profile.widen(table, columns, there):
                run(statement)
        for statement in self._profiled(monitor):
            run(statement)
        drift.fill(run, monitor.profile_table, monitor.drift_table)

    def _profiled(self, monitor: Monitor) -> Iterator[str]:
        settings, target = monitor.settings, monitor.profile_table
        moment = datetime.now(UTC).strftime("TIMESTAMP'%Y-%m-%d %H:%M:%S.%f'")
        yield profile.clear(target, settings)
        for log_type, table in (
            ("BASELINE", settings.get("baseline_table_name")),
            ("INPUT", monitor.table.full_name),
        ):
            if table:
                source = profile.Source(
                    table=table,
                    columns=self._catalog.table(table).columns,
                    log_type=log_type,
                    moment=moment,
                )
                yield from profile.profile(target, settings, source, monitor.version)

    def _end(self, id: str, state: str, message: str = "") -> None:
        said: dict[str, Any] = {"state": state, "message": message}
        if state not in ACTIVE:
            said["end_ms"] = now_ms()
        if self._documents.find(METASTORE, id) is not None:
            self._documents.change(METASTORE, id, lambda one: {**one.body, **said})


def _refresh(one: Document) -> Refresh:
    return Refresh(
        id=int(one.id),
        state=one.body["state"],
        start_ms=one.body["start_ms"],
        end_ms=one.body.get("end_ms"),
        message=one.body.get("message", ""),
        trigger=one.body["trigger"],
    )
