"""Where the managed MCP servers are, as "Use Databricks managed MCP servers" lists them.

Genie is refused: spaces are kept here, and nothing answers questions to them.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Final, NoReturn

from brickyard.workspace.functions.requesting import Request
from brickyard.workspace.kernel import ApiError, Call, Fidelity, Reply, Route, invalid
from brickyard.workspace.mcp import function_tools, search_tools, sql_tools
from brickyard.workspace.mcp.protocol import Server, serve

BASE: Final = "/api/2.0/mcp"
# Of a request to another server, and of its answer: the protocol's own.
PASSED_ON: Final = ("accept", "content-type", "mcp-session-id", "mcp-protocol-version")
PASSED_BACK: Final = ("content-type", "mcp-session-id")


async def functions(call: Call) -> Reply:
    schema, only = _schema(call), call.path.get("function", "")
    listed = partial(function_tools.tools, call, schema, only)
    return await serve(call, Server(title=f"functions of {schema}", tools=listed))


async def vector_search(call: Call) -> Reply:
    schema, only = _schema(call), call.path.get("index", "")
    listed = partial(search_tools.tools, call, schema, only)
    return await serve(call, Server(title=f"vector search in {schema}", tools=listed))


async def sql(call: Call) -> Reply:
    return await serve(call, Server(title="SQL", tools=partial(sql_tools.tools, call)))


async def external(call: Call) -> Reply:
    """Another MCP server, behind a connection: what is said goes there and back as it is."""
    headers = {name: call.header(name) for name in PASSED_ON if call.header(name)}
    try:
        body = call.body().decode() or None
    except UnicodeDecodeError:
        raise invalid("The body is not UTF-8 text") from None
    request = Request(method=call.method, path="", headers=headers, json=body)
    answer = await asyncio.to_thread(
        call.engines.functions.requests.make,
        call.principal,
        call.workspace,
        call.path["connection"],
        request,
    )
    kept = {key: value for key, value in answer.headers.items() if key.lower() in PASSED_BACK}
    return Reply(status=answer.status, body=answer.body, headers=kept)


def genie(call: Call) -> NoReturn:
    raise ApiError(
        "NOT_IMPLEMENTED",
        "No Genie answers here: spaces are kept and deployed, and questions to them are not"
        " answered. Give the agent the SQL server (/api/2.0/mcp/sql) or functions instead.",
    )


def no_stream(call: Call) -> Reply:
    """The server says nothing by itself, and keeps no session to end."""
    message = f"This server answers POST only, not {call.method}"
    fault = {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": message}}
    headers = {"Allow": "POST", "Content-Type": "application/json"}
    return Reply(status=405, body=json.dumps(fault).encode(), headers=headers)


def _schema(call: Call) -> str:
    return f"{call.path['catalog']}.{call.path['schema']}"


FUNCTIONS = f"{BASE}/functions/{{catalog}}/{{schema}}"
SEARCH = f"{BASE}/vector-search/{{catalog}}/{{schema}}"
SERVERS = (
    (FUNCTIONS, functions),
    (f"{FUNCTIONS}/{{function}}", functions),
    (SEARCH, vector_search),
    (f"{SEARCH}/{{index}}", vector_search),
    (f"{BASE}/sql", sql),
)
ROUTES = (
    *(Route("POST", path, handler) for path, handler in SERVERS),
    *(Route(method, path, no_stream) for path, _ in SERVERS for method in ("GET", "DELETE")),
    Route("POST", f"{BASE}/external/{{connection}}", external),
    Route("DELETE", f"{BASE}/external/{{connection}}", external),
    Route("GET", f"{BASE}/external/{{connection}}", no_stream),
    Route("POST", f"{BASE}/genie/{{space}}", genie, Fidelity.REFUSED, note="nothing answers"),
)
