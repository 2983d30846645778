"""Anthropic's Messages API: chat requests into its words, and its answers back.

Not translated: several answers (`n`), log probabilities; a JSON schema goes into the system text.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.gateway.dialects.dialect import Json, Outgoing
from brickyard.workspace.gateway.events import DONE, data_of, event
from brickyard.workspace.kernel import invalid

VERSION: Final = "2023-06-01"
DEFAULT_MAX_TOKENS: Final = 4096
FINISHED: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
CHOICES: Final[Mapping[str, Json]] = {
    "auto": {"type": "auto"},
    "none": {"type": "none"},
    "required": {"type": "any"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic:
    key: str

    def request(self, base: str, model: str, form: str, body: Mapping[str, Any]) -> Outgoing:
        if form != "chat":
            raise invalid(f"Anthropic's models answer chat only, not {form}")
        if (body.get("n") or 1) > 1:
            raise invalid("Anthropic's models give one answer: leave n out")
        root = base.removesuffix("/v1")
        headers = {"x-api-key": self.key, "anthropic-version": VERSION}
        return Outgoing(url=f"{root}/v1/messages", body=_asked(model, body), headers=headers)

    def answer(self, form: str, body: Json) -> Json:
        content: Sequence[Mapping[str, Any]] = body["content"]
        text = "".join(str(one.get("text") or "") for one in content if one.get("type") == "text")
        calls = [
            _call(one["id"], one["name"], json.dumps(one.get("input") or {}))
            for one in content
            if one.get("type") == "tool_use"
        ]
        message: Json = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = calls
        finish = FINISHED.get(str(body.get("stop_reason")), "stop")
        return {
            "id": body.get("id", ""),
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body.get("model", ""),
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": _usage(body.get("usage") or {}),
        }

    async def events(
        self, events: AsyncIterator[bytes], body: Mapping[str, Any]
    ) -> AsyncIterator[bytes]:
        """Raises ConnectionError when the stream ends before its last event."""
        head: Json = {"object": "chat.completion.chunk", "created": int(time.time())}
        usage: dict[str, int] = {}
        calls = -1
        async for one in events:
            data = data_of(one)
            match data.get("type") if isinstance(data, Mapping) else None:
                case "message_start":
                    message = data.get("message") or {}
                    head |= {"id": message.get("id", ""), "model": message.get("model", "")}
                    usage |= message.get("usage") or {}
                    yield _chunk(head, {"role": "assistant", "content": ""})
                case "content_block_start":
                    block = data.get("content_block") or {}
                    if block.get("type") == "tool_use":
                        calls += 1
                        call = {"index": calls, **_call(block.get("id"), block.get("name"), "")}
                        yield _chunk(head, {"tool_calls": [call]})
                case "content_block_delta":
                    delta = data.get("delta") or {}
                    if delta.get("type") == "text_delta":
                        yield _chunk(head, {"content": delta.get("text") or ""})
                    elif delta.get("type") == "input_json_delta":
                        part = {"arguments": delta.get("partial_json") or ""}
                        yield _chunk(head, {"tool_calls": [{"index": calls, "function": part}]})
                case "message_delta":
                    usage |= data.get("usage") or {}
                    reason = str((data.get("delta") or {}).get("stop_reason"))
                    finish = FINISHED.get(reason, "stop")
                    yield _chunk(head, {}, finish=finish, usage=_usage(usage))
                case "error":
                    raise ConnectionError(str((data.get("error") or {}).get("message")))
                case "message_stop":
                    yield DONE
                    return
        raise ConnectionError("the stream ended early")


def _asked(model: str, body: Mapping[str, Any]) -> Json:
    system, messages = _messages(body.get("messages") or ())
    if schema := _schema(body.get("response_format")):
        system.append(f"Answer with JSON alone, valid under this schema: {schema}")
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or DEFAULT_MAX_TOKENS
    sent: Json = {"model": model, "messages": messages, "max_tokens": limit}
    if system:
        sent["system"] = "\n\n".join(system)
    for name in ("temperature", "top_p", "top_k", "stream"):
        if body.get(name) is not None:
            sent[name] = body[name]
    if stops := body.get("stop"):
        sent["stop_sequences"] = [stops] if isinstance(stops, str) else stops
    if body.get("tools"):
        sent["tools"] = [_tool(one) for one in body["tools"]]
        choice = body.get("tool_choice")
        if isinstance(choice, Mapping):
            function = choice.get("function") or {}
            sent["tool_choice"] = {"type": "tool", "name": function.get("name")}
        elif isinstance(choice, str) and choice in CHOICES:
            sent["tool_choice"] = CHOICES[choice]
    return sent


def _messages(given: Sequence[Any]) -> tuple[list[str], list[Json]]:
    """(system texts, messages): results of tools in a row become one message of the user."""
    system: list[str] = []
    messages: list[Json] = []
    for one in given:
        if not isinstance(one, Mapping):
            raise invalid("each message must be an object")
        role, content = one.get("role"), one.get("content")
        if role in ("system", "developer"):
            system.append(_text(content))
            continue
        if role == "tool":
            block = {
                "type": "tool_result",
                "tool_use_id": one.get("tool_call_id"),
                "content": _text(content),
            }
            before = messages[-1] if messages else {}
            if before.get("role") == "user" and isinstance(before.get("content"), list):
                before["content"].append(block)
            else:
                messages.append({"role": "user", "content": [block]})
            continue
        if role == "assistant" and one.get("tool_calls"):
            said = _text(content)
            blocks: list[Json] = [{"type": "text", "text": said}] if said else []
            blocks += [_use(call) for call in one["tool_calls"]]
            messages.append({"role": role, "content": blocks})
            continue
        messages.append({"role": role, "content": content if content is not None else ""})
    return system, messages


def _use(call: Mapping[str, Any]) -> Json:
    function = call.get("function") or {}
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except ValueError:
        raise invalid("the arguments of a tool call must be JSON") from None
    return {
        "type": "tool_use",
        "id": call.get("id"),
        "name": function.get("name"),
        "input": arguments,
    }


def _tool(given: Mapping[str, Any]) -> Json:
    function = given.get("function") or {}
    return {
        "name": function.get("name"),
        "description": function.get("description") or "",
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
    }


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(one.get("text") or "") for one in content if isinstance(one, Mapping))
    return str(content or "")


def _schema(wanted: Any) -> str:
    if not isinstance(wanted, Mapping):
        return ""
    if wanted.get("type") == "json_object":
        return '{"type": "object"}'
    return json.dumps((wanted.get("json_schema") or {}).get("schema") or {}) if wanted else ""


def _call(id: Any, name: Any, arguments: str) -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _chunk(head: Json, delta: Json, finish: str | None = None, usage: Json | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({**head, "choices": [choice], **({"usage": usage} if usage else {})})


def _usage(given: Mapping[str, Any]) -> Json:
    read = sum(int(given.get(one) or 0) for one in READ)
    said = int(given.get("output_tokens") or 0)
    return {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}


READ: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
