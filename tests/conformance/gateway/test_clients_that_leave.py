"""Clients that are slow, send too much or leave, and a server that stops while they ask.

The bounds themselves are tried in `unit/kernel/test_protocol`, quicker than they are here; what a
kill leaves is in `test_usage`.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from gateway_under_test import TRACKED, Gateway, Stub, chat, of_endpoint, until

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.belief]
FLOOD = 1100  # more than the server waits for
ENDLESS = "drip-4000"


@pytest.fixture(scope="module")
def own(workspace: Any, stub: Stub, tmp_path_factory: Any) -> Iterator[Gateway]:
    """A server of its own, that is stopped, too."""
    server = type(workspace)(home=tmp_path_factory.mktemp("leaving") / "home")
    server.start()
    try:
        yield Gateway(server, stub)
    finally:
        server.stop()


class Line:
    """A connection that asks in bytes."""

    def __init__(self, gateway: Gateway) -> None:
        where = urlsplit(gateway.workspace.host())
        self.socket = socket.create_connection((where.hostname, where.port or 80), timeout=60)
        self._head = f"Host: {where.netloc}\r\nAuthorization: Bearer {gateway.workspace.token()}"

    def ask(self, name: str, body: Mapping[str, Any], **headers: str) -> None:
        self.begin(name, json.dumps(body).encode(), **headers)

    def begin(self, name: str, body: bytes, **headers: str) -> None:
        headers = {"Content_Length": str(len(body)), **headers}
        lines = "".join(f"\r\n{key.replace('_', '-')}: {headers[key]}" for key in headers)
        path = f"POST /serving-endpoints/{name}/invocations HTTP/1.1\r\n"
        self.socket.sendall(f"{path}{self._head}{lines}\r\n\r\n".encode() + body)

    def first(self) -> bytes:
        return self.socket.recv(65536)

    def rest(self) -> bytes:
        found = b""
        with contextlib.suppress(ConnectionError):
            while more := self.socket.recv(65536):
                found += more
        return found

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def row(gateway: Gateway, name: str) -> dict[str, Any]:
    """The only row of an endpoint in the usage table."""
    found = until(lambda: of_endpoint(gateway, name), 60)
    assert len(found) == 1
    return dict(found[0])


def test_the_model_stops_for_a_client_that_left(own: Gateway) -> None:
    """Whether words are on their way or not, and the request is in the table once."""
    moving, stalled = (own.external(one, **TRACKED) for one in (ENDLESS, "stall"))
    left = own.stub.seen(f"left {ENDLESS}")
    for name in (moving, stalled):
        with Line(own) as line:
            line.ask(name, chat("a b c d", stream=True))
            assert b"200 OK" in line.first()
    assert until(lambda: own.stub.seen(f"left {ENDLESS}") > left, 60)
    for name in (moving, stalled):
        kept = row(own, name)
        assert (kept["status_code"], kept["request_streaming"]) == (499, True)


def test_slow_clients_keep_nobody_from_asking(own: Gateway) -> None:
    """Heads and bodies that never end, more of them than the server waits for."""
    name = own.external("echo")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * FLOOD if hard == resource.RLIM_INFINITY else min(2 * FLOOD, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    flood = min(FLOOD, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for at in range(flood):
            line = stack.enter_context(Line(own))
            if at % 2:
                line.socket.sendall(b"POST /a HTTP/1.1\r\nX: ")
            else:
                line.begin(name, b"{", Content_Length="100")
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(own.ask, name) for _ in range(32)]
            assert {one.result()[0] for one in asked} == {200}


def test_a_body_that_is_too_large_is_refused_before_it_came(own: Gateway) -> None:
    name = own.external("echo")
    with Line(own) as line:
        line.begin(name, b"{", Content_Length=str(10**12))
        assert b"413" in line.first()
    status, body, _ = own.ask(name, b" " * (17 * 2**20))
    assert (status, body["error_code"]) == (413, "REQUEST_TOO_LARGE")
    assert not list((own.workspace.home / "spool").iterdir())


def test_a_stream_under_way_outlives_what_let_it_in(own: Gateway) -> None:
    """Its endpoint is changed and deleted, its token revoked: the next one finds out."""
    name = own.external("drip-60", **TRACKED)
    token = own.client.tokens.create(comment=uuid.uuid4().hex, lifetime_seconds=3600)
    found: list[Any] = []

    def ask() -> None:
        found.append(own.ask(name, chat("a", stream=True), token=str(token.token_value)))

    before = own.stub.seen("drip-60")
    asking = threading.Thread(target=ask)
    asking.start()
    assert until(lambda: own.stub.seen("drip-60") > before, 60)
    client = own.client
    client.api_client.do(
        "PUT",
        f"/api/2.0/serving-endpoints/{name}/ai-gateway",
        body={"usage_tracking_config": {"enabled": True}, "fallback_config": {"enabled": True}},
    )
    assert token.token_info is not None
    client.tokens.delete(str(token.token_info.token_id))
    client.serving_endpoints.delete(name)
    asking.join()
    status, raw, _ = found[0]
    assert status == 200
    assert raw.count(b'"content"') == 60
    assert raw.endswith(b"data: [DONE]\n\n")
    assert own.ask(name, token=str(token.token_value))[0] == 403
    assert own.ask(name)[0] == 404
    assert row(own, name)["status_code"] == 200


def test_a_server_that_stops_ends_what_it_can_and_says_so_of_the_rest(own: Gateway) -> None:
    quick, slow = own.external("slow-1", **TRACKED), own.external(ENDLESS, **TRACKED)
    before = own.stub.seen("slow-1")
    with Line(own) as answer, Line(own) as stream, ThreadPoolExecutor(2) as pool:
        stream.ask(slow, chat("a", stream=True))
        begun = stream.first()
        answer.ask(quick, chat("still here"))
        assert until(lambda: own.stub.seen("slow-1") > before, 60)
        answered, ended = pool.submit(answer.rest), pool.submit(stream.rest)
        own.workspace.stop()
        assert b"echo: still here" in answered.result()
        last = (begun + ended.result()).split(b"data: ")[-1]
    assert b"is stopping" in last
    own.workspace.start()
    assert row(own, quick)["status_code"] == 200
    assert row(own, slow)["request_streaming"]
