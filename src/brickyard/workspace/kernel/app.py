"""One workspace as an ASGI application: authenticate, find the route, call it, answer.

The frame around every route is here and only here: request ids, the workspace id header, error
JSON, spooled bodies, HEAD and Range on file answers, the access log. Unknown routes answer 404
`ENDPOINT_NOT_FOUND`, which official clients' fall-back chains rely on, and are counted.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
import os
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from brickyard.workspace.kernel.access_log import AccessLog
from brickyard.workspace.kernel.call import Call, Principal, Reply, WorkspaceInfo
from brickyard.workspace.kernel.errors import ApiError
from brickyard.workspace.kernel.hosts import allowed_hosts, require_known_host
from brickyard.workspace.kernel.ids import new_id
from brickyard.workspace.kernel.routing import Fidelity, Route, Router

if TYPE_CHECKING:
    from brickyard.workspace.engines import Engines

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

IN_MEMORY_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
ANONYMOUS = Principal(id=0, user_name="", display_name="")

fault_log = logging.getLogger("brickyard.faults")


class WorkspaceApp:
    """The ASGI application of one workspace; all three share router, engines and threads."""

    def __init__(
        self,
        *,
        info: WorkspaceInfo,
        router: Router,
        engines: Engines,
        threads: ThreadPoolExecutor,
        spool: Path,
        access: AccessLog | None = None,
    ) -> None:
        self.info = info
        self.unknown_routes: Counter[str] = Counter()
        self._router = router
        self._engines = engines
        self._threads = threads
        self._spool = spool
        self._access = access or AccessLog()
        self._hosts = allowed_hosts()
        self._org = str(info.id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        request_id = new_id()
        method, raw_path = scope["method"], _raw_path(scope)
        headers = {str(k, "latin-1"): str(v, "latin-1") for k, v in scope["headers"]}
        extra = {
            "X-Request-Id": request_id,
            "X-Databricks-Org-Id": self._org,
            "Server": "brickyard",
        }
        body: bytes | Path = b""
        who = ANONYMOUS
        found = None
        try:
            require_known_host(headers, self._hosts)
            found = self._router.find(method, raw_path)
            if found is None or found[0].auth:
                # Unknown routes too need a token: nothing about the surface leaks without one.
                who = await self._who(headers, found is not None and found[0].browser)
            if found is None:
                self.unknown_routes[f"{method} {raw_path}"] += 1
                message = f"No API found for '{method} {raw_path}'"
                raise ApiError("ENDPOINT_NOT_FOUND", message)
            route, path = found
            if who.scopes is not None:
                self._engines.identity.require_reach(who, route.method, route.path)
            body = await self._body(headers, receive, route.largest)
            asked = scope["query_string"]
            query = parse_qsl(str(asked, "latin-1"), keep_blank_values=True) if asked else []
            call = Call(
                method=method,
                raw_path=raw_path,
                path=path,
                query_items=query,
                headers=headers,
                body=body,
                principal=who,
                workspace=self.info,
                engines=self._engines,
                receive=receive,
            )
            reply = await self._answer(route, call)
            if route.fidelity is not Fidelity.REAL:
                extra["X-Brickyard-Fidelity"] = route.fidelity.value
        except ApiError as refused:
            reply = self._to_stranger(found, headers, refused) or error_reply(refused, request_id)
        except RecursionError:
            message = "Could not parse request object: it is nested too deep"
            reply = error_reply(ApiError("MALFORMED_REQUEST", message), request_id)
        except Exception:
            fault_log.exception("%s %s failed (%s)", method, raw_path, request_id)
            message = f"Internal error; the workspace's log has it under {request_id}"
            reply = error_reply(ApiError("INTERNAL_ERROR", message), request_id)
        finally:
            if isinstance(body, Path):
                body.unlink(missing_ok=True)
        try:
            sent = await _send(reply, extra, method, headers, send)
        except ConnectionError:  # nobody reads it
            sent = 0
        took_ms = (time.perf_counter() - started) * 1000
        self._access.add(
            f"{self.info.name} {who.user_name or '-'} {method} {raw_path}"
            f" {reply.status} {sent} {took_ms:.1f}"
        )

    def _to_stranger(
        self,
        found: tuple[Route, Mapping[str, str]] | None,
        headers: Mapping[str, str],
        refused: ApiError,
    ) -> Reply | None:
        """What a page says to a browser that nobody has signed in with."""
        if found is None or found[0].stranger is None or refused.code != "UNAUTHENTICATED":
            return None
        return found[0].stranger(self.info) if "text/html" in headers.get("accept", "") else None

    async def _answer(self, route: Route, call: Call) -> Reply:
        if _waits(route.handler):
            answer = await route.handler(call)
        else:
            answer = await self._run(route.handler, call)
        return answer if isinstance(answer, Reply) else Reply(json=answer)

    async def _who(self, headers: Mapping[str, str], is_page: bool) -> Principal:
        """The caller; asked of the database, in a thread, only when memory does not know."""
        identity = self._engines.identity
        if is_page and "authorization" not in headers:
            visitor: Principal = await self._run(identity.sessions.visitor, headers, self.info)
            return visitor
        known = identity.remembered(headers, self.info)
        return known or await self._run(identity.authenticate, headers, self.info)

    async def _run(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    async def _body(
        self, headers: Mapping[str, str], receive: Receive, largest: int | None
    ) -> bytes | Path:
        """The request's body: in memory, or in a spooled file once it is large.

        One that is larger than the route takes is refused as soon as that is known.
        """
        if largest is not None:
            length = headers.get("content-length", "0")
            _require_size(int(length) if length.isdecimal() else 0, largest)
        chunks: list[bytes] = []
        size = 0
        more = True
        while more and size <= IN_MEMORY_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ApiError("BAD_REQUEST", "The client went away")
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            more = message.get("more_body", False)
        if not more and size <= IN_MEMORY_BYTES:
            return b"".join(chunks)
        path = self._spool / uuid.uuid4().hex
        with path.open("xb") as file:
            file.writelines(chunks)
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    path.unlink(missing_ok=True)
                    raise ApiError("BAD_REQUEST", "The client went away")
                chunk = message.get("body", b"")
                size += len(chunk)
                if largest is not None and size > largest:
                    path.unlink(missing_ok=True)
                    _require_size(size, largest)
                await self._run(file.write, chunk)
                more = message.get("more_body", False)
        return path


def _require_size(size: int, largest: int) -> None:
    if size > largest:
        raise ApiError(
            "REQUEST_TOO_LARGE",
            f"The request has {size:,} bytes or more; this route takes up to {largest:,}",
            status=413,
        )


_encode = json.JSONEncoder(separators=(",", ":")).encode
_waits = functools.cache(inspect.iscoroutinefunction)


def error_reply(refused: ApiError, request_id: str) -> Reply:
    """The error JSON that official clients parse."""
    info = {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": request_id}
    body: Mapping[str, object] = refused.body or {
        "error_code": refused.code,
        "message": refused.message,
        "details": [*refused.details, {**info, "serving_data": ""}],
    }
    return Reply(status=refused.status, json=body, headers=dict(refused.headers))


def _raw_path(scope: Scope) -> str:
    raw = scope.get("raw_path") or scope["path"].encode()
    return str(raw.decode("latin-1").split("?", 1)[0])


async def _send(
    reply: Reply, extra: Mapping[str, str], method: str, request: Mapping[str, str], send: Send
) -> int:
    """Write the answer; the number of body bytes sent."""
    headers = {**extra, **reply.headers}
    if reply.stream is not None:
        return await _send_stream(reply, headers, send)
    if isinstance(reply.body, Path):
        return await _send_file(reply, reply.body, headers, method, request, send)
    if reply.body is not None:
        body = reply.body
    elif reply.status == 204 or (reply.json is None and reply.status >= 300):
        body = b""
    else:
        body = _encode({} if reply.json is None else reply.json).encode()
        headers.setdefault("Content-Type", "application/json")
    headers.setdefault("Content-Length", str(len(body)))
    await send(_start(reply.status, headers))
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
    return len(body)


async def _send_stream(reply: Reply, headers: dict[str, str], send: Send) -> int:
    assert reply.stream is not None
    sent = 0
    try:
        await send(_start(reply.status, headers))
        async for chunk in reply.stream:
            sent += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        if isinstance(reply.stream, AsyncGenerator):
            await reply.stream.aclose()
    return sent


async def _send_file(
    reply: Reply,
    path: Path,
    headers: dict[str, str],
    method: str,
    request: Mapping[str, str],
    send: Send,
) -> int:
    """A file, whole or by one byte range."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        status, start, length = reply.status, reply.offset, reply.length
        if length is None:
            wanted = _range(request.get("range", ""), size)
            start, length = wanted or (0, size)
            if wanted:
                status = 206
                headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
        headers.setdefault("Content-Type", "application/octet-stream")
        headers["Accept-Ranges"] = "bytes"
        headers["Content-Length"] = str(length)
        await send(_start(status, headers))
        if method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return 0
        file.seek(start)
        left = length
        while left > 0:
            chunk = file.read(min(CHUNK_BYTES, left))
            if not chunk:
                break
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return length - left


def _range(header: str, size: int) -> tuple[int, int] | None:
    """(first byte, length) of a single `bytes=a-b` range; None when there is none to honour."""
    unit, _, span = header.partition("=")
    first, dash, last = span.partition("-")
    if unit.strip() != "bytes" or not dash or "," in span:
        return None
    try:
        if not first:
            length = min(int(last), size)
            return size - length, length
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
    except ValueError:
        return None
    if start > end:
        details = f"bytes */{size}"
        raise ApiError(
            "BAD_REQUEST", "Range not satisfiable", status=416, headers={"Content-Range": details}
        )
    return start, end - start + 1


def _start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    pairs = [(_header_name(name), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


@functools.lru_cache(maxsize=256)
def _header_name(name: str) -> bytes:
    return name.lower().encode("latin-1")
