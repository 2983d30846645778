"""Managed MCP servers with databricks-mcp and the official mcp client below it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import ConnectionType
from databricks_mcp import DatabricksMCPClient, DatabricksOAuthClientProvider
from place import HOST, SCHEMA, TOKEN, refusal, unique

CLIENT = "databricks-mcp"

CATALOG, NAME = SCHEMA.split(".")
workspace = WorkspaceClient()
WAREHOUSE = next(iter(workspace.warehouses.list())).id


def sql(text: str) -> None:
    done = workspace.statement_execution.execute_statement(text, WAREHOUSE, wait_timeout="50s")
    assert done.status.error is None, done.status.error


def client(path: str) -> DatabricksMCPClient:
    return DatabricksMCPClient(f"{HOST}/api/2.0/mcp/{path}", workspace)


def text(result: Any) -> str:
    (content,) = result.content
    return str(content.text)


def failed(result: Any) -> bool:
    return bool(result.model_dump(by_alias=True)["isError"])


def probe_functions() -> None:
    """functions as tools: list, call, error, resources for automatic authentication"""
    sql(f"CREATE FUNCTION {SCHEMA}.plus(a INT, b INT DEFAULT 2) RETURNS INT RETURN a + b")
    returns = "RETURNS STRING LANGUAGE PYTHON AS $$ return s * 2 $$"
    sql(f"CREATE FUNCTION {SCHEMA}.py(s STRING) {returns}")
    server = client(f"functions/{CATALOG}/{NAME}")
    prefix = f"{CATALOG}__{NAME}__"
    assert {one.name for one in server.list_tools()} == {f"{prefix}plus", f"{prefix}py"}
    assert json.loads(text(server.call_tool(f"{prefix}plus", {"a": 40})))["rows"] == [["42"]]
    assert json.loads(text(server.call_tool(f"{prefix}py", {"s": "ab"})))["rows"] == [["abab"]]
    assert failed(server.call_tool(f"{prefix}plus", {"a": "nonsense"}))
    found = {one.to_dict()["function"][0]["name"] for one in server.get_databricks_resources()}
    assert found == {f"{SCHEMA}.plus", f"{SCHEMA}.py"}


def probe_sql() -> None:
    """SQL as tools: execute, read only, poll"""
    server = client("sql")
    answer = json.loads(text(server.call_tool("execute_sql", {"query": "SELECT 1 AS one"})))
    assert answer["result"]["data_array"] == [["1"]]
    polled = server.call_tool("poll_sql_result", {"statement_id": answer["statement_id"]})
    assert json.loads(text(polled))["status"]["state"] == "SUCCEEDED"
    assert failed(server.call_tool("execute_sql_read_only", {"query": "DROP TABLE x"}))


def probe_external() -> None:
    """another server behind a connection"""
    name = unique()
    options = {"host": HOST, "base_path": "/api/2.0/mcp/sql", "bearer_token": TOKEN}
    workspace.connections.create(name, ConnectionType.HTTP, options)
    server = client(f"external/{name}")
    assert "execute_sql" in {one.name for one in server.list_tools()}
    answer = json.loads(text(server.call_tool("execute_sql", {"query": "SELECT 2"})))
    assert answer["result"]["data_array"] == [["2"]]
    workspace.connections.delete(name)


def probe_session() -> None:
    """the mcp client itself: list and call in one session"""
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def talk() -> int:
        auth = DatabricksOAuthClientProvider(workspace)
        async with (
            httpx2.AsyncClient(auth=auth) as http,
            Client(streamable_http_client(f"{HOST}/api/2.0/mcp/sql", http_client=http)) as session,
        ):
            listed = (await session.list_tools()).tools
            answer = await session.call_tool("execute_sql", {"query": "SELECT 3"})
            assert "SUCCEEDED" in text(answer)
            return len(listed)

    assert asyncio.run(talk()) == 3


def probe_refusals() -> None:
    """Genie and a missing schema are refused"""
    assert refusal(lambda: client("genie/abc").list_tools())
    assert refusal(lambda: client(f"functions/{CATALOG}/{unique()}").list_tools())
