"""Anthropic's Messages API over chat, for clients that speak it: the other way of its dialect.

Not translated: images, documents, thinking, prompt caching.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.gateway.requests import listed, mapped
from brickyard.workspace.kernel import invalid

Json = dict[str, Any]
STOPPED: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "any": "required", "none": "none"}


def to_chat(body: Mapping[str, Any]) -> Json:
    """The same question as a chat request. Raises INVALID_PARAMETER_VALUE."""
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise invalid("messages must be a list with at least one message")
    messages: list[Json] = []
    if system := _text(body.get("system")):
        messages.append({"role": "system", "content": system})
    for one in given:
        if not isinstance(one, Mapping):
            raise invalid("each message must be an object")
        messages += _message(one)
    chat: Json = {"messages": messages}
    for name in ("max_tokens", "temperature", "top_p", "stream"):
        if body.get(name) is not None:
            chat[name] = body[name]
    if body.get("stop_sequences"):
        chat["stop"] = body["stop_sequences"]
    if tools := listed(body, "tools"):
        chat["tools"] = [_tool(one) for one in tools]
    choice = mapped(body, "tool_choice")
    if choice.get("type") == "tool":
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif (kind := str(choice.get("type"))) in CHOICES:
        chat["tool_choice"] = CHOICES[kind]
    return chat


def _message(one: Mapping[str, Any]) -> list[Json]:
    """A message's blocks: results of tools are messages of their own in chat."""
    role, content = one.get("role"), one.get("content")
    if not isinstance(content, list):
        return [{"role": role, "content": content}]
    found: list[Json] = []
    texts: list[str] = []
    calls: list[Json] = []
    for block in content:
        match block.get("type") if isinstance(block, Mapping) else None:
            case "text":
                texts.append(str(block.get("text") or ""))
            case "tool_use":
                arguments = json.dumps(block.get("input") or {})
                function = {"name": block.get("name"), "arguments": arguments}
                calls.append({"id": block.get("id"), "type": "function", "function": function})
            case "tool_result":
                result = {"role": "tool", "tool_call_id": block.get("tool_use_id")}
                found.append({**result, "content": _text(block.get("content"))})
            case other:
                raise invalid(f"Blocks of type {other!r} cannot be given to this endpoint")
    if texts or calls:
        said: Json = {"role": role, "content": "\n".join(texts) or None}
        found.append({**said, "tool_calls": calls} if calls else said)
    return found


def _tool(given: Any) -> Json:
    if not isinstance(given, Mapping) or "input_schema" not in given:
        raise invalid("Tools of Anthropic's own are not available; give tools with input_schema")
    function = {
        "name": given.get("name"),
        "description": given.get("description") or "",
        "parameters": given["input_schema"],
    }
    return {"type": "function", "function": function}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(one.get("text") or "") for one in content if isinstance(one, Mapping))
    return str(content or "")


def from_chat(chat: Mapping[str, Any], asked: Mapping[str, Any]) -> Json:
    """A chat completion as a message."""
    choice = (chat.get("choices") or [{}])[0]
    message = choice.get("message") or {}
    content: list[Json] = []
    if message.get("content"):
        content.append({"type": "text", "text": message["content"]})
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        content.append(
            {
                "type": "tool_use",
                "id": call.get("id"),
                "name": function.get("name"),
                "input": json.loads(function.get("arguments") or "{}"),
            }
        )
    return _shown(chat, content, STOPPED.get(str(choice.get("finish_reason")), "end_turn"))


def _shown(chat: Mapping[str, Any], content: Sequence[Json], stopped: str | None) -> Json:
    usage = chat.get("usage") or {}
    return {
        "id": str(chat.get("id") or ""),
        "type": "message",
        "role": "assistant",
        "model": chat.get("model", ""),
        "content": list(content),
        "stop_reason": stopped,
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.get("prompt_tokens", 0),
            "output_tokens": usage.get("completion_tokens", 0),
        },
    }


async def events(
    chunks: AsyncIterator[Mapping[str, Any]], asked: Mapping[str, Any]
) -> AsyncIterator[Json]:
    """Chunks of a chat completion as the events of a message."""
    block, kind, stopped = -1, "", "end_turn"
    usage: Mapping[str, Any] = {}
    began = False
    async for chunk in chunks:
        if not began:
            began = True
            yield {"type": "message_start", "message": _shown(chunk, [], None)}
        usage = chunk.get("usage") or usage
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            stopped = STOPPED.get(str(choice.get("finish_reason")), stopped)
            for key, start, part in _parts(delta):
                if key != kind:
                    if block >= 0:
                        yield {"type": "content_block_stop", "index": block}
                    block, kind = block + 1, key
                    yield {"type": "content_block_start", "index": block, "content_block": start}
                if part is not None:
                    yield {"type": "content_block_delta", "index": block, "delta": part}
    if block >= 0:
        yield {"type": "content_block_stop", "index": block}
    told = {"output_tokens": usage.get("completion_tokens", 0)}
    if usage.get("prompt_tokens"):
        told["input_tokens"] = usage["prompt_tokens"]
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": stopped, "stop_sequence": None},
        "usage": told,
    }
    yield {"type": "message_stop"}


def _parts(delta: Mapping[str, Any]) -> list[tuple[str, Json, Json | None]]:
    """(which block, how it starts, what is added to it) of a chunk."""
    found: list[tuple[str, Json, Json | None]] = []
    if text := delta.get("content"):
        empty: Json = {"type": "text", "text": ""}
        found.append(("text", empty, {"type": "text_delta", "text": text}))
    for call in delta.get("tool_calls") or ():
        function = call.get("function") or {}
        start: Json = {
            "type": "tool_use",
            "id": call.get("id"),
            "name": function.get("name"),
            "input": {},
        }
        arguments = function.get("arguments")
        part = {"type": "input_json_delta", "partial_json": arguments} if arguments else None
        found.append((f"tool {call.get('index')}", start, part))
    return found
