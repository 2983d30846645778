"""SQL warehouses and statement execution over the Spark gateway.

Every statement goes through the gateway as its own principal, so grants and bindings are decided
where Spark's are. Connections are kept per workspace, warehouse and principal.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.connections import redacted
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.kernel import (
    ApiError,
    Home,
    Principal,
    Store,
    WorkspaceInfo,
    denied,
    invalid,
    now_ms,
)
from brickyard.workspace.permissions.engine import Entry, PermissionsEngine, Subject
from brickyard.workspace.spark.engine import SparkEngine
from brickyard.workspace.sql.connect import (
    Cancellation,
    Connection,
    Parameter,
    StatementFailed,
    quoted,
)
from brickyard.workspace.sql.rendering import rows
from brickyard.workspace.sql.scripts import statements
from brickyard.workspace.sql.statements import Statement, Statements
from brickyard.workspace.sql.thrift.sessions import Session, Sessions
from brickyard.workspace.sql.warehouses import Warehouse, Warehouses

if TYPE_CHECKING:
    import pyarrow

KIND: Final = "warehouses"
WORKERS: Final = 16
TOKEN_LIFE_S: Final = 12 * 3600
RENEW_BEFORE_S: Final = 1800
INLINE_BYTES: Final = 25 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlResult:
    """Rows of a statement: an Arrow table and the SQL type of each column."""

    table: pyarrow.Table
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A statement to be executed, as the API takes it."""

    text: str
    parameters: Sequence[Parameter] = ()
    catalog: str = ""
    schema: str = ""
    row_limit: int | None = None
    byte_limit: int | None = None
    disposition: str = "INLINE"
    format: str = "JSON_ARRAY"
    compression: str = ""
    session: str = ""  # what a statement sets is there for the next of the same one


@dataclass(slots=True, kw_only=True)
class _Running:
    done: threading.Event
    cancellation: Cancellation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    connection: Connection
    token: str
    renew_at_ms: int


# Workspace, warehouse, user, the scopes of their token, and for whom they act.
_Key = tuple[str, str, str, frozenset[str] | None, str]


