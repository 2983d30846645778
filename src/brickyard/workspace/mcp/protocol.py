"""The Model Context Protocol over Streamable HTTP, as far as a server of tools needs it.

Follows the specification (2025-06-18 and before): JSON-RPC 2.0 in the body of a POST. The answer is
JSON; that of a tool is an event of a stream if the client takes events, for clients give up on an
answer that says nothing for five seconds, and a comment in the stream says that it is coming. No
session is kept, so no session id is given and there is no stream to open with GET.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from brickyard.workspace.kernel import ApiError, Call, Reply

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
PARSE, INVALID, NO_METHOD, BAD_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
STILL_S: Final = 2.0
EVENTS: Final = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
NOTHING_BACK: Final = Reply(status=202, body=b"")
# Tools ask this server over HTTP: they must not wait for the threads that answer it.
_threads: Final = ThreadPoolExecutor(16, thread_name_prefix="mcp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`run` gets the arguments and the request's `_meta`; it gives the text of the answer."""

    name: str
    description: str
    schema: Mapping[str, Any]
    run: Callable[[Mapping[str, Any], Mapping[str, Any]], str] = field(repr=False)

    def shown(self) -> dict[str, Any]:
        return {"name": self.name, "description": self.description, "inputSchema": self.schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server for one caller. `tools` is asked when tools are listed or called."""

    title: str
    tools: Callable[[], Sequence[Tool]]


NOT_JSON_RPC: Final = "Invalid request: not JSON-RPC 2.0"


class Fault(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def serve(call: Call, server: Server) -> Reply:
    """The answer to one POST."""
    try:
        asked = json.loads(call.body())
    except (ValueError, RecursionError) as fault:
        return _reply(call, _error(None, PARSE, f"Parse error: {fault}"), status=400)
    if not asked or not isinstance(asked, dict | list):
        return _reply(call, _error(None, INVALID, NOT_JSON_RPC), status=400)
    if isinstance(asked, dict) and asked.get("jsonrpc") != "2.0":
        return _reply(call, _error(None, INVALID, NOT_JSON_RPC), status=400)
    loop = asyncio.get_running_loop()
    if isinstance(asked, list):  # a batch, which the protocol of 2025-03-26 knows
        several = [await loop.run_in_executor(_threads, answered, server, one) for one in asked]
        kept = [one for one in several if one is not None]
        return _reply(call, kept) if kept else NOTHING_BACK
    work = loop.run_in_executor(_threads, answered, server, asked)
    if _takes_events(call) and isinstance(asked, dict) and asked.get("method") == "tools/call":
        return Reply(stream=_events(work), headers=EVENTS)
    answer = await work
    return NOTHING_BACK if answer is None else _reply(call, answer)


async def _events(work: asyncio.Future[dict[str, Any] | None]) -> AsyncIterator[bytes]:
    """The answer as an event, once it is there; comments until then."""
    while True:
        done, _ = await asyncio.wait([work], timeout=STILL_S)
        if done:
            break
        yield b": still at work\n\n"
    if (answer := work.result()) is not None:
        yield _event(answer)


def _event(answer: Any) -> bytes:
    return f"event: message\ndata: {json.dumps(answer, ensure_ascii=False)}\n\n".encode()


def _takes_events(call: Call) -> bool:
    return "text/event-stream" in call.header("accept")


def answered(server: Server, asked: Any) -> dict[str, Any] | None:
    """The JSON-RPC response; None for a notification or a response of the client's."""
    if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0":
        return _error(None, INVALID, NOT_JSON_RPC)
    if "method" not in asked:
        return (
            None
            if "result" in asked or "error" in asked
            else (_error(asked.get("id"), INVALID, "Invalid request: no method"))
        )
    if "id" not in asked:
        return None
    id, method = asked["id"], asked["method"]
    params = asked.get("params")
    run = _METHODS.get(method) if isinstance(method, str) else None
    if run is None:
        return _error(id, NO_METHOD, f"Method not found: {method}")
    try:
        result = run(server, params if isinstance(params, dict) else {})
    except Fault as fault:
        return _error(id, fault.code, str(fault))
    except ApiError as refused:
        return _error(id, INTERNAL, f"{refused.code}: {refused.message}")
    return {"jsonrpc": "2.0", "id": id, "result": result}


def _initialize(server: Server, params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = params.get("protocolVersion")
    return {
        "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": server.title, "version": version("brickyard")},
    }


def _list(server: Server, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"tools": [one.shown() for one in server.tools()]}


def _call(server: Server, params: Mapping[str, Any]) -> dict[str, Any]:
    """What goes wrong inside a tool is told to the model as the tool's answer."""
    name, given = params.get("name"), params.get("arguments") or {}
    if not isinstance(given, dict):
        raise Fault(BAD_PARAMS, "arguments must be an object")
    tool = next((one for one in server.tools() if one.name == name), None)
    if tool is None:
        raise Fault(BAD_PARAMS, f"Unknown tool: {name}")
    meta = params.get("_meta")
    lacking = [one for one in tool.schema.get("required", ()) if one not in given]
    try:
        if lacking:
            raise ApiError("INVALID_PARAMETER_VALUE", f"missing argument: {', '.join(lacking)}")
        text, failed = tool.run(given, meta if isinstance(meta, dict) else {}), False
    except ApiError as refused:
        text, failed = f"{refused.code}: {refused.message}", True
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _ping(server: Server, params: Mapping[str, Any]) -> dict[str, Any]:
    return {}


_METHODS: Final[Mapping[str, Callable[[Server, Mapping[str, Any]], dict[str, Any]]]] = {
    "initialize": _initialize,
    "ping": _ping,
    "tools/list": _list,
    "tools/call": _call,
}


def _error(id: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}


def _reply(call: Call, answer: Any, *, status: int = 200) -> Reply:
    accepts = call.header("accept", "*/*")
    if _takes_events(call) and "json" not in accepts and "*/*" not in accepts:
        return Reply(status=status, body=_event(answer), headers=EVENTS)
    data = json.dumps(answer, ensure_ascii=False).encode()
    return Reply(status=status, body=data, headers={"Content-Type": "application/json"})
