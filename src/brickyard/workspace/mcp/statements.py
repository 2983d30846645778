"""The tools' SQL: the statements API of this workspace, asked as the caller."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.functions.own_api import ask, fetch
from brickyard.workspace.kernel import ApiError, Call

PATH: Final = "/api/2.0/sql/statements"
WAIT: Final = "30s"
ROWS: Final = 100


def warehouse_of(call: Call, wanted: Any = None) -> str:
    """The warehouse that a tool runs on: the one asked for, or the first that the caller sees."""
    if wanted:
        return str(wanted)
    found = call.engines.sql.visible_warehouses(call.principal, call.workspace)
    if not found:
        raise ApiError("PERMISSION_DENIED", "There is no SQL warehouse that you may use")
    return str(found[0].id)


def run(
    call: Call,
    statement: str,
    parameters: Sequence[Mapping[str, Any]] = (),
    *,
    warehouse: str = "",
    rows: int = ROWS,
) -> dict[str, Any]:
    """The statement's answer as the API gives it, once it has ended or after half a minute."""
    body = {
        "statement": statement,
        "warehouse_id": warehouse or warehouse_of(call),
        "wait_timeout": WAIT,
        "on_wait_timeout": "CONTINUE",
        "row_limit": rows,
        "parameters": list(parameters),
    }
    return ask(call.workspace, call.header("authorization"), PATH, body)


def poll(call: Call, statement_id: str) -> dict[str, Any]:
    return fetch(call.workspace, call.header("authorization"), f"{PATH}/{statement_id}")


def table(answer: Mapping[str, Any]) -> str:
    """Columns and rows as text. Raises what went wrong with the statement."""
    status = answer.get("status") or {}
    if status.get("state") != "SUCCEEDED":
        error = status.get("error") or {}
        told = error.get("message") or f"the statement is {status.get('state')} after {WAIT}"
        raise ApiError(str(error.get("error_code") or "DEADLINE_EXCEEDED"), str(told))
    manifest = answer.get("manifest") or {}
    columns = (manifest.get("schema") or {}).get("columns") or ()
    shown = {
        "is_truncated": bool(manifest.get("truncated")),
        "columns": [one["name"] for one in columns],
        "rows": (answer.get("result") or {}).get("data_array") or [],
    }
    return json.dumps(shown, ensure_ascii=False)
