"""A client of the Spark Connect gateway for SQL: statements in, Arrow out.

Speaks the protocol itself: pyspark's client would import pandas and half a second with it. A
connection belongs to one principal; its sessions are set to a catalog and schema once and reused,
unless a statement leaves something behind in its session.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from brickyard.workspace.kernel import ApiError, invalid
from brickyard.workspace.spark.refusals import SESSION_CLOSED
from brickyard.workspace.sql.conditions import in_sparks_words
from brickyard.workspace.sql.literals import is_query, written_out

if TYPE_CHECKING:
    import pyarrow

STATEFUL: Final = re.compile(
    r"\b(use|set|reset|declare|cache|uncache|temp|temporary)\b", re.IGNORECASE
)
UNLIMITED: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
IDLE_SESSIONS: Final = 8
INTERRUPT_LIMIT_S: Final = 5
CLIENT_TYPE: Final = "brickyard-sql"
EPOCH: Final = datetime(1970, 1, 1)


class StatementFailed(Exception):
    """The engine or the gateway refused a statement. `sql_state` is its SQLSTATE, if it has one."""

    def __init__(self, code: str, message: str, sql_state: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.sql_state = sql_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A named parameter; `value` None is NULL. `type` is a SQL type name."""

    name: str
    value: str | None
    type: str = "STRING"


@dataclass(slots=True)
class Cancellation:
    """Lets another thread stop a statement: it ends the call that is under way."""

    is_requested: bool = False
    is_over: threading.Event = field(default_factory=threading.Event)
    _end: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cancel(self) -> None:
        with self._lock:
            self.is_requested = True
            end = self._end
        end()

    def watch(self, end: Callable[[], None]) -> None:
        """`end` is how the call that begins now is ended."""
        with self._lock:
            self._end = end
        if self.is_requested:
            end()


