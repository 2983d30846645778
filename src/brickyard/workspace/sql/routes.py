"""SQL warehouses and the Statement Execution API, as the SDK's sql services call them.

Cells are strings or null (JSON_ARRAY); larger results and Arrow come by links back to this server,
signed and short-lived, compressed when the client asks for it. Statements of a session share what
they set; sessions are what the official drivers ask for, and in no public reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from brickyard.workspace.identity.keys import key_of
from brickyard.workspace.kernel import (
    Call,
    Fidelity,
    Json,
    Reply,
    Route,
    denied,
    invalid,
    not_found,
)
from brickyard.workspace.kernel.decode import as_given
from brickyard.workspace.sql.connect import Parameter
from brickyard.workspace.sql.engine import Request
from brickyard.workspace.sql.literals import with_names
from brickyard.workspace.sql.rendering import arrow_bytes, csv_bytes, lz4_frame, rows
from brickyard.workspace.sql.statements import Statement
from brickyard.workspace.sql.thrift.routes import ROUTES as THRIFT
from brickyard.workspace.sql.thrift.sessions import Session, UnknownHandle
from brickyard.workspace.sql.warehouses import Warehouse

WAREHOUSES = "/api/2.0/sql/warehouses"
STATEMENTS = "/api/2.0/sql/statements"
SESSIONS = "/api/2.0/sql/sessions"
RESULTS = "/api/2.0/brickyard/sql/results"
VIRTUAL = "sizes and scaling are kept, not acted on"
LINK_LIFE_S: Final = 900
DEFAULT_WAIT_S: Final = 10
LINKED: Final = frozenset({"JSON_ARRAY", "CSV", "ARROW_STREAM"})
FORMATS: Final = {
    "INLINE": frozenset({"JSON_ARRAY"}),
    "EXTERNAL_LINKS": LINKED,
    "INLINE_OR_EXTERNAL_LINKS": LINKED,  # links it is, whatever the size
}
COMPRESSIONS: Final = ("", "NONE", "LZ4_FRAME")
BARE_TYPES: Final = {"VOID": "NULL", "TINYINT": "BYTE", "SMALLINT": "SHORT", "BIGINT": "LONG"}
# The codes a statement's error may have; clients drop any other. SQLSTATE tells what is refused.
ERROR_CODES: Final = frozenset(
    {
        "ABORTED",
        "ALREADY_EXISTS",
        "BAD_REQUEST",
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "INTERNAL_ERROR",
        "IO_ERROR",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
        "SERVICE_UNDER_MAINTENANCE",
        "TEMPORARILY_UNAVAILABLE",
        "UNAUTHENTICATED",
        "UNKNOWN",
        "WORKSPACE_TEMPORARILY_UNAVAILABLE",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterItem:
    """With a name, or an ordinal from 1 where the marker is `?`.

    A number or a truth value as it stands in JSON is taken for its text, as the service does.
    """

    name: str = ""
    ordinal: int | None = None
    value: str | int | float | bool | None = None
    type: str = "STRING"

    @property
    def text(self) -> str | None:
        if isinstance(self.value, bool):
            return str(self.value).lower()
        return None if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    custom_tags: Sequence[Tag] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    name: str | None = None
    dbsql_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseSettings:
    """What create and edit take; what is left out stays as it is, or is defaulted."""

    name: str = ""
    cluster_size: str | None = None
    min_num_clusters: int | None = None
    max_num_clusters: int | None = None
    auto_stop_mins: int | None = None
    enable_photon: bool | None = None
    enable_serverless_compute: bool | None = None
    spot_instance_policy: str | None = None
    warehouse_type: Literal["CLASSIC", "PRO", "TYPE_UNSPECIFIED"] | None = None
    channel: Channel | None = None
    tags: Tags | None = None
    instance_profile_arn: str | None = None

    def given(self) -> dict[str, Any]:
        """As JSON, without what was left out."""
        return as_given(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteStatement:
    statement: str
    warehouse_id: str
    catalog: str = ""
    schema: str = ""
    parameters: Sequence[ParameterItem] = ()
    row_limit: int | None = None
    byte_limit: int | None = None
    disposition: str = "INLINE"
    format: str = "JSON_ARRAY"
    wait_timeout: str = "10s"
    on_wait_timeout: str = "CONTINUE"
    session_id: str = ""
    result_compression: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    warehouse_id: str
    catalog: str | None = None
    schema: str | None = None
    session_confs: Mapping[str, str] | None = None


# -- warehouses -----------------------------------------------------------------------------------


def create(call: Call) -> Json:
    want = call.read(WarehouseSettings)
    made = call.engines.sql.create_warehouse(
        call.principal, call.workspace, want.name, want.given()
    )
    return {"id": made.id}


def browse(call: Call) -> Json:
    found = call.engines.sql.visible_warehouses(call.principal, call.workspace)
    return {"warehouses": [show(call, one) for one in found]}


def fetch(call: Call) -> Json:
    return show(call, call.engines.sql.warehouse(call.principal, call.workspace, call.path["id"]))


def edit(call: Call) -> Json:
    engine, id, want = call.engines.sql, call.path["id"], call.read(WarehouseSettings)
    engine.warehouse(call.principal, call.workspace, id, "CAN_MANAGE")
    engine.warehouses.edit(call.workspace, id, want.name, want.given())
    return {}


def start(call: Call) -> Json:
    engine = call.engines.sql
    engine.set_running(call.principal, call.workspace, call.path["id"], running=True)
    return {}


def stop(call: Call) -> Json:
    engine = call.engines.sql
    engine.set_running(call.principal, call.workspace, call.path["id"], running=False)
    return {}


def drop(call: Call) -> Json:
    call.engines.sql.delete_warehouse(call.principal, call.workspace, call.path["id"])
    return {}


def data_sources(call: Call) -> Reply:
    found = call.engines.sql.visible_warehouses(call.principal, call.workspace)
    listed: list[Any] = [
        {
            "id": one.id,
            "name": one.name,
            "warehouse_id": one.id,
            "type": "databricks_internal",
            "syntax": "sql",
            "paused": 0,
            "supports_auto_limit": True,
            "view_only": False,
        }
        for one in found
    ]
    return Reply(json=listed)


def show(call: Call, one: Warehouse) -> dict[str, Any]:
    host = call.workspace.url.split("//", 1)[1]
    name, _, port = host.partition(":")
    path = f"/sql/1.0/warehouses/{one.id}"
    running = one.state == "RUNNING"
    return {
        **one.settings,
        "id": one.id,
        "name": one.name,
        "state": one.state,
        "creator_name": one.creator,
        "num_clusters": 1 if running else 0,
        "num_active_sessions": 0,
        "jdbc_url": f"jdbc:databricks://{host}/default;httpPath={path}",
        "odbc_params": {
            "hostname": name,
            "port": int(port or 443),
            "path": path,
            "protocol": "http",
        },
        "health": {"status": "HEALTHY"},
    }


# -- statements -----------------------------------------------------------------------------------


def execute(call: Call) -> Json:
    want = call.read(ExecuteStatement)
    engine = call.engines.sql
    wait_s = _wait(want.wait_timeout)
    if want.on_wait_timeout not in {"CONTINUE", "CANCEL"}:
        raise invalid("on_wait_timeout must be CONTINUE or CANCEL")
    if wait_s == 0 and want.on_wait_timeout == "CANCEL":
        raise invalid("on_wait_timeout CANCEL needs a wait_timeout above 0s")
    allowed = FORMATS.get(want.disposition)
    if allowed is None or want.format not in allowed:
        raise invalid(f"The format {want.format} is not supported by {want.disposition}")
    compression = want.result_compression or ""
    if compression not in COMPRESSIONS:
        raise invalid(f"result_compression must be LZ4_FRAME or NONE, not {compression!r}")
    if not want.statement.strip():
        raise invalid("The statement is empty")
    is_arrow = want.format == "ARROW_STREAM"
    text, parameters = _bound(want.statement.strip().rstrip(";"), want.parameters)
    request = Request(
        text=text,
        parameters=parameters,
        catalog=want.catalog,
        schema=want.schema,
        row_limit=want.row_limit,
        byte_limit=want.byte_limit,
        disposition="EXTERNAL_LINKS" if want.disposition != "INLINE" else "INLINE",
        format=want.format,
        compression="LZ4_FRAME" if compression == "LZ4_FRAME" and is_arrow else "",
        session=_session(call, want.session_id).spark if want.session_id else "",
    )
    made = engine.submit(call.principal, call.workspace, want.warehouse_id, request)
    ended = engine.wait(made, wait_s)
    if not ended.has_ended and want.on_wait_timeout == "CANCEL" and wait_s:
        engine.cancel(ended)
        ended = engine.wait(ended, 5)
    return _answer(call, ended)


def _bound(text: str, given: Sequence[ParameterItem]) -> tuple[str, Sequence[Parameter]]:
    """The statement and its parameters by name. Raises for one with neither name nor ordinal."""
    in_order = sorted((one for one in given if not one.name), key=lambda one: one.ordinal or 0)
    if [one.ordinal for one in in_order] != [*range(1, len(in_order) + 1)]:
        raise invalid("Each parameter needs a name, or an ordinal: 1 for the first marker (?) …")
    names: Sequence[str] = ()
    if in_order:
        text, names = with_names(text, len(in_order))
    called = dict(zip(names, in_order, strict=True)) | {one.name: one for one in given if one.name}
    return text, [
        Parameter(name=name, value=one.text, type=one.type) for name, one in called.items()
    ]


def open_session(call: Call) -> Json:
    want = call.read(OpenSession)
    opened = call.engines.sql.open_session(
        call.principal,
        call.workspace,
        want.warehouse_id,
        catalog=want.catalog or "",
        schema=want.schema or "",
        settings=want.session_confs,
    )
    return {"session_id": opened.name}


def close_session(call: Call) -> Json:
    call.engines.sql.close_session(_session(call, call.path["id"]))
    return {}


def _session(call: Call, id: str) -> Session:
    try:
        return call.engines.sql.sessions.named(id, call.principal.user_name, call.workspace.name)
    except UnknownHandle as fault:
        raise not_found(str(fault)) from None


def fetch_statement(call: Call) -> Json:
    found = call.engines.sql.statement(call.principal, call.workspace, call.path["id"])
    return _answer(call, found)


def fetch_chunk(call: Call) -> Json:
    found = call.engines.sql.statement(call.principal, call.workspace, call.path["id"])
    return _result(call, found, _chunk_index(call, found))


def cancel(call: Call) -> Json:
    engine = call.engines.sql
    engine.cancel(engine.statement(call.principal, call.workspace, call.path["id"]))
    return {}


def close(call: Call) -> Json:
    engine = call.engines.sql
    engine.close(engine.statement(call.principal, call.workspace, call.path["id"]))
    return {}


def history(call: Call) -> Json:
    found = call.engines.sql.statements.recent(
        call.workspace.name, call.integer("max_results", 100)
    )
    mine = [
        one for one in found if call.principal.is_admin or one.creator == call.principal.user_name
    ]
    states = {"SUCCEEDED": "FINISHED", "CLOSED": "FINISHED", "PENDING": "QUEUED"}
    return {
        "res": [
            {
                "query_id": one.id,
                "status": states.get(one.state, one.state),
                "query_text": one.text,
                "query_start_time_ms": one.started_ms,
                "query_end_time_ms": one.ended_ms or 0,
                "duration": (one.ended_ms or one.started_ms) - one.started_ms,
                "user_name": one.creator,
                "warehouse_id": one.warehouse,
                "rows_produced": one.row_count,
                "error_message": one.error or None,
                "is_final": one.has_ended,
            }
            for one in mine
        ],
        "has_next_page": False,
    }


def download(call: Call) -> Reply:
    """A result chunk by its signed link: the link is the permission."""
    id, index, format = call.path["id"], call.path["index"], call.path["format"]
    expires = call.query("expires")
    signed = _signature(call, id, index, format, expires)
    given = call.query("signature").encode()
    if not hmac.compare_digest(signed.encode(), given) or int(expires) < time.time():
        raise denied("This link has expired or is not one of ours; fetch the statement again")
    found = call.engines.sql.statements.get(call.workspace.name, id)
    table = call.engines.sql.statements.chunk(found, int(index))
    if format == "ARROW_STREAM":
        kind = "application/vnd.apache.arrow.stream"
        body = arrow_bytes(table)
        body = lz4_frame(body) if found.compression else body
        return Reply(body=body, headers={"Content-Type": kind})
    if format == "CSV":
        return Reply(body=csv_bytes(table, found.types), headers={"Content-Type": "text/csv"})
    return Reply(json=rows(table, found.types))


def _answer(call: Call, one: Statement) -> dict[str, Any]:
    status: dict[str, Any] = {"state": one.state}
    if one.error:
        code = one.error_code if one.error_code in ERROR_CODES else "BAD_REQUEST"
        status["error"] = {"error_code": code, "message": one.error}
        if one.sql_state:
            status["sql_state"] = one.sql_state
    answer: dict[str, Any] = {"statement_id": one.id, "status": status}
    if one.state == "SUCCEEDED":
        answer["manifest"] = _manifest(one)
        answer["result"] = _result(call, one, 0)
    return answer


def _manifest(one: Statement) -> dict[str, Any]:
    offsets = _offsets(one)
    compressed = {"result_compression": one.compression} if one.compression else {}
    return {
        **compressed,
        "format": one.format,
        "schema": {
            "column_count": len(one.names),
            "columns": [
                _column(at, name, kind)
                for at, (name, kind) in enumerate(zip(one.names, one.types, strict=True))
            ],
        },
        "total_chunk_count": len(one.chunks) if one.row_count else 0,
        "chunks": [
            {"chunk_index": at, "row_offset": offsets[at], "row_count": count}
            for at, count in enumerate(one.chunks)
            if count
        ],
        "total_row_count": one.row_count,
        "truncated": one.truncated,
    }


def _column(at: int, name: str, kind: str) -> dict[str, Any]:
    """`type_name` is the API's enum (LONG), `type_text` the SQL type (BIGINT, ARRAY<INT>)."""
    bare = re.split(r"[(<]", kind, maxsplit=1)[0]
    column = {
        "name": name,
        "position": at,
        "type_name": BARE_TYPES.get(bare, bare),
        "type_text": kind,
    }
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    if found:
        column |= {"type_precision": int(found[1]), "type_scale": int(found[2])}
    return column


