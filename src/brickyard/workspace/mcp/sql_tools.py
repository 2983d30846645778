"""SQL as tools: run a statement, run one that only reads, ask for the result of a long one.

Follows "Databricks SQL MCP server". `warehouse_id` can be preset in `_meta`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Call
from brickyard.workspace.mcp import statements
from brickyard.workspace.mcp.protocol import Tool

QUERY: Final = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "One SQL statement"}},
    "required": ["query"],
}
STATEMENT: Final = {
    "type": "object",
    "properties": {"statement_id": {"type": "string", "description": "Of a statement that runs"}},
    "required": ["statement_id"],
}
READS: Final = frozenset(
    {"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"}
)


def tools(call: Call) -> Sequence[Tool]:
    def execute(given: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
        warehouse = statements.warehouse_of(call, meta.get("warehouse_id"))
        answer = statements.run(call, str(given["query"]), warehouse=warehouse, rows=1000)
        return json.dumps(answer, ensure_ascii=False)

    def read(given: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
        if not only_reads(str(given["query"])):
            raise ApiError(
                "PERMISSION_DENIED", "This tool runs statements that only read: use execute_sql"
            )
        return execute(given, meta)

    def poll(given: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
        return json.dumps(statements.poll(call, str(given["statement_id"])), ensure_ascii=False)

    listed: tuple[tuple[str, str, Mapping[str, Any], Callable[..., str]], ...] = (
        ("execute_sql", "Run a SQL statement with your rights", QUERY, execute),
        ("execute_sql_read_only", "Run a SQL statement that only reads", QUERY, read),
        ("poll_sql_result", "The result of a statement that was still running", STATEMENT, poll),
    )
    return [
        Tool(name=name, description=description, schema=schema, run=run)
        for name, description, schema, run in listed
    ]


def only_reads(sql: str) -> bool:
    """Whether a statement is a query or shows something."""
    from brickyard.workspace.spark.cursor import Cursor
    from brickyard.workspace.spark.refusals import Refusal
    from brickyard.workspace.spark.statements import parsed

    try:
        first = Cursor(sql).peek()
        if first not in READS:
            return False
        if first in ("SELECT", "WITH", "VALUES"):
            from sqlglot import exp

            return isinstance(parsed(sql), exp.Query | exp.Values)
    except Refusal:
        return False
    return True