class Connection:
    """One principal's way to its Sail process, through the gateway at a `sc://` URL."""

    def __init__(self, url: str, user: str) -> None:
        import grpc

        from brickyard.workspace.spark import protocol

        self._protocol = protocol
        parts = urlsplit(url.split("/;", 1)[0])
        options = dict(pair.split("=", 1) for pair in url.split(";")[1:] if "=" in pair)
        self._metadata = [
            ("authorization", f"Bearer {value}") if name == "token" else (name, value)
            for name, value in options.items()
        ]
        self._user = user
        self._channel = grpc.insecure_channel(f"{parts.hostname}:{parts.port}", UNLIMITED)
        self._execute = self._channel.unary_stream(
            f"/{protocol.SERVICE}/ExecutePlan",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=protocol.ExecutePlanResponse.FromString,
        )
        self._interrupt = self._channel.unary_unary(
            f"/{protocol.SERVICE}/Interrupt",
            request_serializer=lambda message: message.SerializeToString(),
        )
        self._release = self._channel.unary_unary(
            f"/{protocol.SERVICE}/ReleaseSession",
            request_serializer=lambda message: message.SerializeToString(),
        )
        self._idle: dict[tuple[str, str], list[str]] = {}
        self._lock = threading.Lock()

    def run(
        self,
        statement: str,
        parameters: Sequence[Parameter] = (),
        *,
        catalog: str = "",
        schema: str = "",
        session: str = "",
        cancellation: Cancellation | None = None,
    ) -> tuple[pyarrow.Table, list[str]]:
        """The rows of a statement and the SQL type of each column. Raises `StatementFailed`.

        Statements that name the same `session` (a new UUID) see what the earlier ones set; the
        others have the workspace's defaults.
        """
        stop = cancellation or Cancellation()
        if parameters and not is_query(statement):
            statement, parameters = written_out(statement, parameters), ()
        if session:
            return self._rows(session, self._command(session, statement, parameters, stop), stop)
        for _ in range(IDLE_SESSIONS):
            try:
                return self._run_once(statement, parameters, catalog, schema, stop)
            except StatementFailed as fault:
                if SESSION_CLOSED not in fault.message:
                    raise
        return self._run_once(statement, parameters, catalog, schema, stop)

    def _run_once(
        self,
        statement: str,
        parameters: Sequence[Parameter],
        catalog: str,
        schema: str,
        stop: Cancellation,
    ) -> tuple[pyarrow.Table, list[str]]:
        """In a session of the idle ones, or a new one."""
        session = self._session(catalog, schema, stop)
        keep = False
        try:
            relation = self._command(session, statement, parameters, stop)
            found = self._rows(session, relation, stop)
            keep = not STATEFUL.search(statement)
        finally:
            if not (keep and self._give_back(session, catalog, schema)):
                self.end(session)
        return found

    def end(self, session: str) -> None:
        """Forget a session. Its views and settings are gone; quiet when it is gone already."""
        import grpc

        request = self._protocol.ReleaseSessionRequest(session_id=session, client_type=CLIENT_TYPE)
        request.user_context.user_id = self._user
        try:
            self._release(request, metadata=self._metadata, timeout=INTERRUPT_LIMIT_S)
        except (grpc.RpcError, ValueError):
            pass  # the engine forgets it by itself, later

    def close(self) -> None:
        self._channel.close()

    def _session(self, catalog: str, schema: str, stop: Cancellation) -> str:
        """A session in this catalog and schema that nobody else uses now."""
        with self._lock:
            if idle := self._idle.get((catalog, schema)):
                return idle.pop()
        session = str(uuid.uuid4())
        try:
            if catalog:
                self._command(session, f"USE CATALOG {quoted(catalog)}", (), stop)
            if schema:
                self._command(session, f"USE SCHEMA {quoted(schema)}", (), stop)
        except BaseException:
            self.end(session)
            raise
        return session

    def _give_back(self, session: str, catalog: str, schema: str) -> bool:
        """Keep a session for the next statement of this place, if there are not enough."""
        with self._lock:
            idle = self._idle.setdefault((catalog, schema), [])
            if len(idle) < IDLE_SESSIONS:
                idle.append(session)
                return True
        return False

    def _command(
        self, session: str, text: str, parameters: Sequence[Parameter], stop: Cancellation
    ) -> Any:
        """Execute a SQL command; the relation that holds its result, or None."""
        plan = self._protocol.Plan()
        sql = plan.command.sql_command.input.sql
        sql.query = text
        for parameter in parameters:
            _fill(sql.named_arguments[parameter.name].literal, parameter)
        result = None
        for answer in self._stream(session, plan, stop):
            if answer.HasField("sql_command_result"):
                result = answer.sql_command_result.relation
        return result

    def _rows(
        self, session: str, relation: Any, stop: Cancellation
    ) -> tuple[pyarrow.Table, list[str]]:
        import pyarrow as pa

        if relation is None:
            return pa.table({}), []
        plan = self._protocol.Plan()
        plan.root.CopyFrom(relation)
        batches: list[Any] = []
        arrow_schema = None
        types: list[str] = []
        for answer in self._stream(session, plan, stop):
            if answer.HasField("schema"):
                types = [type_text(one.data_type) for one in answer.schema.struct.fields]
            if answer.HasField("arrow_batch"):
                with pa.ipc.open_stream(answer.arrow_batch.data) as reader:
                    arrow_schema = reader.schema
                    batches.extend(reader)
        if stop.is_requested:
            raise StatementFailed("CANCELLED", "The statement was canceled")
        if arrow_schema is None and types:  # an interrupted engine ends as if all were well
            raise StatementFailed("ABORTED", "The statement was interrupted before it had ended")
        if arrow_schema is None:
            return pa.table({}), []
        table = pa.Table.from_batches(batches, arrow_schema)
        return table, types or [arrow_type_text(one.type) for one in arrow_schema]

    def _stream(self, session: str, plan: Any, stop: Cancellation) -> Iterator[Any]:
        import grpc

        request = self._protocol.ExecutePlanRequest(
            session_id=session, client_type=CLIENT_TYPE, operation_id=str(uuid.uuid4())
        )
        request.user_context.user_id = self._user
        request.plan.CopyFrom(plan)
        call = self._execute(request, metadata=self._metadata)
        stop.watch(lambda: self._end(request, call))
        try:
            yield from call
        except grpc.RpcError as fault:
            raise _failed(fault) from None

    def _end(self, execution: Any, call: Any) -> None:
        """Stop the engine's work, which goes on for a caller who only hangs up; then hang up."""
        import grpc

        request = self._protocol.InterruptRequest(
            session_id=execution.session_id,
            client_type=execution.client_type,
            interrupt_type="INTERRUPT_TYPE_OPERATION_ID",
            operation_id=execution.operation_id,
        )
        request.user_context.user_id = self._user
        try:
            self._interrupt(request, metadata=self._metadata, timeout=INTERRUPT_LIMIT_S)
        except grpc.RpcError:
            pass  # it has ended by itself, or there is no engine any more
        call.cancel()


def _failed(fault: Any) -> StatementFailed:
    """The class and SQLSTATE of a refusal, from the details that Spark Connect attaches."""
    import grpc
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    if fault.code() is grpc.StatusCode.CANCELLED:
        return StatementFailed("CANCELLED", "The statement was canceled")
    message = str(fault.details() or fault)
    code = "PERMISSION_DENIED" if "PERMISSION" in message.split("]", 1)[0] else "BAD_REQUEST"
    state = ""
    try:
        status = rpc_status.from_call(fault)
    except ValueError:
        status = None
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            state = info.metadata.get("sqlState", "")
            if info.metadata.get("errorClass", "").startswith("INSUFFICIENT"):
                code = "PERMISSION_DENIED"
    if not state:
        message, state = in_sparks_words(message)
    return StatementFailed(code, message, state)