def _result(call: Call, one: Statement, index: int) -> dict[str, Any]:
    offsets = _offsets(one)
    place: dict[str, Any] = {
        "chunk_index": index,
        "row_offset": offsets[index],
        "row_count": one.chunks[index],
    }
    following = index + 1 < len(one.chunks)
    if following:
        place["next_chunk_index"] = index + 1
        place["next_chunk_internal_link"] = f"{STATEMENTS}/{one.id}/result/chunks/{index + 1}"
    if one.disposition == "EXTERNAL_LINKS":
        return {"external_links": [place | _link(call, one, index)]} if one.row_count else {}
    table = call.engines.sql.statements.chunk(one, index)
    return place | {"data_array": rows(table, one.types)}


def _link(call: Call, one: Statement, index: int) -> dict[str, Any]:
    expires = int(time.time()) + LINK_LIFE_S
    signature = _signature(call, one.id, str(index), one.format, str(expires))
    path = f"{RESULTS}/{one.id}/{index}/{one.format}"
    table = call.engines.sql.statements.chunk(one, index)
    return {
        "external_link": (f"{call.workspace.url}{path}?expires={expires}&signature={signature}"),
        "expiration": datetime.fromtimestamp(expires, UTC).isoformat().replace("+00:00", "Z"),
        "byte_count": table.nbytes,
    }


