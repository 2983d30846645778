"""A proxy in front of a workspace that does something bad at one chosen request."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to the chosen request, and to who sent it."""

    KILL_BEFORE = "killed before the request has its effect"
    KILL_AFTER = "killed after its effect, before the answer"
    LOSE = "answer lost after its effect"
    FAIL = "refused with 500, without effect"

    def meets(self, line: str) -> bool:
        """Whether it can happen to a request: one that only reads has no effect to lose."""
        return self is not Fault.LOSE or not line.startswith("GET ")


@dataclass(slots=True)
class BreakingProxy:
    """Counts the requests that `fault` can meet from 1; number `at` meets it. 0: none does.

    With `where`, those count that have it in their line.
    """

    target: str
    kill: Callable[[], None]
    at: int = 0
    where: str = ""
    fault: Fault = Fault.FAIL
    seen: list[str] = field(default_factory=list)
    host: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, at: int, fault: Fault, where: str = "") -> None:
        with self._lock:
            self.at, self.fault, self.where = at, fault, where
            self.seen.clear()

    def disarm(self) -> None:
        self.arm(0, Fault.FAIL)

    def takes(self, line: str) -> Fault | None:
        """Note a request; the fault that is for it."""
        with self._lock:
            if not self.fault.meets(line) or self.where not in line:
                return None
            self.seen.append(line)
            return self.fault if len(self.seen) == self.at else None


@contextmanager
def breaking_proxy(target: str, kill: Callable[[], None]) -> Iterator[BreakingProxy]:
    """A proxy on a port of its own, for as long as the block lasts."""
    proxy = BreakingProxy(target=target, kill=kill)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    proxy.host = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield proxy
    server.shutdown()
    server.server_close()
    thread.join()


def _handler(proxy: BreakingProxy) -> type[BaseHTTPRequestHandler]:
    address = urlsplit(proxy.target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # the client was killed
                self.close_connection = True

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = proxy.takes(f"{self.command} {self.path}")
            if fault is Fault.KILL_BEFORE:
                proxy.kill()
                self.close_connection = True
                return
            if fault is Fault.FAIL:
                self._answer(500, [], b'{"error_code": "INTERNAL_ERROR", "message": "broken"}')
                return
            upstream = http.client.HTTPConnection(str(address.hostname), address.port)
            upstream.request(self.command, self.path, body or None, dict(self.headers.items()))
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            if fault is not None:
                if fault is Fault.KILL_AFTER:
                    proxy.kill()
                self.close_connection = True
                return
            self._answer(answer.status, answer.getheaders(), content)

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing: a test's output is no access log."""

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    return Handler