class SqlEngine:
    """Warehouses and statements of all workspaces."""

    def __init__(
        self,
        store: Store,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        permissions: PermissionsEngine,
        spark: SparkEngine,
    ) -> None:
        self.warehouses = Warehouses(store)
        self.statements = Statements(store, home.root / "statements")
        self._workspaces = workspaces
        self._identity = identity
        self._permissions = permissions
        self._spark = spark
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="statement")
        self._running: dict[str, _Running] = {}
        self._lines: dict[_Key, _Line] = {}
        self.sessions = Sessions()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Take up what is on disk; each workspace has a warehouse that everybody may use."""
        self.statements.recover()
        for workspace in self._workspaces.values():
            deployer = self._identity.deployer(workspace.name)
            made = self.warehouses.ensure_starter(workspace, deployer.user_name)
            if made is not None:
                self._permissions.grant_owner(deployer, workspace, KIND, made.id)
                everybody = Entry(kind="group_name", name="users", level="CAN_USE")
                self._permissions.merge(workspace, Subject(KIND, made.id), [everybody])

    def stop(self) -> None:
        with self._lock:
            for running in self._running.values():
                running.cancellation.cancel()
            for line in self._lines.values():
                line.connection.close()
            self._lines.clear()
        self._workers.shutdown(wait=False, cancel_futures=True)

    # -- warehouses ---------------------------------------------------------------------------

    def create_warehouse(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, settings: Mapping[str, Any]
    ) -> Warehouse:
        if not name:
            raise invalid("A SQL warehouse needs a name")
        made = self.warehouses.create(workspace, name, settings, principal.user_name)
        self._permissions.grant_owner(principal, workspace, KIND, made.id)
        return made

    def warehouse(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, level: str = "CAN_VIEW"
    ) -> Warehouse:
        """The warehouse, if somebody has `level` on it."""
        found = self.warehouses.get(workspace, id)
        self._permissions.require(principal, workspace, KIND, id, level)
        return found

    def visible_warehouses(
        self, principal: Principal, workspace: WorkspaceInfo
    ) -> tuple[Warehouse, ...]:
        return tuple(
            one
            for one in self.warehouses.all(workspace)
            if self._permissions.can(principal, workspace, KIND, one.id, "CAN_VIEW")
        )

    def delete_warehouse(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        self.warehouse(principal, workspace, id, "CAN_MANAGE")
        self._drop_lines(workspace, id)
        self.warehouses.delete(workspace, id)
        self._permissions.forget(workspace, KIND, id)

    def set_running(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, *, running: bool
    ) -> None:
        self.warehouse(principal, workspace, id, "CAN_MONITOR")
        self.warehouses.set_state(workspace, id, "RUNNING" if running else "STOPPED")
        if not running:
            self._drop_lines(workspace, id)

    # -- sessions -----------------------------------------------------------------------------

    def open_session(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        warehouse: str,
        *,
        catalog: str = "",
        schema: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> Session:
        """A session that statements can share. Raises what its settings are refused with."""
        self.warehouse(principal, workspace, warehouse, "CAN_USE")
        session = self.sessions.open(principal.user_name, workspace.name, warehouse)
        uses = (("CATALOG", catalog), ("SCHEMA", schema))
        begin = [f"USE {word} `{name.replace('`', '``')}`" for word, name in uses if name]
        begin += [f"SET {name} = {value}" for name, value in (settings or {}).items()]
        try:
            for text in begin:
                self.execute(principal, workspace, text, warehouse=warehouse, session=session.spark)
        except BaseException:
            self.close_session(session)
            raise
        return session

    def close_session(self, session: Session) -> None:
        """What it set, and its temporary views, are gone."""
        self.sessions.close(session)
        self._end_spark((session.workspace, session.warehouse, session.user_name), session.spark)

    # -- statements ---------------------------------------------------------------------------

    def submit(
        self, principal: Principal, workspace: WorkspaceInfo, warehouse: str, request: Request
    ) -> Statement:
        """Write a statement down and start it. It starts a stopped warehouse, as on Databricks."""
        found = self.warehouse(principal, workspace, warehouse, "CAN_USE")
        if found.state != "RUNNING":
            self.warehouses.set_state(workspace, warehouse, "RUNNING")
        statement = Statement(
            id=str(uuid.uuid4()),
            workspace=workspace.name,
            warehouse=warehouse,
            creator=principal.user_name,
            text=redacted(request.text),
            state="PENDING",
            started_ms=now_ms(),
            disposition=request.disposition,
            format=request.format,
            compression=request.compression,
        )
        self.statements.add(statement)
        running = _Running(done=threading.Event(), cancellation=Cancellation())
        with self._lock:
            self._running[statement.id] = running
        self._workers.submit(self._work, principal, workspace, statement, request, running)
        return statement

    def wait(self, statement: Statement, seconds: float) -> Statement:
        """The statement as it is when it ends, or after `seconds`."""
        with self._lock:
            running = self._running.get(statement.id)
        if running is not None:
            running.done.wait(seconds)
        return self.statements.get(statement.workspace, statement.id)

    def statement(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> Statement:
        """A statement, for who submitted it and for admins."""
        found = self.statements.get(workspace.name, id)
        if found.creator != principal.user_name and not principal.is_admin:
            raise denied(f"{principal.user_name} can't see statement {id}")
        return found

    def cancel(self, statement: Statement) -> None:
        """Ask a statement to stop; one that has ended stays as it is."""
        with self._lock:
            running = self._running.get(statement.id)
        if running is not None:
            running.cancellation.cancel()

    def close(self, statement: Statement) -> None:
        """Forget the result."""
        self.cancel(statement)
        if statement.state == "SUCCEEDED":
            self.statements.save(replace(statement, state="CLOSED"))

    def execute(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        statement: str,
        parameters: Sequence[Parameter] = (),
        catalog: str | None = None,
        schema: str | None = None,
        *,
        warehouse: str = "",
        session: str = "",
        cancellation: Cancellation | None = None,
        invoker: Principal | None = None,
    ) -> SqlResult:
        """Run one statement here and now, for other engines. Raises `ApiError`.

        What a statement sets is there for the next of the same `session`, if one is named. With an
        `invoker` it has the principal's rights and is the invoker's question.
        """
        id = warehouse or next(one.id for one in self.warehouses.all(workspace))
        connection = self._line(principal, workspace, id, invoker)
        try:
            table, types = connection.run(
                statement,
                parameters,
                catalog=catalog or "",
                schema=schema or "",
                session=session,
                cancellation=cancellation,
            )
        except StatementFailed as fault:
            raise ApiError(fault.code, fault.message) from None
        return SqlResult(table=table, types=tuple(types))

    def run_script(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        warehouse: str,
        text: str,
        parameters: Mapping[str, str],
        stops: Callable[[], bool],
        *,
        catalog: str | None = None,
        schema: str | None = None,
    ) -> list[list[str | None]]:
        """Run the statements of a text in order, in one session; the rows of the last.

        Raises `ApiError`.

        `stops` is asked between statements and while one runs.
        """
        self.warehouse(principal, workspace, warehouse, "CAN_USE")
        found: list[list[str | None]] = []
        session = str(uuid.uuid4())
        try:
            place: tuple[str, ...] = (f"USE CATALOG {quoted(catalog)}",) if catalog else ()
            place += (f"USE SCHEMA {quoted(schema)}",) if schema else ()
            for statement in chain(place, statements(text, parameters)):
                named = re.findall(r":(\w+)", statement)
                given = [
                    Parameter(name=name, value=parameters[name])
                    for name in dict.fromkeys(named)
                    if name in parameters
                ]
                cancellation = Cancellation()
                watcher = threading.Thread(target=_watch, args=(stops, cancellation), daemon=True)
                watcher.start()
                try:
                    result = self.execute(
                        principal,
                        workspace,
                        statement,
                        given,
                        warehouse=warehouse,
                        session=session,
                        cancellation=cancellation,
                    )
                finally:
                    cancellation.is_over.set()
                found = rows(result.table, result.types)
        finally:
            self._end_spark((workspace.name, warehouse, principal.user_name), session)
        return found

    def _work(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        statement: Statement,
        request: Request,
        running: _Running,
    ) -> None:
        """Run a submitted statement to its end and write down how it ended."""
        try:
            ended = self._run(principal, workspace, statement, request, running.cancellation)
        except Exception as fault:  # whatever went wrong belongs to the statement, not the thread
            message = str(fault) or type(fault).__name__
            ended = replace(statement, state="FAILED", error_code="INTERNAL_ERROR", error=message)
        try:
            self.statements.save(replace(ended, ended_ms=now_ms()))
        finally:
            running.done.set()
            with self._lock:
                self._running.pop(statement.id, None)

    def _run(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        statement: Statement,
        request: Request,
        cancellation: Cancellation,
    ) -> Statement:
        if cancellation.is_requested:
            return replace(statement, state="CANCELED")
        self.statements.save(replace(statement, state="RUNNING"))
        try:
            table, types = self._line(principal, workspace, statement.warehouse).run(
                request.text,
                request.parameters,
                catalog=request.catalog,
                schema=request.schema,
                session=request.session,
                cancellation=cancellation,
            )
        except StatementFailed as fault:
            if cancellation.is_requested:
                return replace(statement, state="CANCELED")
            return replace(
                statement,
                state="FAILED",
                error_code=fault.code,
                error=fault.message,
                sql_state=fault.sql_state,
            )
        except ApiError as fault:
            return replace(statement, state="FAILED", error_code=fault.code, error=fault.message)
        cut, truncated = _limited(table, request)
        if request.disposition == "INLINE" and cut.nbytes > INLINE_BYTES:
            return replace(
                statement,
                state="FAILED",
                error_code="BAD_REQUEST",
                error="Inline byte limit exceeded: the result is larger than 25 MiB; use the"
                " EXTERNAL_LINKS disposition",
            )
        # Drivers, which have sessions, never ask for a second chunk of what is answered inline.
        in_one = bool(request.session) and request.disposition == "INLINE"
        kept = self.statements.keep(statement, cut, in_one=in_one)
        return replace(kept, state="SUCCEEDED", types=tuple(types), truncated=truncated)

    def _line(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        warehouse: str,
        invoker: Principal | None = None,
    ) -> Connection:
        """The principal's connection to a warehouse, with a token that still lives."""
        asks = invoker.user_name if invoker is not None else ""
        key = (workspace.name, warehouse, principal.user_name, principal.scopes, asks)
        with self._lock:
            line = self._lines.get(key)
            if line is not None and now_ms() < line.renew_at_ms:
                return line.connection
            token = self._identity.issue_token(
                principal,
                workspace.name,
                lifetime_s=TOKEN_LIFE_S,
                comment=f"SQL warehouse {warehouse}",
                limits=None if principal.scopes is None else principal.scopes | {"sql"},
            )
            if invoker is not None:
                self._spark.invokers.begin(token, invoker)
            scope = f"warehouse-{warehouse}"
            url = self._spark.session_url(principal, workspace, token, scope)
            fresh = _Line(
                connection=Connection(url, principal.user_name),
                token=token,
                renew_at_ms=now_ms() + (TOKEN_LIFE_S - RENEW_BEFORE_S) * 1000,
            )
            self._lines[key] = fresh
            return fresh.connection

    def _end_spark(self, whose: tuple[str, str, str], spark_session: str) -> None:
        """`whose`: workspace, warehouse, user."""
        with self._lock:
            lines = [line for key, line in self._lines.items() if key[:3] == whose]
        for line in lines:
            line.connection.end(spark_session)

    def _drop_lines(self, workspace: WorkspaceInfo, warehouse: str) -> None:
        with self._lock:
            for key in [k for k in self._lines if k[:2] == (workspace.name, warehouse)]:
                line = self._lines.pop(key)
                line.connection.close()
                self._identity.revoke(line.token)
                self._spark.invokers.end(line.token)
        self._spark.release(f"warehouse-{warehouse}")


def _watch(stops: Callable[[], bool], cancellation: Cancellation) -> None:
    """Cancel a statement as soon as somebody asks for it."""
    while not cancellation.is_over.wait(0.2):
        if stops():
            cancellation.cancel()
            return


def _limited(table: pyarrow.Table, request: Request) -> tuple[pyarrow.Table, bool]:
    """The rows within the request's limits, and whether some were left out."""
    rows = table.num_rows
    if request.row_limit is not None:
        rows = min(rows, request.row_limit)
    if request.byte_limit is not None and table.nbytes > request.byte_limit and table.num_rows:
        per_row = table.nbytes / table.num_rows
        rows = min(rows, int(request.byte_limit / per_row))
    return (table, False) if rows == table.num_rows else (table.slice(0, rows), True)
