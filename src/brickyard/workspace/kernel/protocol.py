"""One HTTP/1.1 connection as the server has it: llhttp's events in, requests to the application.

uvicorn starts and stops the servers; this stands where its own protocol would. What is different:
clients are waited for within bounds (`patience.py`), and so is whatever they send that is no body,
heads and trailers above all; an answer leaves in one write (`cycle.py`). A client that ends its
side has gone: a model must stop for it. No WebSockets: an upgrade is not taken up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httptools

from brickyard.workspace.kernel.cycle import STATUS_LINES, Cycle
from brickyard.workspace.kernel.patience import LEAST_BYTES, Patience, Waits

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

LARGEST_HEAD: Final = 128 * 1024  # of a request; and of anything else that is no body
FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
Headers = list[tuple[bytes, bytes]]


class Protocol(asyncio.Protocol):
    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        patience: Patience,
    ) -> None:
        if not config.loaded:
            config.load()
        self.transport: asyncio.Transport
        self.is_full = False  # the client does not read
        self._is_ending = False
        self._app: Any = config.loaded_app
        self._server = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._patience = patience
        self._waits = Waits.NOTHING
        self._parser = _new_parser(self)
        self._ends: dict[str, Any] = {}  # both ends' addresses
        self._drained: asyncio.Future[None] | None = None
        self._is_paused = False  # we do not read
        self._cycle: Cycle | None = None  # the one that is answered, or was the last
        self._next: deque[Cycle] = deque()  # sent without waiting for an answer
        self._coming: Cycle | None = None  # whose body is on its way
        self._is_in_head = False
        self._url = b""
        self._headers: Headers = []
        self._framing: Headers = []  # of a body that the parser leaves, as it sees an upgrade
        self._is_going_on = False  # the parser reads that framing once more
        self._expects = False
        self._other_bytes = 0  # since there was a body, or the end of something
        self._body_bytes = 0
        self._body_since = 0.0

    @property
    def default_headers(self) -> Headers:
        return self._server.default_headers

    # -- asyncio --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        about = transport.get_extra_info
        self._ends = {"server": about("sockname"), "client": about("peername")}
        self._patience.make_room()
        self._wait()
        self._server.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._next.clear()
        self._coming = None
        if self._cycle is not None and not self._cycle.is_complete:
            self._cycle.go()
        self.resume_writing()
        self._patience.done(self)
        self._parser = None  # it holds this, too

    def data_received(self, data: bytes) -> None:
        self._other_bytes += len(data)
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as at:
                data = data[at.args[0] :]
                if self._framing:
                    data = self._go_on_after_upgrade() + data
            except httptools.HttpParserError:
                self._refuse(400)
                return
        if self._other_bytes > LARGEST_HEAD:
            self._refuse(431)
        else:
            self._wait()

    def pause_writing(self) -> None:
        self.is_full = True
        self._wait()

    def resume_writing(self) -> None:
        self.is_full = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._wait()

    async def drained(self) -> None:
        """When the client has read most of what was sent, or has gone."""
        while self.is_full:
            self._drained = self._loop.create_future()
            await self._drained

    def shutdown(self) -> None:
        """No other request over this connection; one that is answered may end."""
        self._next.clear()
        if self._cycle is None or self._cycle.is_complete:
            self.end()
        else:
            self._cycle.keeps = False

    # -- the parser -----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_going_on:
            return
        self._is_in_head, self._expects = True, False
        self._url, self._headers = b"", []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:  # a trailer, which nobody asks for; or framing, read already
            return
        name = name.lower()
        if name == b"expect":
            self._expects = value.lower() == b"100-continue"
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_going_on:
            self._is_going_on = False
            return
        self._is_in_head = False
        self._other_bytes = self._body_bytes = 0
        version = self._parser.get_http_version()
        raw_path, query = _target(self._url)
        path = raw_path.decode("ascii")
        scope = {
            "type": "http",
            "asgi": ASGI,
            "http_version": version,
            "scheme": "http",
            "method": self._parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._headers,
            **self._ends,
        }
        if self._parser.should_upgrade():
            self._framing = [one for one in self._headers if one[0] in FRAMING]
        keeps = version != "1.0" and self._parser.should_keep_alive()
        cycle = self._coming = Cycle(self, scope, keeps=keeps, expects=self._expects)
        if self._is_ending:
            return
        if self._cycle is None or self._cycle.is_complete:
            self._start(cycle)
        else:
            self._next.append(cycle)
            self._pause()

    def on_body(self, body: bytes) -> None:
        self._other_bytes = 0
        self._body_bytes += len(body)
        cycle = self._coming
        if cycle is not None and not cycle.is_complete and not cycle.add(body):
            self._pause()

    def on_message_complete(self) -> None:
        if self._framing:
            return
        self._other_bytes = 0
        cycle, self._coming = self._coming, None
        self._waits = Waits.NOTHING
        self._patience.done(self)
        if cycle is not None:
            cycle.receive_all()
            if cycle.is_complete and not cycle.keeps:
                self.end()

    def _go_on_after_upgrade(self) -> bytes:
        """A head that has another parser read the body which this one takes for the new protocol.

        Clients that would rather speak HTTP/2 offer it beside a whole request.
        """
        self._parser = _new_parser(self)
        self._is_going_on = True
        framing, self._framing = self._framing, []
        return b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % one for one in framing)

    # -- what an answer tells it ----------------------------------------------------------------

    def answered(self, cycle: Cycle) -> None:
        self._server.total_requests += 1
        is_over = not cycle.keeps or self._is_ending
        if is_over and cycle is not self._coming:
            self.end()
            return
        if self._next and not is_over:
            self._start(self._next.popleft())
        self.resume()  # also for a body that nobody wants: its sender reads the answer after it
        self._wait()

    def resume(self) -> None:
        """Go on to read, unless other requests wait for their turn."""
        if self._is_paused and not self._next:
            self._is_paused = False
            self.transport.resume_reading()
            self._wait()

    def end(self) -> None:
        """Once the client has read what was sent."""
        self._is_ending = True
        self.transport.close()
        self._wait()

    def _start(self, cycle: Cycle) -> None:
        self._cycle = cycle
        task = self._loop.create_task(cycle.run(self._app))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    # -- waiting for the client -----------------------------------------------------------------

    def _wait(self) -> None:
        """Have it waited for, from now on if it is for something else than before."""
        waits = self._what_for()
        if waits is self._waits:
            return
        self._waits = waits
        if waits is Waits.NOTHING:
            self._patience.done(self)
            return
        if waits is Waits.BODY:
            self._body_bytes, self._body_since = 0, time.monotonic()
        self._patience.wait(self, self._patience.seconds[waits])

    def _what_for(self) -> Waits:
        if self.is_full or self._is_ending:
            return Waits.READER
        if self._coming is not None:
            return Waits.NOTHING if self._is_paused else Waits.BODY
        if self._is_in_head:
            return Waits.HEAD
        is_idle = self._cycle is None or self._cycle.is_complete
        return Waits.NEXT if is_idle else Waits.NOTHING

    def overdue(self) -> None:
        if self._waits is Waits.BODY:
            earned_s = self._patience.seconds[Waits.BODY] + self._body_bytes / LEAST_BYTES
            left_s = self._body_since + earned_s - time.monotonic()
            if left_s > 0:
                self._patience.wait(self, left_s)
                return
        self.give_up()

    def give_up(self) -> None:
        if self._waits is Waits.NEXT:
            self.end()
        elif self._waits is Waits.READER:
            self.transport.abort()
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """End the connection; say why where no answer is under way."""
        cycle = self._cycle
        is_first = cycle is None or cycle.is_complete
        if cycle is not None and cycle is self._coming and not cycle.has_begun:
            is_first = True
            cycle.go()
        if is_first and not self._is_ending:
            head = b"content-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINES[status] + head)
        self.end()


def _new_parser(events: Protocol) -> Any:
    parser = httptools.HttpRequestParser(events)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _target(url: bytes) -> tuple[bytes, bytes]:
    """Path and query."""
    if url.startswith(b"/") and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    return parsed.path or b"/", parsed.query or b""
