"""One HTTP/1.1 connection as a client has it, and the answers that come over it, one after another.

Measured against aiohttp's client, which does much more: a fifth of its processor time for a request
(docs/decisions/0049). The bytes are parsed by llhttp, through httptools.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import httptools

from brickyard.workspace.kernel.packed import ENCODINGS, Unpacking

AHEAD_BYTES: Final = 256 * 1024  # of an answer, before its reader has taken them
HEAD_BYTES: Final = 256 * 1024  # of a head, with all `100 Continue` and their like before it


class BrokenOff(Exception):
    """The connection ended, or made no sense, before the answer was whole."""

    def __init__(self, message: str, *, has_begun: bool) -> None:
        super().__init__(message)
        self.has_begun = has_begun  # something of the answer had come


class TooLarge(Exception):
    """The answer has more bytes than its reader takes."""


class Response:
    """An answer whose head is there. Read it whole or in chunks; `close` it if you do neither.

    Reading raises TimeoutError, BrokenOff and TooLarge.
    """

    def __init__(self, connection: Connection, read_s: float, until: float | None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}  # names in lower case
        self.is_whole = False
        self._connection = connection
        self._read_s = read_s
        self._until = until
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._unpacking: Unpacking | None = None

    async def read(self, largest: int) -> bytes:
        """All of the body."""
        if self.is_whole and len(self._chunks) == 1 and self._unpacking is None:
            chunk = self._chunks.popleft()
            if len(chunk) <= largest:
                return chunk
            raise TooLarge
        parts: list[bytes] = []
        size = 0
        try:
            async for chunk in self.chunks():
                parts.append(chunk)
                size += len(chunk)
                if size > largest:
                    raise TooLarge
        finally:
            self.close()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._held -= len(chunk)
                if self._held <= AHEAD_BYTES:
                    self._connection.resume()
                if self._unpacking is None:
                    yield chunk
                    continue
                for piece in self._unpacked(self._unpacking, chunk):
                    yield piece
            if self._fault is not None:
                raise self._fault
            if self.is_whole:
                if self._unpacking is not None and not self._unpacking.is_whole:
                    raise BrokenOff("the packed body ended early", has_begun=True)
                return
            await self.wait()

    def close(self) -> None:
        """What has not come yet is not wanted: the connection ends, unless the answer is whole."""
        if not self.is_whole:
            self._connection.end()

    async def wait(self) -> None:
        """Until something comes."""
        until = time.monotonic() + self._read_s
        if self._until is not None and self._until < until:
            until = self._until
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self._connection.watch(until)
        try:
            await waiter
        finally:
            self._waiter = None

    # -- what the connection tells it -----------------------------------------------------------

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.status, self.headers = status, headers
        if headers.get("content-encoding", "").lower() in ENCODINGS:
            self._unpacking = Unpacking()
        self._wake()

    def add(self, chunk: bytes) -> bool:
        """Whether there is room for more."""
        self._chunks.append(chunk)
        self._held += len(chunk)
        self._wake()
        return self._held <= AHEAD_BYTES

    def finish(self) -> None:
        self.is_whole = True
        self._wake()

    def fail(self, fault: Exception) -> None:
        self._fault = fault
        self._wake()

    def be_late(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    @property
    def is_awaited(self) -> bool:
        return self._waiter is not None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _unpacked(self, unpacking: Unpacking, chunk: bytes) -> Iterator[bytes]:
        try:
            yield from unpacking.pieces(chunk)
        except zlib.error as fault:
            self.close()
            raise BrokenOff(f"packed bytes that are none: {fault}", has_begun=True) from None


class Connection(asyncio.Protocol):
    """Given back by `on_free` when an answer is whole and the other side keeps the connection."""

    def __init__(self, on_free: Callable[[Connection], None]) -> None:
        self.is_open = False
        self.idle_since = 0.0
        self.transport: asyncio.Transport
        self._on_free = on_free
        self._response: Response | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._has_begun = False
        self._is_paused = False
        self._head_bytes = 0
        self._until = 0.0  # for what is waited for now, or was the last time
        self._looks_at = 0.0
        self._look_later: asyncio.TimerHandle | None = None

    async def ask(self, request: bytes, read_s: float, until: float | None) -> Response:
        """The answer as soon as its head is there. Raises TimeoutError and BrokenOff."""
        response = self._response = Response(self, read_s, until)
        self._has_begun = False
        self._head_bytes = 0
        self.transport.write(request)
        try:
            while not response.status:
                response.raise_fault()
                await response.wait()
        except BaseException:
            self.end()
            raise
        return response

    def end(self) -> None:
        self.is_open = False
        self.transport.abort()

    def watch(self, until: float) -> None:
        """Have the answer be late then, if it is still waited for.

        One timer stays for many waits: most are over long before it is due.
        """
        self._until = until
        if self._look_later is not None:
            if self._looks_at <= until:
                return
            self._look_later.cancel()
        self._looks_at = until
        seconds = max(0.0, until - time.monotonic())
        self._look_later = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._look_later = None
        response = self._response
        if response is None or not response.is_awaited:
            return
        if self._until <= time.monotonic():
            response.be_late()
        else:
            self.watch(self._until)

    def resume(self) -> None:
        if self._is_paused and self.is_open:
            self._is_paused = False
            self.transport.resume_reading()

    # -- asyncio --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # nobody has asked
            self.end()
            return
        self._has_begun = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as fault:
            self._break(f"bytes that are no HTTP: {fault}")
            self.end()
            return
        if not response.status:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._break("the head of the answer does not end")
                self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._look_later is not None:
            self._look_later.cancel()
        response = self._response
        if response is None:
            return
        if response.status and exc is None and not self._is_sized():
            self._response = None
            response.finish()
        else:
            self._break(str(exc) if exc else "the connection ended")

    def _is_sized(self) -> bool:
        return "content-length" in self._headers or "transfer-encoding" in self._headers

    def _break(self, why: str) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.fail(BrokenOff(why, has_begun=self._has_begun))

    # -- the parser -----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._headers = {}
        if self._response is None:  # a second answer to one request: it is not the next one's
            self.end()

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = str(name, "latin-1").lower(), str(value, "latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and self._response is not None:
            self._response.begin(status, self._headers)

    def on_body(self, body: bytes) -> None:
        if self._response is not None and not self._response.add(body) and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        response = self._response
        if response is None or not response.status:  # `100 Continue` and its like
            return
        keeps = self._parser.should_keep_alive()
        self._response = None
        response.finish()
        self.resume()
        if keeps and self.is_open:
            self.idle_since = time.monotonic()
            self._on_free(self)
        else:
            self.end()
