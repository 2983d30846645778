"""Requests to MLflow's server: raw bytes there and back, without holding a thread.

One connection pool per event loop; a request that could not be delivered because the server had
died starts it again and is sent once more.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.mlflow.child import TrackingServer
from brickyard.workspace.mlflow.tracking_server import SECRET_HEADER

if TYPE_CHECKING:
    import aiohttp

WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
# What MLflow says about a request that cannot be met, and takes for a failure of its own: clients
# would ask again for minutes.
REQUESTS_OWN_FAULT = (
    "`order_by` contains duplicate fields",
    "Invalid comparator",
    "Invalid identifier type",
    "could not convert string to float",
    "type object 'SqlLoggedModel' has no attribute",  # an attribute that cannot be searched by
    "Python int too large to convert to SQLite INTEGER",
)
TIMEOUT_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    content_type: str

    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}

    def result(self) -> Any:
        """The JSON of a success; MLflow's refusal as our own."""
        if self.status < 400:
            return self.json()
        try:
            fault = self.json()
            code, message = str(fault["error_code"]), str(fault.get("message", ""))
        except (ValueError, KeyError, TypeError):
            raise self._wordless() from None
        raise ApiError(code, message, status=self.status)

    @property
    def is_wordless(self) -> bool:
        """An error page of its web server instead of JSON that clients understand."""
        return self.status >= 400 and not self.content_type.startswith("application/json")

    def _wordless(self) -> ApiError:
        codes = {404: "RESOURCE_DOES_NOT_EXIST", 414: "INVALID_PARAMETER_VALUE"}
        code = codes.get(self.status, "BAD_REQUEST" if self.status < 500 else "INTERNAL_ERROR")
        return ApiError(code, f"MLflow's server answered {self.status}", status=self.status)


def blamed(answer: Answer) -> Answer:
    """The same answer; but a fault of the request as 400, where MLflow's server says 500."""
    if answer.status != 500 or answer.is_wordless:
        return answer
    try:
        fault = answer.json()
        is_the_requests = str(fault["message"]).startswith(REQUESTS_OWN_FAULT)
    except (ValueError, KeyError, TypeError):
        return answer
    if not is_the_requests:
        return answer
    body = json.dumps({**fault, "error_code": "INVALID_PARAMETER_VALUE"}).encode()
    return replace(answer, status=400, body=body)


def misled(answer: Answer, token: str) -> Answer:
    """The same answer; but 400 where its server fell over a page token that is none of its own.

    Its tokens are JSON objects in base64; it looks no closer before it uses one.
    """
    if answer.status != 500 or not token or _is_page_token(token):
        return answer
    message = f"Invalid page token: {token!r}"
    body = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": message}).encode()
    return Answer(status=400, body=body, content_type="application/json")


def _is_page_token(token: str) -> bool:
    try:
        return isinstance(json.loads(base64.b64decode(token)), dict)
    except ValueError:
        return False


def _page_token(query: Sequence[tuple[str, str]], body: bytes | None) -> str:
    """What a request says where to go on, if it is one for a page."""
    for name, value in query:
        if name == "page_token":
            return value
    if body is None or b"page_token" not in body:
        return ""
    try:
        return str(json.loads(body).get("page_token") or "")
    except (ValueError, AttributeError):
        return ""


class Proxy:
    def __init__(self, server: TrackingServer) -> None:
        self._server = server
        self._pool: tuple[asyncio.AbstractEventLoop, str, aiohttp.ClientSession] | None = None

    async def send(
        self,
        workspace: str,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """`path` is percent-encoded already."""
        import aiohttp
        from yarl import URL

        target = f"http://mlflow{path}?{urlencode(query)}" if query else f"http://mlflow{path}"
        headers = {WORKSPACE_HEADER: workspace, "Content-Type": content_type}
        for last in (False, True):
            if not self._server.is_ready():
                await asyncio.shield(asyncio.wrap_future(self._server.starting()))
            headers[SECRET_HEADER] = self._server.secret
            try:
                session = await self._session()
                async with session.request(
                    method, URL(target, encoded=True), data=body or None, headers=headers
                ) as got:
                    kind = got.headers.get("Content-Type", "application/json")
                    found = Answer(status=got.status, body=await got.read(), content_type=kind)
                    return misled(blamed(found), _page_token(query, body))
            except aiohttp.ClientConnectorError as fault:
                if last:
                    raise ApiError("TEMPORARILY_UNAVAILABLE", "MLflow is restarting") from fault
                await asyncio.sleep(0.1)
            except aiohttp.ClientError as fault:
                message = "MLflow's server died during the request; repeat it"
                raise ApiError("TEMPORARILY_UNAVAILABLE", message) from fault
            except TimeoutError as fault:
                raise ApiError("DEADLINE_EXCEEDED", "MLflow's server did not answer") from fault
        raise AssertionError

    def close(self) -> None:
        """Close the pool of a loop that has ended."""
        if self._pool is not None and not self._pool[0].is_running():
            asyncio.run(self._pool[2].close())
            self._pool = None

    async def _session(self) -> aiohttp.ClientSession:
        import aiohttp

        loop, path = asyncio.get_running_loop(), str(self._server.socket)
        if self._pool is not None and self._pool[:2] == (loop, path):
            return self._pool[2]
        old, timeout = self._pool, aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.UnixConnector(path=path, limit=64, keepalive_timeout=60)
        session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        self._pool = (loop, path, session)
        if old is not None:
            await old[2].close()
        return session
