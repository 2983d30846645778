"""Server-sent events, the Responses API over chat, and what an endpoint's settings mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from brickyard.workspace.gateway import account, events, responses
from brickyard.workspace.gateway.dialects.openai import OpenAi
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.serving import ai_gateway
from brickyard.workspace.serving.ai_gateway import Capture


async def stream(*parts: bytes) -> AsyncIterator[bytes]:
    for one in parts:
        yield one


async def listed(given: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in given]


def test_events_are_whole_however_they_arrive() -> None:
    raw = b'data: {"a": 1}\r\n\r\n: hello\n\nevent: x\ndata: {"b": 2}\n\ndata: [DONE]\n\n'
    for size in (1, 7, 1000):
        parts = [raw[at : at + size] for at in range(0, len(raw), size)]
        found = asyncio.run(listed(events.split(stream(*parts))))
        if size == 1000:
            assert [events.data_of(one) for one in found] == [{"a": 1}, None, {"b": 2}, None]
        assert b"".join(found).count(b"data:") == 3


def test_an_event_that_does_not_end_is_a_fault() -> None:
    endless = stream(*[b"x" * 1024 * 1024] * 9)
    with pytest.raises(ValueError, match="does not end"):
        asyncio.run(listed(events.split(endless)))


def chunk(**delta: Any) -> dict[str, Any]:
    finish = delta.pop("finish", None)
    return {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def test_usage_alone_is_kept_from_those_who_did_not_ask() -> None:
    told = events.event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    parts = (events.event(chunk(content="x", finish="stop")), told, events.DONE)
    dialect = OpenAi(headers={})
    hidden = asyncio.run(listed(dialect.events(stream(*parts), {})))
    assert [one[:8] for one in hidden] == [b'data: {"', events.COMMENT[:8], b"data: [D"]
    asked = {"stream_options": {"include_usage": True}}
    assert asyncio.run(listed(dialect.events(stream(*parts), asked))) == list(parts)


def test_a_stream_without_its_end_is_a_fault_unless_it_was_finished() -> None:
    dialect = OpenAi(headers={})
    with pytest.raises(ConnectionError):
        asyncio.run(listed(dialect.events(stream(events.event(chunk(content="x"))), {})))
    done = stream(events.event(chunk(finish="stop")))
    assert asyncio.run(listed(dialect.events(done, {})))[-1] == events.DONE


def test_a_stream_in_one_piece_is_what_a_call_would_have_given() -> None:
    call = {"index": 0, "id": "t", "function": {"name": "f", "arguments": '{"a"'}}
    more = {"index": 0, "function": {"arguments": ": 1}"}}
    parts = [
        chunk(role="assistant", content="Hel"),
        chunk(content="lo"),
        chunk(tool_calls=[call]),
        {**chunk(tool_calls=[more], finish="tool_calls"), "usage": {"prompt_tokens": 1}},
    ]
    joined = json.loads(account.whole([events.event(one) for one in parts] + [events.DONE]))
    [choice] = joined["choices"]
    assert choice["message"]["content"] == "Hello"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
    assert (choice["finish_reason"], joined["usage"]) == ("tool_calls", {"prompt_tokens": 1})


def test_a_response_is_asked_as_chat() -> None:
    asked = {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "2", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "one"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "f"},
        "max_output_tokens": 7,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
    }
    chat = responses.to_chat(asked)
    assert [one["role"] for one in chat["messages"]] == ["system", "user", "assistant", "tool"]
    assert [one["id"] for one in chat["messages"][2]["tool_calls"]] == ["1", "2"]
    assert chat["max_tokens"] == 7
    assert chat["tools"][0]["function"]["name"] == "f"
    assert chat["tool_choice"]["function"] == {"name": "f"}
    assert chat["response_format"]["json_schema"] == {"name": "n", "schema": {}}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "input must be"),
        ({"input": "x", "previous_response_id": "r"}, "previous_response_id"),
        ({"input": "x", "tools": [{"type": "web_search"}]}, "web_search"),
        ({"input": [{"type": "image_generation_call"}]}, "image_generation_call"),
        ({"input": ["x"]}, "must be an object"),
    ],
)
def test_what_chat_has_no_words_for_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        responses.to_chat(asked)


def test_a_response_that_was_cut_says_so() -> None:
    chat = {
        "id": "c",
        "model": "m",
        "choices": [{"message": {"content": "He"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    found = responses.from_chat(chat, {})
    assert (found["status"], found["incomplete_details"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    assert found["usage"]["total_tokens"] == 3


def test_settings_of_an_endpoint_in_one_place() -> None:
    table = {"enabled": True, "catalog_name": "dev", "schema_name": "logs"}
    settings = {
        "ai_gateway": {
            "inference_table_config": table,
            "usage_tracking_config": {"enabled": False},
            "guardrails": {"input": {"pii": {"behavior": "NONE"}}, "output": {"safety": True}},
            "fallback_config": {"enabled": True},
        },
        "rate_limits": [{"calls": 3, "key": "user", "renewal_period": "minute"}],
    }
    found = ai_gateway.rules("Chat", settings, None, tracked=True)
    assert found.capture == Capture(table="dev.logs.chat_payload")
    assert (found.tracks_usage, found.falls_back) == (False, True)
    assert (found.input, found.output is not None) == (None, True)
    assert [one.calls for one in found.limits] == [3]
    older = ai_gateway.rules("c", {}, {**table, "table_name_prefix": "p"}, tracked=True)
    assert older.capture == Capture(table="dev.logs.p_payload", legacy=True)
    assert older.tracks_usage
