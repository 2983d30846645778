"""What a workspace answers, recorded by its shape: to hold the embedded workspace against it.

Of a reply is kept: method, the route (as the embedded workspace names it), status, and the body
with every text taken out but words of an enumeration (`TERMINATED`, `USER_DEFINED`). Names, ids,
addresses, tokens and data are never written down. Two recordings are compared call by call: the
fields that each answers with.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from brickyard.deploy.connect import Address, connect
from brickyard.deploy.embedded import Embedded
from brickyard.workspace.assembly import ROUTES
from brickyard.workspace.kernel.routing import Router

WORD: Final = re.compile(r"[a-z][a-z_.]*")
ENUMERATION: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,24}")
HOP: Final = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "host"})


def shape(value: Any) -> Any:
    """The value without anything of anybody: texts and numbers by their kind."""
    if isinstance(value, Mapping):
        known = all(re.fullmatch(r"[a-z][\w-]*", str(key)) for key in value)
        if not known:  # a map with somebody's names
            return {"*": shape(next(iter(value.values()), None))}
        return {str(key): shape(one) for key, one in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return "<number>"
    return value if ENUMERATION.fullmatch(value) else "<text>"


def template_of(router: Router, method: str, path: str) -> str:
    """The route that serves a path, with the names of the query; `?` for a path of no route."""
    parts = urlsplit(path)
    found = router.find(method, parts.path)
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    query = f"?{'&'.join(one for one in names if WORD.fullmatch(one))}" if names else ""
    return (found[0].path if found is not None else "?") + query


@dataclass(slots=True)
class Recording:
    """Calls in their order, each as plain data."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    router: Router = field(default_factory=lambda: Router(ROUTES))

    def add(self, method: str, path: str, status: int, body: bytes, kind: str) -> None:
        answer: Any = "<bytes>"
        if "json" in kind or not body:
            try:
                answer = shape(json.loads(body)) if body else None
            except ValueError:
                answer = "<bytes>"
        call = {
            "method": method,
            "path": template_of(self.router, method, path),
            "status": status,
            "body": answer,
        }
        self.calls.append(call)

    def write(self, path: Path) -> None:
        path.write_text("".join(f"{json.dumps(one, sort_keys=True)}\n" for one in self.calls))

    @staticmethod
    def read(path: Path) -> Recording:
        return Recording([json.loads(line) for line in path.read_text().splitlines()])

    def fields(self) -> Mapping[tuple[str, str, int], frozenset[str]]:
        """Every field that was answered, by call."""
        found: defaultdict[tuple[str, str, int], set[str]] = defaultdict(set)
        for one in self.calls:
            key = (one["method"], one["path"].partition("?")[0], one["status"])
            found[key] |= set(_fields(one["body"], ""))
        return {key: frozenset(names) for key, names in found.items()}


def compare(ours: Recording, theirs: Recording) -> list[str]:
    """What one recording answers with and the other does not, for calls that both have."""
    here, there = ours.fields(), theirs.fields()
    told = []
    for key in sorted({*here} & {*there}):
        for word, names in (("more", here[key] - there[key]), ("less", there[key] - here[key])):
            if names:
                method, path, status = key
                told.append(f"{method} {path} {status}: {word}: {', '.join(sorted(names))}")
    return told


def _fields(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _fields(one, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for one in value:
            yield from _fields(one, f"{place}[]")
    elif place:
        yield place


class Recorder:
    """A server on this machine that passes requests on, signed, and records the answers."""

    def __init__(self, target: str, authorize: Callable[[], Mapping[str, str]]) -> None:
        self.recording = Recording()
        self._target = urlsplit(target)
        self._authorize = authorize
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.host = f"http://127.0.0.1:{self._server.server_address[1]}"

    @staticmethod
    def of_profile(name: str) -> Recorder:
        """The workspace of a profile, reached as every command reaches it."""
        where = Address(profile=name, attributes={})
        workspace = connect(where, os.environ, Embedded(start=None, home=Path("nowhere")))
        return Recorder(workspace.host, workspace.authorize)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def passed_on(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = self._connection()
        sent = {k: v for k, v in headers.items() if k.lower() not in {*HOP, "authorization"}}
        upstream.request(method, path, body or None, {**sent, **self._authorize()})
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        with self._lock:
            kind = answer.getheader("content-type") or ""
            self.recording.add(method, path, answer.status, content, kind)
        return answer.status, answer.getheaders(), content

    def _connection(self) -> http.client.HTTPConnection:
        host, port = str(self._target.hostname), self._target.port
        if self._target.scheme == "https":
            return http.client.HTTPSConnection(host, port, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port)


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = recorder.passed_on(
                self.command, self.path, dict(self.headers.items()), body
            )
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing: the recording is the log."""

    return Handler
