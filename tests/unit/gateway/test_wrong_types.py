"""What a client sends may have any type anywhere: it is answered or refused, and breaks nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brickyard.workspace.gateway import messages, responses
from brickyard.workspace.gateway.offline import wire
from brickyard.workspace.gateway.offline.chat import BadRequest
from brickyard.workspace.kernel import ApiError

WRONG: tuple[Any, ...] = (
    None,
    1,
    -1,
    1.5,
    "x",
    "",
    [],
    {},
    [1],
    {"a": 1},
    True,
    [[]],
    [None],
    [{"a": 1}],
)
CITY = {"type": "string", "description": "A city", "enum": ["Paris", "Rome"], "default": "Rome"}
SCHEMA = {
    "type": "object",
    "properties": {
        "city": CITY,
        "days": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1},
        "other": {"anyOf": [{"$ref": "#/$defs/one"}, {"type": "null"}]},
        "all": {"allOf": [{"type": "object", "properties": {"a": {"type": "boolean"}}}]},
    },
    "required": ["city"],
    "$defs": {"one": {"const": 1}},
}
TALK = [
    {"role": "system", "content": "Paris is a city."},
    {"role": "user", "content": [{"type": "text", "text": "Find the city of Paris"}]},
]
CALLED = [
    {
        "role": "assistant",
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": "Paris"},
]
FUNCTION = {"name": "find", "description": "Find a city", "parameters": SCHEMA}
CHAT = {
    "messages": TALK,
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "find"}},
    "stop": ["x"],
    "n": 1,
    "max_tokens": 9,
}
FORMED = {
    "messages": [*TALK, *CALLED],
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
}
RESPONSE = {
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Find the city of Paris"}]},
        {"type": "function_call", "call_id": "1", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "Paris"},
    ],
    "instructions": "Be brief",
    "tools": [{"type": "function", **FUNCTION}],
    "tool_choice": {"type": "function", "name": "find"},
    "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}},
    "max_output_tokens": 9,
}
MESSAGE = {
    "system": [{"type": "text", "text": "Be brief"}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Find the city of Paris"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "find"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x"}]},
    ],
    "tools": [{"name": "find", "description": "Find a city", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "find"},
    "stop_sequences": ["x"],
    "max_tokens": 9,
}


def places(body: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a body."""
    inside = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in inside:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


def with_wrong(body: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    at: Any = changed
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return changed


def chat(body: dict[str, Any]) -> None:
    wire.completion(body, 1)
    list(wire.completion_events(body, 1))


@pytest.mark.parametrize(
    ("body", "ask"),
    [
        (CHAT, chat),
        (FORMED, chat),
        (RESPONSE, lambda body: wire.completion(responses.to_chat(body), 1)),
        (MESSAGE, lambda body: wire.completion(messages.to_chat(body), 1)),
        ({"input": ["x"], "dimensions": 8}, lambda body: wire.embeddings(body, 64)),
        ({"prompt": ["x"], "n": 1, "stop": ["y"]}, lambda body: wire.text_completion(body, 1)),
    ],
    ids=["chat", "formed", "responses", "messages", "embeddings", "completions"],
)
def test_any_value_anywhere_is_answered_or_refused(
    body: dict[str, Any], ask: Callable[[dict[str, Any]], object]
) -> None:
    ask(body)
    for place in places(body):
        for value in WRONG:
            try:
                ask(with_wrong(body, place, value))
            except (BadRequest, ApiError):
                continue
            except Exception as fault:
                raise AssertionError(f"{place} = {value!r}") from fault
