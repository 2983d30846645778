"""Providers that do what no provider should: each request ends in a clear answer, and in one row.

What is said on the wire is written here byte by byte; the connection ends after it.
"""

from __future__ import annotations

import gzip
import json
import re
import socketserver
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gateway_under_test import TRACKED, Gateway, chat, of_endpoint, until

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.belief]
OK = b"HTTP/1.1 200 OK\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
EVENTS = OK + b"Content-Type: text/event-stream\r\n\r\n"
DEEP = b"[" * 100_000
BOMB = gzip.compress(b" " * 200_000_000, compresslevel=1)


def body(raw: bytes, head: bytes = JSON) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(raw) + raw


def said(content: Any = "hi", **more: Any) -> bytes:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], **more}).encode()


def chunk(delta: Any, **more: Any) -> bytes:
    data = {"choices": [{"index": 0, "delta": delta}], **more}
    return f"data: {json.dumps(data)}\n\n".encode()


# model -> (what it answers, status that the caller gets)
ANSWERS: Mapping[str, tuple[bytes, int]] = {
    "bomb": (body(BOMB, JSON + b"Content-Encoding: gzip\r\n"), 502),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", 502),
    "two-lengths": (OK + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}       ", 502),
    "length-and-chunks": (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 502),
    "switch": (b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502),
    "endless-head": (OK + b"X-A: b\r\n" * 60_000, 502),
    "continues": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + body(said()), 200),
    "second-answer": (body(said()) + body(said("of somebody else")), 200),
    "status-999": (body(b"{}", b"HTTP/1.1 999 What\r\n"), 502),
    "retry-junk": (body(b"{}", b"HTTP/1.1 429 No\r\nRetry-After: \xff\xfe\r\n"), 429),
    "deep": (body(DEEP), 502),
    "deep-refusal": (body(DEEP, b"HTTP/1.1 400 No\r\n"), 400),
    "no-utf8": (body(b'{"choices": "\xff"}'), 502),
    "choices-of-numbers": (body(b'{"choices": [5]}'), 200),
    "tokens-below-zero": (body(said(usage={"prompt_tokens": -9, "completion_tokens": -9})), 200),
    "tokens-beyond-64-bits": (body(said(usage={"prompt_tokens": 10**30})), 200),
}
STREAMS: Mapping[str, bytes] = {
    "no-utf8": EVENTS + b"data: \xff\xfe{\n\n",
    "odd-choices": EVENTS + b'data: {"choices": [5], "usage": {}}\n\n',
    "odd-delta": EVENTS + chunk([5], usage=7) + chunk("text", usage=7),
    "far-index": EVENTS + chunk({"tool_calls": [{"index": 10**12, "function": {}}]}),
    "deep": EVENTS + b'data: {"usage": ' + DEEP + b"\n\n",
    "bomb": OK + b"Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n" + BOMB,
    "tokens-below-zero": EVENTS + chunk({"content": "a"}, usage={"prompt_tokens": -(10**30)}),
}


class Hostile:
    """A provider on a port: what the model's name says is answered."""

    def __init__(self) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                length = 0
                while (line := self.rfile.readline()).strip():
                    if found := re.match(rb"content-length: *(\d+)", line, re.IGNORECASE):
                        length = int(found[1])
                asked = json.loads(self.rfile.read(length) or b"{}")
                model = asked.get("model", "")
                answer = STREAMS[model] if asked.get("stream") else ANSWERS[model][0]
                try:
                    self.wfile.write(answer)
                except ConnectionError:
                    pass  # the gateway has had enough

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def hostile(workspace: Any) -> Iterator[Gateway]:
    provider = Hostile()
    yield Gateway(workspace, provider)  # type: ignore[arg-type]
    provider.stop()


def test_whatever_a_provider_answers_the_caller_is_told_and_it_is_recorded_once(
    hostile: Gateway,
) -> None:
    names = {model: hostile.external(model, **TRACKED) for model in sorted({*ANSWERS, *STREAMS})}
    for model, (_, status) in ANSWERS.items():
        got, answer, _ = hostile.ask(names[model])
        assert got == status, (model, got, answer)
        assert got == 200 or answer["error_code"], (model, answer)
    for model in STREAMS:
        got, raw, _ = hostile.ask(names[model], chat("hi", stream=True))
        last = [one for one in raw.split(b"\n\n") if one.strip()][-1]
        assert got == 200, model
        assert b'"error"' in last, (model, last[:500])

    def counts() -> dict[str, int]:
        return {model: len(of_endpoint(hostile, name)) for model, name in names.items()}

    wanted = {model: (model in ANSWERS) + (model in STREAMS) for model in names}
    until(lambda: counts() == wanted, 60)
    assert counts() == wanted
    for name in names.values():
        for row in of_endpoint(hostile, name):
            assert (row["input_token_count"] or 0) >= 0
            assert (row["output_token_count"] or 0) >= 0


def test_what_a_provider_says_too_much_reaches_nobody_else(hostile: Gateway) -> None:
    name = hostile.external("second-answer")
    with ThreadPoolExecutor(4) as pool:
        texts = set(pool.map(lambda _: hostile.text(name, "hi"), range(20)))
    assert texts == {"hi"}


def test_an_odd_answer_is_said_in_the_words_of_each_api(hostile: Gateway) -> None:
    """Chat is translated for those who ask in another API's words: what cannot be, is a fault."""
    for path in ("/serving-endpoints/responses", "/serving-endpoints/anthropic/v1/messages"):
        for model, streams in (("choices-of-numbers", False), ("odd-delta", True)):
            name = hostile.external(model)
            asked = {"model": name, "stream": streams, "max_tokens": 9}
            asked["input" if "responses" in path else "messages"] = chat("hi")["messages"]
            status, answer, _ = hostile.ask(name, asked, path=path)
            if streams:
                assert (status, b"event: error" in answer) == (200, True), (path, answer)
            else:
                assert (status, bool(answer["error_code"])) == (502, True), (path, answer)
