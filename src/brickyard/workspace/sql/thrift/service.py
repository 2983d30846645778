"""The calls of TCLIService over the SQL engine: sessions, statements, results, metadata.

Follows `TCLIService` as `databricks-sql-connector` generated it, and what its client expects of a
warehouse: a statement is answered at once when it is quick (direct results), its status is waited
for on the server, errors of statements are states and not errors of the protocol.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo
from brickyard.workspace.sql.connect import StatementFailed
from brickyard.workspace.sql.engine import Request
from brickyard.workspace.sql.thrift import metadata, results
from brickyard.workspace.sql.thrift.binary import (
    BOOL,
    I32,
    I64,
    MAP,
    STRING,
    STRUCT,
    Fields,
    Message,
    exception,
    reply,
)
from brickyard.workspace.sql.thrift.metadata import Catalogue
from brickyard.workspace.sql.thrift.parameters import bound
from brickyard.workspace.sql.thrift.results import OK
from brickyard.workspace.sql.thrift.sessions import Operation, Session, UnknownHandle

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.sql.engine import SqlEngine
    from brickyard.workspace.sql.statements import Statement

PROTOCOL: Final = 42247  # SPARK_CLI_SERVICE_PROTOCOL_V7
ERROR, INVALID_HANDLE = 3, 4
WAIT_S: Final = 2.0  # for a statement, before its state is told: a client cannot cancel meanwhile
ROWS: Final = 100_000
BYTES: Final = 32 * 1024 * 1024
UNKNOWN_METHOD: Final = 1
STATES: Final[Mapping[str, int]] = {
    "PENDING": 7,
    "RUNNING": 1,
    "SUCCEEDED": 2,
    "CANCELED": 3,
    "CLOSED": 4,
    "FAILED": 5,
}
INFO: Final[Mapping[int, str]] = {13: "Spark SQL", 17: "Spark SQL", 18: "4.0.0"}

Arguments = Mapping[int, Any]


class Service:
    """The calls of one principal at one warehouse."""

    def __init__(
        self,
        sql: SqlEngine,
        catalog: CatalogEngine,
        principal: Principal,
        workspace: WorkspaceInfo,
        warehouse: str,
    ) -> None:
        self._sql = sql
        self._catalogue = Catalogue(catalog=catalog, principal=principal, workspace=workspace)
        self._principal = principal
        self._workspace = workspace
        self._warehouse = warehouse

    def answer(self, message: Message) -> bytes:
        method = _METHODS.get(message.name)
        if method is None:
            text = f"Invalid method name: '{message.name}'"
            return exception(message.name, message.number, text, UNKNOWN_METHOD)
        asked = message.arguments.get(1)
        try:
            found = method(self, asked if isinstance(asked, dict) else {})
        except UnknownHandle as fault:
            found = ((1, STRUCT, _status(INVALID_HANDLE, str(fault))),)
        except (ApiError, StatementFailed) as fault:
            state = getattr(fault, "sql_state", "") or None
            found = ((1, STRUCT, _status(ERROR, fault.message, state)),)
        return reply(message.name, message.number, found)

    # -- sessions ------------------------------------------------------------------------------

    def open_session(self, asked: Arguments) -> Fields:
        given = asked.get(1284)
        space: Arguments = given if isinstance(given, dict) else {}
        session = self._sql.open_session(
            self._principal,
            self._workspace,
            self._warehouse,
            catalog=_text(space.get(1)),
            schema=_text(space.get(2)),
            settings=_settings(asked.get(4)),
        )
        handle = ((1, STRUCT, _guid(session.id, session.secret)), (3329, I32, PROTOCOL))
        return (
            (1, STRUCT, OK),
            (2, I32, PROTOCOL),
            (3, STRUCT, handle),
            (4, MAP, (STRING, STRING, {})),
            (1284, STRUCT, ((1, STRING, _text(space.get(1)) or self._workspace.catalog),)),
            (1285, BOOL, True),
        )

    def close_session(self, asked: Arguments) -> Fields:
        session = self._session(asked)
        for operation in list(session.operations.values()):
            self._end(session, operation)
        self._sql.close_session(session)
        return ((1, STRUCT, OK),)

    def get_info(self, asked: Arguments) -> Fields:
        self._session(asked)
        kind = asked.get(2)
        value = INFO.get(kind, "") if isinstance(kind, int) else ""
        return ((1, STRUCT, OK), (2, STRUCT, ((1, STRING, value),)))

    # -- statements ----------------------------------------------------------------------------

    def execute(self, asked: Arguments) -> Fields:
        session = self._session(asked)
        given = [one for one in _list(asked.get(1288)) if isinstance(one, dict)]
        text, parameters = bound(_text(asked.get(2)), given)
        limit = asked.get(1287)
        submitted = self._sql.submit(
            self._principal,
            self._workspace,
            session.warehouse,
            Request(
                text=text.strip().rstrip(";"),
                parameters=parameters,
                row_limit=limit if isinstance(limit, int) and limit >= 0 else None,
                disposition="EXTERNAL_LINKS",
                format="ARROW_STREAM",
                session=session.spark,
            ),
        )
        operation = Operation(
            id=uuid.UUID(submitted.id).bytes,
            session=session.id,
            kind=0,
            statement=submitted.id,
            arrow=asked.get(1282) is not False,
            lz4=asked.get(1282) is not False and asked.get(1284) is True,
        )
        session.operations[operation.id] = operation
        return self._begun(session, operation, asked.get(1281))

    def _begun(self, session: Session, operation: Operation, direct: Any) -> Fields:
        """The answer to whatever starts an operation, with its results if they are there."""
        found: tuple[Any, ...] = ((1, STRUCT, OK), (2, STRUCT, _handle(operation)))
        if not isinstance(direct, dict):
            return found
        status = self._state(operation)
        parts: list[Any] = [(1, STRUCT, status)]
        if _has_ended_well(status):
            parts.append((2, STRUCT, self._metadata(operation)))
            rows = self._fetched(operation, direct.get(1), direct.get(2))
            parts.append((3, STRUCT, rows))
            if not rows[1][2]:
                self._end(session, operation)
                parts.append((4, STRUCT, ((1, STRUCT, OK),)))
        elif status[1][2] in (STATES["FAILED"], STATES["CANCELED"]):
            parts.append((4, STRUCT, ((1, STRUCT, OK),)))
            self._end(session, operation)
        return (*found, (1281, STRUCT, tuple(parts)))

    def status(self, asked: Arguments) -> Fields:
        _, operation = self._operation(asked)
        return self._state(operation)

    def _state(self, operation: Operation) -> Fields:
        """TGetOperationStatusResp; a statement that runs is waited for a little."""
        if operation.table is not None:
            return ((1, STRUCT, OK), (2, I32, STATES["SUCCEEDED"]), (9, BOOL, True))
        found = self._sql.wait(self._statement(operation), WAIT_S)
        error = found.error or None
        if error and found.sql_state and "SQLSTATE" not in error:
            error = f"{error} SQLSTATE: {found.sql_state}"
        return (
            (1, STRUCT, OK),
            (2, I32, STATES[found.state]),
            (3, STRING, found.sql_state or None),
            (5, STRING, error),
            (7, I64, found.started_ms),
            (8, I64, found.ended_ms),
            (9, BOOL, True),
            (11, I64, self._changed_rows(found)),
            (1281, STRING, error),
        )

    def _changed_rows(self, found: Statement) -> int | None:
        """Of a statement that says how many rows it changed."""
        if found.state != "SUCCEEDED" or "num_affected_rows" not in found.names:
            return None
        column = self._sql.statements.chunk(found, 0).column("num_affected_rows")
        return int(column[0].as_py()) if len(column) else None

    def cancel(self, asked: Arguments) -> Fields:
        _, operation = self._operation(asked)
        if operation.statement:
            self._sql.cancel(self._statement(operation))
        return ((1, STRUCT, OK),)

    def close(self, asked: Arguments) -> Fields:
        session, operation = self._operation(asked)
        self._end(session, operation)
        return ((1, STRUCT, OK),)

    def _end(self, session: Session, operation: Operation) -> None:
        session.operations.pop(operation.id, None)
        if operation.statement:
            self._sql.close(self._statement(operation))

    # -- results -------------------------------------------------------------------------------

    def result_metadata(self, asked: Arguments) -> Fields:
        _, operation = self._operation(asked)
        return self._metadata(operation)

    def _metadata(self, operation: Operation) -> Fields:
        table = self._piece(operation, 0)
        names = table.column_names
        return results.metadata(
            names,
            self._types(operation, table),
            table.schema,
            arrow=operation.arrow,
            lz4=operation.lz4,
        )

    def fetch(self, asked: Arguments) -> Fields:
        _, operation = self._operation(asked)
        found = self._fetched(operation, asked.get(3), asked.get(1281))
        if asked.get(1283):
            found = (*found, (1281, STRUCT, self._metadata(operation)))
        return found

    def _fetched(self, operation: Operation, most_rows: Any, most_bytes: Any) -> Fields:
        """TFetchResultsResp with the next rows."""
        with operation.lock:
            start = operation.position
            table, total = self._next(operation)
            table = _cut(table, most_rows, most_bytes)
            operation.position = start + table.num_rows
        rows = results.row_set(
            table,
            self._types(operation, table),
            start,
            arrow=operation.arrow,
            lz4=operation.lz4,
        )
        return (
            (1, STRUCT, OK),
            (2, BOOL, operation.position < total),
            (3, STRUCT, rows),
        )

    def _next(self, operation: Operation) -> tuple[Any, int]:
        """The rows from here to the end of a piece of the result, and how many it has in all."""
        if operation.table is not None:
            return operation.table.slice(operation.position), operation.table.num_rows
        found = self._statement(operation)
        begin = 0
        for index, rows in enumerate(found.chunks):
            if operation.position < begin + rows or index + 1 == len(found.chunks):
                piece = self._sql.statements.chunk(found, index)
                return piece.slice(operation.position - begin), found.row_count
            begin += rows
        return self._sql.statements.chunk(found, 0), 0

    def _piece(self, operation: Operation, index: int) -> Any:
        if operation.table is not None:
            return operation.table
        return self._sql.statements.chunk(self._ended(operation), index)

    def _ended(self, operation: Operation) -> Statement:
        found = self._sql.wait(self._statement(operation), WAIT_S)
        if found.state == "FAILED":
            raise ApiError(found.error_code, found.error)
        return found

    def _types(self, operation: Operation, table: Any) -> Sequence[str]:
        if operation.table is not None:
            return operation.types
        return self._statement(operation).types or ["STRING"] * len(table.column_names)

    def _statement(self, operation: Operation) -> Statement:
        return self._sql.statement(self._principal, self._workspace, operation.statement)

    # -- metadata ------------------------------------------------------------------------------

    def catalogs(self, asked: Arguments) -> Fields:
        rows = [(name,) for name in self._catalogue.catalogs()]
        return self._told(asked, 2, metadata.CATALOGS, rows)

    def schemas(self, asked: Arguments) -> Fields:
        found = self._catalogue.schemas(*_patterns(asked, 2, 3))
        rows = [(schema, catalog) for catalog, schema in found]
        return self._told(asked, 3, metadata.SCHEMAS, rows)

    def tables(self, asked: Arguments) -> Fields:
        kinds = [_text(one) for one in _list(asked.get(5))]
        rows = self._catalogue.table_rows(*_patterns(asked, 2, 3, 4), kinds)
        return self._told(asked, 4, metadata.TABLES, rows)

    def table_types(self, asked: Arguments) -> Fields:
        rows = [(kind,) for kind in ("TABLE", "VIEW")]
        return self._told(asked, 5, metadata.TABLE_TYPES, rows)

    def columns(self, asked: Arguments) -> Fields:
        rows = self._catalogue.column_rows(*_patterns(asked, 2, 3, 4, 5))
        return self._told(asked, 6, metadata.COLUMNS, rows)

    def functions(self, asked: Arguments) -> Fields:
        rows = self._catalogue.function_rows(*_patterns(asked, 2, 3, 4))
        return self._told(asked, 7, metadata.FUNCTIONS, rows)

    def type_info(self, asked: Arguments) -> Fields:
        return self._told(asked, 1, metadata.TYPE_INFO, metadata.type_rows())

    def primary_keys(self, asked: Arguments) -> Fields:
        return self._told(asked, 8, metadata.KEYS, [])

    def cross_reference(self, asked: Arguments) -> Fields:
        return self._told(asked, 8, metadata.REFERENCES, [])

    def _told(
        self, asked: Arguments, kind: int, columns: metadata.Columns, rows: metadata.Rows
    ) -> Fields:
        session = self._session(asked)
        table, types = metadata.table(columns, rows)
        operation = Operation(
            id=uuid.uuid4().bytes, session=session.id, kind=kind, table=table, types=types
        )
        session.operations[operation.id] = operation
        return self._begun(session, operation, asked.get(1281))

    def _session(self, asked: Arguments) -> Session:
        return self._sql.sessions.find(
            asked.get(1), self._principal.user_name, self._workspace.name
        )

    def _operation(self, asked: Arguments) -> tuple[Session, Operation]:
        return self._sql.sessions.operation(
            asked.get(1), self._principal.user_name, self._workspace.name
        )


def _settings(given: Any) -> Mapping[str, str]:
    """What a session is configured with; what is about the protocol itself is not SQL's."""
    found = {}
    for raw, value in given.items() if isinstance(given, dict) else ():
        name = _text(raw).removeprefix("set:hiveconf:").removeprefix("set:")
        if name and not name.startswith(("spark.thriftserver.", "use:", "QUERY_TAGS")):
            found[name] = _text(value)
    return found