def _fill(literal: Any, parameter: Parameter) -> None:
    """A typed literal of Spark Connect. Raises INVALID_PARAMETER_VALUE for text that is no such."""
    kind = parameter.type.upper().strip() or "STRING"
    text = parameter.value
    base = kind.split("(", 1)[0].strip()
    if base not in FIELDS:
        raise invalid(f"Parameter {parameter.name}: type {kind} is not supported here")
    if text is None:
        getattr(literal.null, FIELDS[base]).SetInParent()
        return
    try:
        if base in INTEGERS:
            setattr(literal, FIELDS[base], _integer(text, INTEGERS[base]))
        elif base in {"DOUBLE", "FLOAT", "REAL"}:
            setattr(literal, FIELDS[base], float(text))
        elif base == "BOOLEAN":
            literal.boolean = {"true": True, "false": False}[text.lower()]
        elif base == "DATE":
            literal.date = (date.fromisoformat(text) - EPOCH.date()).days
        elif base in {"TIMESTAMP", "TIMESTAMP_NTZ"}:
            setattr(literal, FIELDS[base], _micros(text))
        elif FIELDS[base] == "decimal":
            _fill_decimal(literal, kind, text)
        elif base == "VOID":
            raise ValueError(text)
        else:
            literal.string = text
    except (ValueError, KeyError, InvalidOperation):
        raise invalid(f"Parameter {parameter.name}: {text!r} is not a {kind}") from None


def _integer(text: str, bits: int) -> int:
    value = int(text)
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise ValueError(text)
    return value


def _fill_decimal(literal: Any, kind: str, text: str) -> None:
    found = re.search(r"\((\d+)(?:\s*,\s*(\d+))?\)", kind)
    literal.decimal.value = str(Decimal(text))
    if found:
        literal.decimal.precision = int(found[1])
        literal.decimal.scale = int(found[2] or 0)


def _micros(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return round(moment.timestamp() * 1_000_000)
    return round((moment - EPOCH).total_seconds() * 1_000_000)


def quoted(name: str) -> str:
    if not name.strip():
        raise ApiError("INVALID_PARAMETER_VALUE", "An empty catalog or schema name")
    return "`" + name.replace("`", "``") + "`"


# SQL type of a parameter -> the field of a Spark Connect literal, and of its data type.
FIELDS: Final = {
    "STRING": "string",
    "VARCHAR": "string",
    "CHAR": "string",
    "TINYINT": "byte",
    "BYTE": "byte",
    "SMALLINT": "short",
    "SHORT": "short",
    "INT": "integer",
    "INTEGER": "integer",
    "BIGINT": "long",
    "LONG": "long",
    "FLOAT": "float",
    "REAL": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_NTZ": "timestamp_ntz",
    "DECIMAL": "decimal",
    "DEC": "decimal",
    "NUMERIC": "decimal",
    "VOID": "null",
}
INTEGERS: Final = {
    "TINYINT": 8,
    "BYTE": 8,
    "SMALLINT": 16,
    "SHORT": 16,
    "INT": 32,
    "INTEGER": 32,
    "BIGINT": 64,
    "LONG": 64,
}

SIMPLE: Final = {
    "null": "VOID",
    "binary": "BINARY",
    "boolean": "BOOLEAN",
    "byte": "TINYINT",
    "short": "SMALLINT",
    "integer": "INT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "STRING",
    "char": "STRING",
    "var_char": "STRING",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP_NTZ",
    "variant": "VARIANT",
    "calendar_interval": "INTERVAL",
    "year_month_interval": "INTERVAL",
    "day_time_interval": "INTERVAL",
}


def type_text(kind: Any) -> str:
    """A Spark Connect data type as SQL writes it: `DECIMAL(10,2)`, `ARRAY<INT>`."""
    name = kind.WhichOneof("kind")
    if name == "decimal":
        return f"DECIMAL({kind.decimal.precision},{kind.decimal.scale})"
    if name == "array":
        return f"ARRAY<{type_text(kind.array.element_type)}>"
    if name == "map":
        return f"MAP<{type_text(kind.map.key_type)}, {type_text(kind.map.value_type)}>"
    if name == "struct":
        inner = ", ".join(f"{one.name}: {type_text(one.data_type)}" for one in kind.struct.fields)
        return f"STRUCT<{inner}>"
    return SIMPLE.get(str(name), "STRING")


def arrow_type_text(kind: Any) -> str:
    """The same from an Arrow type, where the engine sent no schema."""
    import pyarrow.types as t

    checks = (
        (t.is_boolean, "BOOLEAN"),
        (t.is_int8, "TINYINT"),
        (t.is_int16, "SMALLINT"),
        (t.is_int32, "INT"),
        (t.is_int64, "BIGINT"),
        (t.is_float32, "FLOAT"),
        (t.is_float64, "DOUBLE"),
        (t.is_date, "DATE"),
        (t.is_null, "VOID"),
        (t.is_binary, "BINARY"),
    )
    for check, name in checks:
        if check(kind):
            return name
    if t.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if t.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    if t.is_list(kind) or t.is_large_list(kind):
        return f"ARRAY<{arrow_type_text(kind.value_type)}>"
    if t.is_map(kind):
        return f"MAP<{arrow_type_text(kind.key_type)}, {arrow_type_text(kind.item_type)}>"
    if t.is_struct(kind):
        return "STRUCT<" + ", ".join(f"{f.name}: {arrow_type_text(f.type)}" for f in kind) + ">"
    return "STRING"
