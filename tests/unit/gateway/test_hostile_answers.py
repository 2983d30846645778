"""What a provider or a model may say: anything. Nothing of it breaks the account of a request."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from brickyard.workspace.gateway import account, guardrails, texts
from brickyard.workspace.gateway.answers import MALFORMED, Answer, usage_of
from brickyard.workspace.gateway.dialects.anthropic import Anthropic
from brickyard.workspace.gateway.dialects.openai import OpenAi
from brickyard.workspace.gateway.events import data_of, event
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.serving.ai_gateway import Guard, Pii

ODD: list[Any] = [None, True, -1, 1e308, "x", [], {}, [5], {"a": 1}, [[]], [None], 10**30]
DEEP = b"[" * 100_000
DIALECTS = (OpenAi(headers={}), Anthropic(key="k"))


def _chunks() -> list[Any]:
    """Chunks of a chat completion with something odd in each place."""
    found: list[Any] = [*ODD]
    for odd in ODD:
        call = {"index": odd, "id": odd, "function": {"name": odd, "arguments": odd}}
        found += [
            {"choices": odd},
            {"choices": [odd]},
            {"choices": [{"index": odd, "delta": odd, "finish_reason": odd}]},
            {"choices": [{"delta": {"content": odd, "tool_calls": odd}}], "usage": odd},
            {"choices": [{"delta": {"tool_calls": [odd, call]}}]},
            {"choices": [], "usage": {"prompt_tokens": odd, "completion_tokens": odd}},
            {"type": "message_start", "message": odd},
            {"type": "content_block_start", "content_block": odd},
            {"type": "content_block_delta", "delta": odd},
            {"type": "message_delta", "delta": odd, "usage": odd},
            {"type": "error", "error": odd},
            {"response": odd},
        ]
    return found


EVENTS = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in _chunks()]
EVENTS += [b"data: \xff\xfe\n\n", b"data: {\n\n", b'data: {"a":' + DEEP + b"\n\n"]


@pytest.mark.parametrize("dialect", DIALECTS, ids=("openai", "anthropic"))
def test_events_of_any_form_are_read_or_refused(dialect: Any) -> None:
    async def read(given: bytes) -> None:
        async def stream() -> AsyncIterator[bytes]:
            yield given

        with contextlib.suppress(ConnectionError, *MALFORMED):
            async for _ in dialect.events(stream(), {}):
                pass

    for one in EVENTS:
        asyncio.run(read(one))


@pytest.mark.parametrize("dialect", DIALECTS, ids=("openai", "anthropic"))
def test_bodies_of_any_form_are_read_or_refused(dialect: Any) -> None:
    for one in _chunks():
        with contextlib.suppress(*MALFORMED):
            dialect.answer("chat", one)


def test_a_stream_of_any_form_is_written_down() -> None:
    for pair in itertools.pairwise(EVENTS):
        whole = account.whole(list(pair))
        json.loads(whole)
        account.answered_characters(Answer(body=whole))
    for one in EVENTS:
        usage_of(data_of(one))


def test_a_call_with_a_far_index_takes_no_memory() -> None:
    call = {"index": 10**9, "function": {"name": "f", "arguments": "{}"}}
    said = [event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})]
    assert json.loads(account.whole(said))[0]["choices"][0]["delta"]["tool_calls"] == [call]


@pytest.mark.parametrize("odd", [-5, 10**30, "7", None, 1.5, [1], float("inf")])
def test_tokens_are_counts(odd: Any) -> None:
    found = usage_of({"usage": {"prompt_tokens": odd, "completion_tokens": 3}})
    assert found is not None
    assert (found.read, found.said) == (0, 3)


def test_texts_are_found_in_their_order_however_deep() -> None:
    deep: Any = "bottom"
    for _ in range(50_000):
        deep = [deep]
    body = {"messages": [{"content": "a"}, {"content": [{"text": "b"}, {"text": "c"}]}, deep]}
    assert texts.of_request(body) == ["a", "b", "c", "bottom"]


def test_a_stream_of_no_known_form_is_guarded_across_its_borders() -> None:
    parts = ("my num", "ber is 4111 1111", " 1111 1111")
    held = [event({"delta": {"content": part}}) for part in parts]
    said = "".join(texts.of_anything(json.loads(account.whole(held))))
    for behavior in ("BLOCK", "MASK"):
        with pytest.raises(ApiError, match="personal data"):
            guardrails.check_unknown(Guard(pii=Pii(behavior=behavior)), said)
    guardrails.check_unknown(Guard(pii=Pii(behavior="NONE")), said)
    with pytest.raises(ApiError, match="not allowed"):
        guardrails.check_unknown(Guard(invalid_keywords=["number"]), said)
