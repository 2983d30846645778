"""One request and its answer, as ASGI has them: `receive` and `send` of an application.

An answer's head waits for the first bytes of its body, and leaves in one write with them: a client
that is woken by a head only waits again. A stream's head does go out at once.
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from brickyard.workspace.kernel.protocol import Protocol

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

AHEAD_BYTES: Final = 64 * 1024  # of a body, before the application takes them
JOINED_BYTES: Final = 256 * 1024
STATUS_LINES: Final = {
    one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in http.HTTPStatus
}
BODILESS: Final = (204, 304)
FAILED: Final = b"Internal Server Error"
log = logging.getLogger("brickyard.faults")


class ClientGone(ConnectionError):
    """Nobody reads what is sent."""


class Cycle:
    __slots__ = (
        "_chunks",
        "_expects",
        "_has_news",
        "_head",
        "_held",
        "_is_chunked",
        "_is_silent",
        "_left",
        "_protocol",
        "_waiter",
        "has_begun",
        "is_complete",
        "is_gone",
        "is_received",
        "keeps",
        "scope",
    )

    def __init__(
        self, protocol: Protocol, scope: MutableMapping[str, Any], *, keeps: bool, expects: bool
    ) -> None:
        self.scope = scope
        self.keeps = keeps  # the connection, after the answer
        self.is_received = False  # the request, whole
        self.is_complete = False  # the answer
        self.is_gone = False  # the client
        self.has_begun = False  # the answer
        self._protocol = protocol
        self._expects = expects  # "100 Continue" before the body comes
        self._chunks: list[bytes] = []
        self._held = 0
        self._has_news = False
        self._waiter: asyncio.Future[None] | None = None
        self._head = b""
        self._is_chunked = False
        self._is_silent = False  # no body follows, whatever the application sends
        self._left: int | None = None  # bytes of a body whose length is said

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as fault:
            if not isinstance(fault, asyncio.CancelledError | ClientGone):
                log.exception("an answer failed")
            if not (self.has_begun or self.is_gone):
                await self._fail()
        if not self.is_complete:
            self._protocol.end()

    # -- what the application calls -------------------------------------------------------------

    async def receive(self) -> Message:
        if self._expects:
            self._expects = False
            self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._has_news or self.is_gone or self.is_complete):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.is_gone or self.is_complete:
            return {"type": "http.disconnect"}
        chunks, self._chunks = self._chunks, []
        self._has_news = False
        self._held = 0
        if not self.is_received:
            self._protocol.resume()
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return {"type": "http.request", "body": body, "more_body": not self.is_received}

    async def send(self, message: Message) -> None:
        if self._protocol.is_full:
            await self._protocol.drained()
        if self.is_gone:
            raise ClientGone
        if self.is_complete:
            raise RuntimeError("the answer was complete")
        if not self.has_begun:
            self._begin(message["status"], message["headers"])
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        self._write(self._framed(body, more))
        if not more:
            self.is_complete = True
            self._wake()
            self._protocol.answered(self)

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.has_begun, self._expects = True, False
        self._is_silent = self.scope["method"] == "HEAD" or status in BODILESS
        is_sized = self._is_silent
        lines = [STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        count = 2  # the status and the empty line
        for name, value in (*self._protocol.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
            count += 1
            if name == b"content-length":
                self._left, is_sized = int(value), True
            elif name == b"connection" and value.lower() == b"close":
                self.keeps = False
        if not is_sized:
            self._is_chunked = self.scope["http_version"] == "1.1"
            if self._is_chunked:
                lines.append(b"transfer-encoding: chunked\r\n")
                count += 1
            else:  # the body is over when the connection is
                self.keeps = False
        if not self.keeps:
            lines.append(b"connection: close\r\n")
            count += 1
        head = b"".join((*lines, b"\r\n"))
        if not head.count(b"\n") == head.count(b"\r") == count or b"\0" in head:
            raise ValueError("a header has a line break")
        if is_sized:
            self._head = head
        else:
            self._protocol.transport.write(head)

    def _framed(self, body: bytes, more: bool) -> bytes:
        if self._is_silent:
            return b""
        if self._is_chunked:
            end = b"" if more else b"0\r\n\r\n"
            return b"%x\r\n%b\r\n%b" % (len(body), body, end) if body else end
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise ValueError("the answer is not as long as its head says")
        return body

    def _write(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head and len(data) <= JOINED_BYTES:
            data = head + data
        elif head:
            self._protocol.transport.write(head)
        if data:
            self._protocol.transport.write(data)

    async def _fail(self) -> None:
        self.keeps = False
        length = str(len(FAILED)).encode()
        headers = [(b"content-type", b"text/plain"), (b"content-length", length)]
        await self.send({"status": 500, "headers": headers})
        await self.send({"body": FAILED})

    # -- what the connection tells it -----------------------------------------------------------

    def add(self, chunk: bytes) -> bool:
        """Some of the body came; whether there is room for more."""
        self._chunks.append(chunk)
        self._held += len(chunk)
        self._has_news = True
        self._wake()
        return self._held <= AHEAD_BYTES

    def receive_all(self) -> None:
        """The request is here whole."""
        self.is_received = self._has_news = True
        self._wake()

    def go(self) -> None:
        """The client went away."""
        self.is_gone = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