def _signature(call: Call, *parts: str) -> str:
    key = key_of(call.engines.home.keys / "sql-results.key")
    text = "\0".join((call.workspace.name, *parts))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _offsets(one: Statement) -> list[int]:
    found, total = [], 0
    for count in one.chunks:
        found.append(total)
        total += count
    return found


def _chunk_index(call: Call, one: Statement) -> int:
    text = call.path["index"]
    if not text.isdigit() or int(text) >= len(one.chunks):
        raise not_found(f"Statement {one.id} has no result chunk {text}")
    return int(text)


def _wait(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text or f"{DEFAULT_WAIT_S}s")
    seconds = int(found[1]) if found else -1
    if seconds != 0 and not 5 <= seconds <= 50:
        raise invalid("wait_timeout must be 0s or between 5s and 50s")
    return seconds


ROUTES = (
    *THRIFT,
    Route("POST", WAREHOUSES, create, Fidelity.VIRTUAL, note=VIRTUAL),
    Route("GET", WAREHOUSES, browse),
    Route("GET", WAREHOUSES + "/{id}", fetch),
    Route("DELETE", WAREHOUSES + "/{id}", drop),
    Route("POST", WAREHOUSES + "/{id}/edit", edit, Fidelity.VIRTUAL, note=VIRTUAL),
    Route("POST", WAREHOUSES + "/{id}/start", start),
    Route("POST", WAREHOUSES + "/{id}/stop", stop),
    Route("GET", "/api/2.0/preview/sql/data_sources", data_sources),
    Route("POST", STATEMENTS, execute),
    Route("POST", SESSIONS, open_session),
    Route("DELETE", SESSIONS + "/{id}", close_session),
    Route("GET", STATEMENTS + "/{id}", fetch_statement),
    Route("DELETE", STATEMENTS + "/{id}", close),
    Route("POST", STATEMENTS + "/{id}/cancel", cancel),
    Route("GET", STATEMENTS + "/{id}/result/chunks/{index}", fetch_chunk),
    Route("GET", "/api/2.0/sql/history/queries", history),
    Route("GET", RESULTS + "/{id}/{index}/{format}", download, auth=False),
)
