"""Providers that are slow, and bodies that nobody should send: what the caller is told.

Providers that are down, answer nonsense or break off are in `test_ai_gateway`, budgets in
`test_usage`; models that crash, hang, leak or flood their log in `serving/test_serving_faults`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gateway_under_test import Gateway, Stub, chat

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.belief]
FALLS_BACK = {"ai_gateway": {"fallback_config": {"enabled": True}}}
DEEP = 100_000


@pytest.fixture(scope="module")
def hasty(workspace: Any, stub: Stub, tmp_path_factory: Any) -> Iterator[Gateway]:
    """A server of its own, that gives providers a second."""
    server = type(workspace)(home=tmp_path_factory.mktemp("hasty") / "home")
    server.home.mkdir(parents=True)
    (server.home / "gateway.yml").write_text("timeouts: {gw-*: 1}\n")
    server.start()
    try:
        yield Gateway(server, stub)
    finally:
        server.stop()


def test_a_slow_provider_is_given_up(hasty: Gateway) -> None:
    status, body, _ = hasty.ask(hasty.external("slow-600"))
    assert (status, body["error_code"]) == (504, "DEADLINE_EXCEEDED")
    assert "within 1 s" in body["message"]


def test_another_answers_for_one_that_is_slow(hasty: Gateway) -> None:
    status, body, _ = hasty.ask(hasty.external("slow-600", "echo", **FALLS_BACK))
    assert (status, body["model"]) == (200, "echo")


def test_a_stream_that_stops_in_the_middle_ends_with_an_error(hasty: Gateway) -> None:
    status, raw, _ = hasty.ask(hasty.external("stall"), chat("a b c", stream=True))
    events = raw.strip().split(b"\n\n")
    assert status == 200
    assert b"echo" in events[0]
    assert (
        "stopped in the middle"
        in json.loads(events[-1].removeprefix(b"data: "))["error"]["message"]
    )
    assert b"[DONE]" not in raw


def test_slow_ones_hold_nobody_else_up(hasty: Gateway) -> None:
    slow, quick = hasty.external("slow-600"), hasty.external("echo")
    with ThreadPoolExecutor(48) as pool:
        waiting = [pool.submit(hasty.ask, slow) for _ in range(40)]
        answered = [pool.submit(hasty.ask, quick) for _ in range(8)]
        assert {one.result()[0] for one in answered} == {200}
        assert {one.result()[0] for one in waiting} == {504}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b'{"messages": 5}',
        b'{"messages": [5]}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [], "max_tokens": 1' + b"0" * 400 + b"}",
        b'{"model": {"a": 1}, "messages": []}',
        b'{"messages": "' + b"x" * (17 * 2**20) + b'"}',
    ],
    ids=range(13),
)
def test_a_malformed_body_is_the_callers_fault(hasty: Gateway, raw: bytes) -> None:
    """Or the provider's to judge: what is JSON goes there; never a fault of the server."""
    name = hasty.external("body")
    for path in ("", "/serving-endpoints/chat/completions"):
        status, body, _ = hasty.ask(name, raw, path=path)
        assert 400 <= status < 500 or (status, path) == (200, ""), body
        assert status == 200 or body["error_code"], body
    log = (hasty.workspace.home / "logs" / "server.log").read_text()
    assert "Traceback" not in log