def _has_ended_well(status: Fields) -> bool:
    return bool(status[1][2] == STATES["SUCCEEDED"])


def _cut(table: Any, rows: Any, size: Any) -> Any:
    """As many rows as the client wants in one answer, at least one."""
    most = rows if isinstance(rows, int) and rows > 0 else ROWS
    room = size if isinstance(size, int) and size > 0 else BYTES
    if table.nbytes > room and table.num_rows:
        most = min(most, max(1, int(room / (table.nbytes / table.num_rows))))
    return table.slice(0, most)


def _status(code: int, message: str, sql_state: str | None = None) -> Fields:
    """TStatus."""
    return ((1, I32, code), (3, STRING, sql_state), (5, STRING, message), (6, STRING, message))


def _handle(operation: Operation) -> Fields:
    """TOperationHandle."""
    return (
        (1, STRUCT, _guid(operation.id, operation.id)),
        (2, I32, operation.kind),
        (3, BOOL, True),
    )


def _guid(id: bytes, secret: bytes) -> Fields:
    return ((1, STRING, id), (2, STRING, secret))


def _patterns(asked: Arguments, *numbers: int) -> tuple[str | None, ...]:
    return tuple(_text(asked[one]) if one in asked else None for one in numbers)


def _list(raw: Any) -> Sequence[Any]:
    return raw if isinstance(raw, list) else ()


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw or "")


_METHODS: Final[Mapping[str, Callable[[Service, Arguments], Fields]]] = {
    "OpenSession": Service.open_session,
    "CloseSession": Service.close_session,
    "GetInfo": Service.get_info,
    "ExecuteStatement": Service.execute,
    "GetOperationStatus": Service.status,
    "CancelOperation": Service.cancel,
    "CloseOperation": Service.close,
    "GetResultSetMetadata": Service.result_metadata,
    "FetchResults": Service.fetch,
    "GetCatalogs": Service.catalogs,
    "GetSchemas": Service.schemas,
    "GetTables": Service.tables,
    "GetTableTypes": Service.table_types,
    "GetColumns": Service.columns,
    "GetFunctions": Service.functions,
    "GetTypeInfo": Service.type_info,
    "GetPrimaryKeys": Service.primary_keys,
    "GetCrossReference": Service.cross_reference,
}
