"""What happens at an app's door: who comes in is checked, then bytes pass both ways.

Requests and answers are streamed, websockets passed through. Paths below `/.auth/` (sign-in) and
`/logz` (the app's log) are answered here, as Databricks' own proxy does.
"""

from __future__ import annotations

import asyncio
import html
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from brickyard.workspace.apps import pages
from brickyard.workspace.apps.gate import MANAGE, USE, AppDoor, Gate
from brickyard.workspace.apps.logs import send_log
from brickyard.workspace.apps.process import tail
from brickyard.workspace.identity.sign_in import form as form_of
from brickyard.workspace.identity.sign_in import inside
from brickyard.workspace.identity.tickets import LIFETIME_S
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.kernel.loopback import LOOPBACK

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import web

SIGN_IN, SIGN_OUT, LOG = "/.auth/login", "/.auth/logout", "/logz"
LOG_STREAM: Final = LOG + "/stream"
LOG_SHOWN: Final = 1_000_000
CONNECT_S: Final = 10.0
LARGEST_FORM: Final = 64 * 1024
# Of one connection, not of the message (RFC 9110, 7.6.1); what the door itself decides.
HOP_BY_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("proxy-authenticate", "proxy-authorization", "upgrade", "expect"),
    }
)
OURS: Final = frozenset({"authorization", "cookie", "x-real-ip", "forwarded"})
WEBSOCKET: Final = "sec-websocket-"
log = logging.getLogger("brickyard.apps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What is behind a door now: the port of the app's process, or why there is none."""

    door: AppDoor
    port: int | None
    reason: str
    log: Path


class Proxy:
    """Lives in the front's event loop; `find` says what is behind a door and may be slow."""

    def __init__(self, gate: Gate, find: Callable[[str], Behind]) -> None:
        self._gate = gate
        self._find = find
        self._session: aiohttp.ClientSession | None = None

    async def serve(self, key: str, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            return await self._serve(key, request)
        except ApiError as refused:
            return _refusal(request, refused)
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("a request to the app %s failed", key)
            return _refusal(request, ApiError("INTERNAL_ERROR", "The app's proxy failed"))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _serve(self, key: str, request: web.Request) -> web.StreamResponse:
        behind = await asyncio.to_thread(self._find, key)
        headers = {name.lower(): text for name, text in request.headers.items()}
        path = request.path
        if path == SIGN_IN:
            return await self._sign_in(behind, request, headers)
        if path == SIGN_OUT:
            return _signed_out(behind.door, request)
        cookie = request.cookies.get(cookie_name(behind.door), "")
        level = MANAGE if path in (LOG, LOG_STREAM) else USE
        visitor = await asyncio.to_thread(self._gate.admit, behind.door, headers, cookie, level)
        if path == LOG:
            return _log(behind)
        if path == LOG_STREAM:
            return await send_log(request, behind.log)
        if behind.port is None:
            return _unavailable(request, behind)
        told = await asyncio.to_thread(self._gate.told, behind.door, visitor)
        passed = _passed(request, behind.door, told)
        is_socket = headers.get("upgrade", "").lower() == "websocket"
        pass_on = self._pass_socket if is_socket else self._pass
        return await pass_on(request, behind, passed)

    async def _pass(self, request: web.Request, behind: Behind, headers: Any) -> web.StreamResponse:
        import aiohttp
        from aiohttp import web

        has_body = request.body_exists
        try:
            got = await self._client().request(
                request.method,
                _target("http", behind.port, request),
                headers=headers,
                data=request.content if has_body else None,
                allow_redirects=False,
            )
        except aiohttp.ClientError as fault:
            raise _no_answer(behind) from fault
        try:
            response = web.StreamResponse(status=got.status, reason=got.reason)
            for name, text in got.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    response.headers.add(name, text)
            if "Content-Length" not in got.headers and request.version >= (1, 1):
                response.enable_chunked_encoding()
            await response.prepare(request)
            if request.method != "HEAD":
                async for chunk in got.content.iter_any():
                    await response.write(chunk)
            await response.write_eof()
            return response
        finally:
            got.close()

    async def _pass_socket(
        self, request: web.Request, behind: Behind, headers: Any
    ) -> web.StreamResponse:
        import aiohttp
        from aiohttp import web

        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = tuple(one.strip() for one in offered.split(",") if one.strip())
        try:
            inside = await self._client().ws_connect(
                _target("ws", behind.port, request),
                headers=headers,
                protocols=protocols,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status if refused.status >= 400 else 502)
        except aiohttp.ClientError as fault:
            raise _no_answer(behind) from fault
        chosen = (inside.protocol,) if inside.protocol else ()
        outside = web.WebSocketResponse(protocols=chosen, max_msg_size=0)
        await outside.prepare(request)
        ways = {
            asyncio.create_task(_pump(outside, inside)),
            asyncio.create_task(_pump(inside, outside)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await inside.close(code=outside.close_code or 1000)
            await outside.close(code=inside.close_code or 1000)
        return outside

    async def _sign_in(
        self, behind: Behind, request: web.Request, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        from aiohttp import web

        door = behind.door
        if request.method != "POST":
            return _page(_form_of(door, inside(request.query.get("next", ""))))
        form = await _form(request)
        after = inside(form.get("next", ""))
        try:
            token = form.get("token", "").strip()
            cookie = await asyncio.to_thread(self._gate.sign_in, door, headers, token)
        except ApiError as refused:
            return _page(_form_of(door, after, refused.message), status=refused.status)
        answer = web.Response(status=303, headers={"Location": after})
        answer.set_cookie(
            cookie_name(door), cookie, max_age=LIFETIME_S, path="/", httponly=True, samesite="Lax"
        )
        return answer

    def _client(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session


def cookie_name(door: AppDoor) -> str:
    return f"brickyard_app_{door.id[:8]}"


def _passed(request: web.Request, door: AppDoor, told: Mapping[str, str]) -> Any:
    """The request's headers as the app gets them: without ours, with who is there."""
    from multidict import CIMultiDict

    passed: CIMultiDict[str] = CIMultiDict()
    dropped = {one.strip().lower() for one in request.headers.get("Connection", "").split(",")}
    for name, text in request.headers.items():
        lower = name.lower()
        is_ours = lower in OURS or lower.startswith(("x-forwarded-", WEBSOCKET))
        if not (lower in HOP_BY_HOP or lower in dropped or is_ours):
            passed.add(name, text)
    cookies = "; ".join(_cookies(request, door))
    if cookies:
        passed["Cookie"] = cookies
    for name, text in told.items():
        passed[name] = text
    passed["X-Forwarded-Host"] = request.host
    passed["X-Forwarded-Proto"] = "http"
    passed["X-Forwarded-For"] = passed["X-Real-Ip"] = request.remote or LOOPBACK
    return passed


def _cookies(request: web.Request, door: AppDoor) -> Iterator[str]:
    """The browser's cookies without those of any app's door."""
    for part in request.headers.get("Cookie", "").split(";"):
        if part.strip() and not part.strip().startswith("brickyard_app_"):
            yield part.strip()


def _target(scheme: str, port: int | None, request: web.Request) -> Any:
    from yarl import URL

    path = request.raw_path if request.raw_path.startswith("/") else "/"
    return URL(f"{scheme}://{LOOPBACK}:{port}{path}", encoded=True)


async def _pump(source: Any, sink: Any) -> None:
    import aiohttp

    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)


async def _form(request: web.Request) -> dict[str, str]:
    from urllib.parse import parse_qsl

    body = b""
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise ApiError("BAD_REQUEST", "The form is too large")
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _form_of(door: AppDoor, after: str, fault: str = "") -> str:
    return form_of(door.name, door.workspace.name, SIGN_IN, after=after, fault=fault)


def _wants_page(request: web.Request) -> bool:
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def _refusal(request: web.Request, refused: ApiError) -> web.Response:
    from aiohttp import web

    if refused.code == "UNAUTHENTICATED" and _wants_page(request):
        after = quote(request.raw_path, safe="")
        return web.Response(status=302, headers={"Location": f"{SIGN_IN}?next={after}"})
    if _wants_page(request):
        return _page(pages.note(html.escape(refused.message)), status=refused.status)
    told = {"error_code": refused.code, "message": refused.message}
    return web.json_response(told, status=refused.status, headers=refused.headers)


def _unavailable(request: web.Request, behind: Behind) -> web.Response:
    refused = ApiError(
        "TEMPORARILY_UNAVAILABLE",
        f"App {behind.door.name} is not available: {behind.reason}",
        headers={"Retry-After": "2"},
    )
    return _refusal(request, refused)


def _no_answer(behind: Behind) -> ApiError:
    return ApiError(
        "TEMPORARILY_UNAVAILABLE", f"App {behind.door.name} does not answer", status=502
    )


def _log(behind: Behind) -> web.Response:
    from aiohttp import web

    return web.Response(text=tail(behind.log, LOG_SHOWN), content_type="text/plain")


def _signed_out(door: AppDoor, request: web.Request) -> web.Response:
    answer = _page(pages.note("You are signed out."))
    answer.del_cookie(cookie_name(door), path="/")
    return answer


def _page(text: str, *, status: int = 200) -> web.Response:
    from aiohttp import web

    guard = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline';"
        " form-action 'self'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }
    return web.Response(text=text, status=status, content_type="text/html", headers=guard)
