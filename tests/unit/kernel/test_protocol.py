"""A connection of the server: answers in one piece, and clients that are slow, endless or gone."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import uvicorn

from brickyard.workspace.kernel.patience import SECONDS, Patience
from brickyard.workspace.kernel.protocol import LARGEST_HEAD, Protocol

ASKED: list[str] = []
GONE: list[str] = []
HASTY = dict.fromkeys(SECONDS, 0.5)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Says the path, as the workspace does: with its length, and to HEAD without the text.

    `/length` says how long the request's body is, `/stream` answers in pieces, `/wait` never
    answers, `/flood` without end, `/early` before it has the body.
    """
    path = scope["path"]
    text = path.encode()
    if path == "/length":
        text = str(len(await body_of(receive))).encode()
    if path == "/wait":
        ASKED.append(path)
        while (await receive())["type"] != "http.disconnect":
            pass
        GONE.append(scope["query_string"].decode())
        return
    status = 404 if path.endswith("/none") else 200
    if path == "/stream":
        await send({"type": "http.response.start", "status": status, "headers": []})
        for one in (b"a", b"", b"bc"):
            await send({"type": "http.response.body", "body": one, "more_body": True})
            await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b""})
        return
    if path == "/flood":
        await send({"type": "http.response.start", "status": status, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        except ConnectionError:
            GONE.append("flood")
            raise
    head = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    body = b"" if scope["method"] == "HEAD" else text
    await send({"type": "http.response.body", "body": body})


async def body_of(receive: Any) -> bytes:
    found = b""
    while True:
        message = await receive()
        found += message.get("body", b"")
        if not message.get("more_body"):
            return found


@contextmanager
def served(patience: Patience) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    protocol: Any = functools.partial(Protocol, patience=patience)
    server = uvicorn.Server(
        uvicorn.Config(application, http=protocol, lifespan="off", log_config=None)
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listening.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(Patience()) as found:
        yield found


@pytest.fixture(scope="module")
def hasty() -> Iterator[int]:
    """A server that waits half a second for anything."""
    with served(Patience(seconds=HASTY)) as found:
        yield found


def eventually(holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)


def connected(port: int) -> AbstractContextManager[socket.socket]:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def rest(client: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while more := client.recv(65536):
            found += more
    return found


def test_questions_without_an_answer_s_body_are_answered_too(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for method, path, status in (
        ("GET", "/a", 200),
        ("HEAD", "/some", 200),
        ("HEAD", "/some/none", 404),
        ("HEAD", "/", 200),
        ("GET", "/b", 200),
    ):
        connection.request(method, path)
        answer = connection.getresponse()
        length, text = answer.headers["Content-Length"], answer.read()
        assert (answer.status, length) == (status, str(len(path))), method
        assert text == (b"" if method == "HEAD" else path.encode())
    connection.close()


def test_a_head_that_does_not_end_is_refused(port: int) -> None:
    for line in (b"X-Long: " + b"a" * 4096, b"X-Many: a\r\n" * 400):
        with connected(port) as client:
            with contextlib.suppress(ConnectionError):  # it may be closed while we write
                client.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n" + line)
                for _ in range(1000):
                    client.sendall(line.removeprefix(b"X-Long: "))
            answer = rest(client)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "endless",
    [b"0\r\n" + b"X-Trailer: a\r\n" * 300, b"1;" + b"a" * 4000, b"0\r\nX: " + b"a" * 4000],
    ids=["trailers", "extension", "trailer"],
)
def test_what_follows_a_body_has_an_end(port: int, endless: bytes) -> None:
    more = endless.removeprefix(b"0\r\n").removeprefix(b"1;").removeprefix(b"X: ")
    sent = 0
    with connected(port) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(
                b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            client.sendall(b"1\r\na\r\n" + endless)
            while sent < 200 * LARGEST_HEAD:
                client.sendall(more)
                sent += len(more)
        answer = rest(client)
    assert sent < 200 * LARGEST_HEAD
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


def test_trailers_are_taken_and_the_connection_goes_on(port: int) -> None:
    with connected(port) as client:
        client.sendall(
            b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2;a=b\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"
            b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answers = rest(client)
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert b"\r\n\r\n5HTTP/1.1" in answers
    assert answers.endswith(b"/last")


def test_a_long_head_and_a_long_body_are_taken(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(2):
        connection.request("POST", "/length", b"x" * 1_000_000, {"X-Long": "a" * 60_000})
        assert connection.getresponse().read() == b"1000000"
        connection.request("POST", "/early", b"x" * 1_000_000)  # nobody reads this body
        assert connection.getresponse().read() == b"/early"
    connection.request("POST", "/early", b"x" * 30_000_000, {"Connection": "close"})
    assert connection.getresponse().read() == b"/early"
    connection.close()


def test_requests_that_do_not_wait_are_answered_in_their_order(port: int) -> None:
    paths = [f"/{at}" if at % 2 else "/stream" for at in range(60)]
    text = "".join(
        f"POST {one} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" for one in paths
    )
    with connected(port) as client:
        client.sendall(text.encode() + b"GET /end HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = rest(client).split(b"HTTP/1.1 200 ")[1:]
    bodies = [one.partition(b"\r\n\r\n")[2] for one in answers]
    chunks = b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    assert bodies == [chunks if one == "/stream" else one.encode() for one in (*paths, "/end")]


def test_an_old_client_is_answered_as_it_can_read(port: int) -> None:
    with connected(port) as client:
        client.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
        assert rest(client).endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize(
    "raw", [b"nonsense\r\n\r\n", b"GET http:// HTTP/1.1\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_is_refused(port: int, raw: bytes) -> None:
    with connected(port) as client:
        client.sendall(raw)
        assert rest(client).startswith(b"HTTP/1.1 400 ")


def test_an_upgrade_is_not_taken_up(port: int) -> None:
    ask = b"GET /%b HTTP/1.1\r\nHost: x\r\nConnection: %b\r\nUpgrade: h2c\r\n\r\n"
    with connected(port) as client:
        client.sendall(ask % (b"one", b"Upgrade"))
        assert b"/one" in client.recv(65536)
        client.sendall(ask % (b"two", b"close"))
        assert rest(client).endswith(b"/two")


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 3\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: 1\r\n\r\n",
    ],
    ids=["sized", "chunked"],
)
def test_a_body_beside_an_offer_to_upgrade_is_read(port: int, body: bytes) -> None:
    """As Java's HttpClient and `curl --http2` send it."""
    ask = b"POST /length HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + body
    last = b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"
    for pieces in ([ask + ask + last], [bytes([one]) for one in ask + ask + last]):
        with connected(port) as client:
            for piece in pieces:
                client.sendall(piece)
            answers = rest(client).split(b"HTTP/1.1 200 ")[1:]
        bodies = [one.partition(b"\r\n\r\n")[2] for one in answers]
        assert bodies == [b"3", b"3", b"/last"]


@pytest.mark.parametrize("dripped", [b"GET /a HTTP/1.1\r\nX: ", b"\r\n", b""])
def test_a_head_that_drips_is_given_up(hasty: int, dripped: bytes) -> None:
    with connected(hasty) as client:
        client.sendall(dripped)
        client.settimeout(0.02)
        answer = b""
        give_up_at = time.monotonic() + 60
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < give_up_at:
                try:
                    answer = client.recv(65536)
                    break
                except TimeoutError:
                    client.sendall(dripped[-1:])
        assert time.monotonic() < give_up_at
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", [b"/length", b"/early"])
def test_a_body_that_drips_is_given_up(hasty: int, path: bytes) -> None:
    with connected(hasty) as client:
        client.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na" % path)
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 408 " if path == b"/length" else b"HTTP/1.1 200 ")


def test_a_body_may_take_as_long_as_it_moves(hasty: int) -> None:
    with connected(hasty) as client:
        head = b"POST /length HTTP/1.1\r\nConnection: close\r\nContent-Length: 131072\r\n\r\n"
        client.sendall(head + b"x" * 65536)
        for _ in range(8):
            time.sleep(0.15)
            client.sendall(b"x" * 8192)
        assert rest(client).endswith(b"131072")


def test_a_client_that_does_not_read_is_given_up(hasty: int) -> None:
    GONE.clear()
    with connected(hasty) as client:
        client.sendall(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: GONE == ["flood"])


def test_an_answer_that_takes_long_is_waited_for(hasty: int) -> None:
    """Only clients are given up: as long as it is our turn, nothing ends."""
    GONE.clear()
    with connected(hasty) as client:
        client.sendall(b"GET /wait?long HTTP/1.1\r\nHost: x\r\n\r\n")
        client.settimeout(2.0)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert not GONE
    eventually(lambda: GONE == ["long"])


def test_a_client_that_ends_its_side_has_gone(port: int) -> None:
    GONE.clear()
    with connected(port) as client:
        client.sendall(b"GET /wait?half HTTP/1.1\r\nHost: x\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        eventually(lambda: GONE == ["half"])


def test_too_many_slow_ones_end_each_other_and_nobody_else() -> None:
    with served(Patience(most=8)) as port, contextlib.ExitStack() as stack:
        waiting = stack.enter_context(connected(port))
        ASKED.clear()
        waiting.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: ASKED)
        slow = []
        for at in range(30):
            slow.append(stack.enter_context(connected(port)))
            slow[-1].sendall(b"POST /length HTTP/1.1\r\nContent-Length: 9\r\n\r\na"[: 20 + 2 * at])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(20):
            connection.request("GET", "/quick")
            assert connection.getresponse().read() == b"/quick"
        connection.close()
        assert all(rest(one)[:13] in (b"", b"HTTP/1.1 408 ") for one in slow[:20])
        waiting.settimeout(0.2)
        with pytest.raises(TimeoutError):  # it is still there
            waiting.recv(1)
