"""The managed MCP servers, by the protocol's own messages over HTTP.

Follows the specification of MCP (Streamable HTTP) and "Use Databricks managed MCP servers". The
official `mcp` and `databricks-mcp` clients are tried in tests/clients.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import ConnectionType
from tests.conformance.functions.conftest import Run

pytestmark = pytest.mark.slow


def post(
    client: WorkspaceClient, path: str, body: Any, *, accept: str = "application/json"
) -> tuple[int, str, str]:
    """(status, content type, text) of a POST."""
    request = urllib.request.Request(
        f"{client.config.host}/api/2.0/mcp/{path}",
        data=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={
            **client.config.authenticate(),
            "Content-Type": "application/json",
            "Accept": accept,
        },
    )
    try:
        with urllib.request.urlopen(request) as got:
            return got.status, got.headers.get("content-type", ""), got.read().decode()
    except urllib.error.HTTPError as fault:
        return fault.code, fault.headers.get("content-type", ""), fault.read().decode()


def rpc(client: WorkspaceClient, path: str, method: str, **params: Any) -> Any:
    """The result of a request, or its error."""
    asked = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    status, _, text = post(client, path, asked)
    assert status == 200, text
    told = json.loads(text)
    assert told["id"] == 7
    return told.get("result", told.get("error"))


def call(client: WorkspaceClient, path: str, tool: str, **arguments: Any) -> tuple[bool, str]:
    """(whether it failed, its text)."""
    result = rpc(client, path, "tools/call", name=tool, arguments=arguments)
    (content,) = result["content"]
    return result["isError"], content["text"]


@pytest.fixture(scope="module")
def made(run: Run, schema: str) -> str:
    for statement in (
        "plus(a INT COMMENT 'one', b INT DEFAULT 2) RETURNS INT COMMENT 'adds' RETURN a + b",
        (
            "total(xs ARRAY<INT>, by MAP<STRING, INT>) RETURNS INT LANGUAGE PYTHON AS "
            "$$ return sum(xs) + sum(by.values()) $$"
        ),
        "boom(a INT) RETURNS INT LANGUAGE PYTHON AS $$ return a / 0 $$",
        "upto(n BIGINT) RETURNS TABLE (id BIGINT) RETURN SELECT id FROM t WHERE id < n",
    ):
        assert run(f"CREATE OR REPLACE FUNCTION {schema}.{statement}") == []
    return schema


def server(schema: str) -> tuple[str, str]:
    """(the server of a schema's functions, what its tools' names begin with)."""
    return f"functions/{schema.replace('.', '/')}", f"{schema.replace('.', '__')}__"


@pytest.mark.documented
def test_a_client_is_greeted_in_its_version_of_the_protocol(workspace: Any) -> None:
    client = workspace.client()
    told = rpc(client, "sql", "initialize", protocolVersion="2025-06-18", capabilities={})
    assert told["protocolVersion"] == "2025-06-18"
    assert "tools" in told["capabilities"]
    assert rpc(client, "sql", "initialize", protocolVersion="1999")["protocolVersion"] >= "2025"
    assert rpc(client, "sql", "ping") == {}
    noted = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert post(client, "sql", noted)[0] == 202


@pytest.mark.documented
def test_an_answer_is_an_event_for_who_takes_events_alone(workspace: Any) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    status, kind, text = post(workspace.client(), "sql", asked, accept="text/event-stream")
    assert (status, kind) == (200, "text/event-stream")
    assert json.loads(text.partition("data: ")[2]) == {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.mark.documented
def test_what_is_no_request_is_refused_as_the_protocol_says(workspace: Any) -> None:
    client = workspace.client()
    assert json.loads(post(client, "sql", b"{")[2])["error"]["code"] == -32700
    assert json.loads(post(client, "sql", {"id": 1})[2])["error"]["code"] == -32600
    assert rpc(client, "sql", "resources/list")["code"] == -32601
    assert rpc(client, "sql", "tools/call", name="nope")["code"] == -32602
    several = [{"jsonrpc": "2.0", "id": at, "method": "ping"} for at in (1, 2)]
    assert [one["id"] for one in json.loads(post(client, "sql", several)[2])] == [1, 2]
    request = urllib.request.Request(
        f"{client.config.host}/api/2.0/mcp/sql", headers=client.config.authenticate()
    )
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(request)


@pytest.mark.documented
def test_functions_are_tools_with_their_signatures(workspace: Any, made: str) -> None:
    client = workspace.client()
    path, prefix = server(made)
    tools = {
        one["name"].removeprefix(prefix): one for one in rpc(client, path, "tools/list")["tools"]
    }
    assert {"plus", "total", "boom", "upto"} <= set(tools)
    assert tools["plus"]["description"] == "adds"
    assert tools["plus"]["inputSchema"] == {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "one"},
            "b": {"type": "integer"},
        },
        "required": ["a"],
    }
    assert tools["total"]["inputSchema"]["properties"] == {
        "xs": {"type": "array", "items": {"type": "integer"}},
        "by": {"type": "object", "additionalProperties": {"type": "integer"}},
    }
    (only,) = rpc(client, f"{path}/plus", "tools/list")["tools"]
    assert only["name"] == f"{prefix}plus"


@pytest.mark.documented
def test_tools_run_and_say_what_went_wrong(workspace: Any, made: str) -> None:
    client = workspace.client()
    path, prefix = server(made)
    answer = {"is_truncated": False, "columns": ["output"], "rows": [["3"]]}
    failed, text = call(client, path, f"{prefix}plus", a=1)
    assert (failed, json.loads(text)) == (False, answer)
    failed, text = call(client, path, f"{prefix}total", xs=[1, 2], by={"x": 4})
    assert (failed, json.loads(text)["rows"]) == (False, [["7"]])
    failed, text = call(client, path, f"{prefix}upto", n=2)
    assert (failed, json.loads(text)["rows"]) == (False, [["0"], ["1"]])
    asked = {"name": f"{prefix}plus", "arguments": {"a": 1}}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": asked}
    _, kind, text = post(client, path, body, accept="application/json, text/event-stream")
    assert kind == "text/event-stream"
    streamed = json.loads(text.rpartition("data: ")[2])["result"]["content"][0]["text"]
    assert json.loads(streamed) == answer
    failed, text = call(client, path, f"{prefix}boom", a=1)
    assert failed
    assert "ZeroDivisionError" in text
    failed, text = call(client, path, f"{prefix}plus")
    assert failed
    assert "missing argument: a" in text


@pytest.mark.documented
def test_sql_runs_with_the_callers_rights(workspace: Any, made: str) -> None:
    client = workspace.client()
    failed, text = call(client, "sql", "execute_sql", query=f"SELECT max(id) FROM {made}.t")
    told = json.loads(text)
    assert (failed, told["status"]["state"], told["result"]["data_array"]) == (
        False,
        "SUCCEEDED",
        [["4"]],
    )
    again = json.loads(call(client, "sql", "poll_sql_result", statement_id=told["statement_id"])[1])
    assert again["status"]["state"] == "SUCCEEDED"
    for query in (f"DELETE FROM {made}.t", "WITH a AS (SELECT 1) INSERT INTO x SELECT * FROM a"):
        failed, text = call(client, "sql", "execute_sql_read_only", query=query)
        assert failed, query
    assert not call(client, "sql", "execute_sql_read_only", query="SELECT 1")[0]


@pytest.mark.documented
def test_another_server_is_reached_through_a_connection(
    workspace: Any, made: str, somebody: Callable[..., Any]
) -> None:
    client, name = workspace.client(), f"mcp_{uuid.uuid4().hex[:8]}"
    options = {
        "host": client.config.host,
        "base_path": "/api/2.0/mcp/sql",
        "bearer_token": workspace.token(),
    }
    client.connections.create(name, ConnectionType.HTTP, options)
    try:
        tools = rpc(client, f"external/{name}", "tools/list")["tools"]
        assert "execute_sql" in {one["name"] for one in tools}
        asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert post(somebody(), f"external/{name}", asked)[0] == 403
    finally:
        client.connections.delete(name)


@pytest.mark.belief
def test_what_is_not_there_says_so(workspace: Any) -> None:
    client = workspace.client()
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    status, _, text = post(client, "genie/abc", asked)
    assert (status, json.loads(text)["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert "DOES_NOT_EXIST" in rpc(client, "functions/dev/nope", "tools/list")["message"]
