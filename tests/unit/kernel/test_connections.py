"""Kept connections: answers in every form that HTTP/1.1 has, and everything that can break them."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from brickyard.workspace.kernel.connections import Connections, Unreachable
from brickyard.workspace.kernel.exchange import BrokenOff, Response, TooLarge

Run = Callable[..., Any]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LARGEST = 1_000_000
OK = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(b"hello " * 100)
TWO = OK + b"Content-Length: 2\r\n\r\nok"


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    made = await asyncio.start_server(one, "127.0.0.1", 0)
    async with made:
        yield f"http://127.0.0.1:{made.sockets[0].getsockname()[1]}/v1/x?y=1"


async def request_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


async def ask(own: Connections, url: str, body: bytes = b"{}", **options: Any) -> Response:
    waits: dict[str, Any] = {"connect_s": 60, "read_s": 60, **options}
    return await own.send("POST", url, {"X-Key": "k"}, body, **waits)


def saying(*answers: bytes) -> Serve:
    """Each answer to one request, all over one connection, which then ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for one in answers:
            await request_of(reader)
            writer.write(one)
            await writer.drain()

    return serve


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def run(request: pytest.FixtureRequest) -> Run:
    def run(serve: Serve, work: Callable[[Connections, str], Awaitable[Any]]) -> Any:
        async def all_of_it() -> Any:
            async with server(serve) as url:
                own = Connections()
                try:
                    return await work(own, url)
                finally:
                    own.close()

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(all_of_it())

    return run


def test_a_connection_is_kept_for_the_next_request(run: Run) -> None:
    seen: list[bytes] = []
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            seen.append(await request_of(reader))
            writer.write(TWO)

    async def work(own: Connections, url: str) -> None:
        for _ in range(3):
            got = await ask(own, url)
            assert (got.status, await got.read(LARGEST)) == (200, b"ok")

    run(serve, work)
    assert opened == 1
    assert len(seen) == 3
    assert seen[0].startswith(b"POST /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Key: k\r\n" in seen[0]
    assert seen[0].endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", b"abcde"),
        (OK + b"\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + TWO, b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (OK + b"Content-Length: 0\r\n\r\n", b""),
    ],
)
def test_a_body_comes_in_every_form(run: Run, answer: bytes, body: bytes) -> None:
    async def work(own: Connections, url: str) -> bytes:
        return await (await ask(own, url)).read(LARGEST)

    assert run(saying(answer), work) == body


def test_a_packed_body_is_unpacked(run: Run) -> None:
    packed = gzip.compress(b"hello " * 100)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    async def work(own: Connections, url: str) -> bytes:
        return await (await ask(own, url)).read(LARGEST)

    assert run(saying(head + packed), work) == b"hello " * 100


def test_members_of_a_packed_body_follow_one_another(run: Run) -> None:
    packed = gzip.compress(b"a" * 300_000) + gzip.compress(b"b") + b"\0\0"
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    async def work(own: Connections, url: str) -> bytes:
        return await (await ask(own, url)).read(LARGEST)

    assert run(saying(head + packed), work) == b"a" * 300_000 + b"b"


def test_a_packed_body_is_not_unpacked_beyond_what_is_wanted(run: Run) -> None:
    packed = gzip.compress(bytes(200 * LARGEST))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    async def work(own: Connections, url: str) -> None:
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                await (await ask(own, url)).read(LARGEST)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 10 * LARGEST

    run(saying(head + packed), work)


def test_chunks_come_as_they_are_sent(run: Run) -> None:
    go_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await go_on.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")

    async def work(own: Connections, url: str) -> list[bytes]:
        found = []
        async for chunk in (await ask(own, url)).chunks():
            found.append(chunk)
            go_on.set()
        return found

    assert run(serve, work) == [b"first", b"last"]


def test_a_large_answer_waits_for_its_reader(run: Run) -> None:
    size = 8 * 1024 * 1024

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % size)
        writer.write(b"x" * size)
        await writer.drain()

    async def work(own: Connections, url: str) -> int:
        got = await ask(own, url)
        await asyncio.sleep(0.05)
        held = sum(map(len, got._chunks))
        assert held < size / 2
        return held + sum([len(chunk) async for chunk in got.chunks()]) - held

    assert run(serve, work) == size


@pytest.mark.parametrize(
    ("answer", "has_begun"),
    [
        (b"", False),
        (OK + b"Content-Length: 5\r\n\r\nab", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", True),
        (OK + b"Content-Le", True),
        (b"SSH-2.0-OpenSSH\r\n", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", True),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", True),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + PACKED[:12], True),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", True),
        (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab", True),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", True),
        (OK + b"".join(b"X-%d: a\r\n" % at for at in range(60_000)), True),
        (OK + b"X: " + b"a" * 600_000, True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 30_000 + TWO, True),
    ],
    ids=range(14),
)
def test_an_answer_that_breaks_off_says_so(run: Run, answer: bytes, has_begun: bool) -> None:
    async def work(own: Connections, url: str) -> None:
        with pytest.raises(BrokenOff) as found:
            await (await ask(own, url, again=True)).read(LARGEST)
        assert found.value.has_begun is has_begun

    run(saying(answer), work)


def test_a_request_goes_out_again_when_a_kept_connection_turns_out_closed(run: Run) -> None:
    tries: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        tries.append(1)
        writer.write(TWO)
        await request_of(reader)  # and ends without an answer
        tries.append(2)

    async def work(own: Connections, url: str) -> None:
        for again in (True, True):
            got = await ask(own, url, again=again)
            assert await got.read(LARGEST) == b"ok"
        with pytest.raises(BrokenOff):
            await ask(own, url)

    run(serve, work)
    assert tries == [1, 2, 1, 2]


def test_what_follows_an_answer_is_not_taken_for_the_next_one(run: Run) -> None:
    answers = iter(
        [TWO + OK + b"Content-Length: 4\r\n\r\nevil", OK + b"Content-Length: 4\r\n\r\ngood"]
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_of(reader)
            writer.write(next(answers))

    async def work(own: Connections, url: str) -> list[bytes]:
        return [await (await ask(own, url)).read(LARGEST) for _ in range(2)]

    assert run(serve, work) == [b"ok", b"good"]


def test_what_takes_too_long_is_given_up(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK + b"Content-Length: 5\r\n\r\n")
        await reader.read()  # until the client has gone

    async def work(own: Connections, url: str) -> None:
        with pytest.raises(TimeoutError):
            await (await ask(own, url, read_s=0.05)).read(LARGEST)
        with pytest.raises(TimeoutError):
            await (await ask(own, url, total_s=0.05)).read(LARGEST)

    run(serve, work)


def test_more_than_is_wanted_is_not_read(run: Run) -> None:
    async def work(own: Connections, url: str) -> None:
        for _ in range(2):
            with pytest.raises(TooLarge):
                await (await ask(own, url)).read(1)

    run(saying(TWO, TWO), work)


def test_nothing_is_sent_where_nobody_listens(run: Run) -> None:
    async def work(own: Connections, url: str) -> None:
        with pytest.raises(Unreachable):
            await ask(own, "http://127.0.0.1:1/")
        with pytest.raises(Unreachable):
            await ask(own, "http://no-such-host.invalid/")

    run(saying(), work)


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Other: b", "snow ☃"])
def test_a_header_that_http_cannot_carry_is_refused(run: Run, value: str) -> None:
    async def work(own: Connections, url: str) -> None:
        with pytest.raises(ValueError, match=r"line break|latin-1"):
            await own.send("POST", url, {"X-Key": value}, b"", connect_s=60, read_s=60)

    run(saying(TWO), work)


def test_a_proxy_of_the_environment_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        if head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 403 Not that one\r\n\r\n")
        else:
            writer.write(TWO)

    async def work(own: Connections, url: str) -> None:
        address = url.removeprefix("http://").split("/")[0]
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://me:secret@{address}")
        monkeypatch.setenv("no_proxy", "")
        got = await ask(own, "http://provider.example:81/v1/x")
        assert await got.read(LARGEST) == b"ok"
        with pytest.raises(Unreachable, match="403 Not that one"):
            await ask(own, "https://provider.example/v1/x")

    run(proxy, work)
    assert seen[0].startswith(b"POST http://provider.example:81/v1/x HTTP/1.1\r\n")
    assert seen[1].startswith(b"CONNECT provider.example:443 HTTP/1.1\r\n")
    assert all(b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head for head in seen)
