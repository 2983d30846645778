"""OpenAI's Responses API over chat: for models that speak chat only.

Input items become messages, functions tools, and the other way round. Not translated: built-in
tools, stored conversations (`previous_response_id`), images and files.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from brickyard.workspace.gateway.requests import listed, mapped
from brickyard.workspace.kernel import invalid

Json = dict[str, Any]
PASSED_ON = ("temperature", "top_p", "stream", "parallel_tool_calls", "user", "seed", "stop")


def to_chat(body: Mapping[str, Any]) -> Json:
    """The same question as a chat request. Raises INVALID_PARAMETER_VALUE."""
    if body.get("previous_response_id"):
        raise invalid("previous_response_id is not available: send the whole conversation as input")
    chat: Json = {key: body[key] for key in PASSED_ON if body.get(key) is not None}
    chat["messages"] = _messages(body)
    if body.get("max_output_tokens") is not None:
        chat["max_tokens"] = body["max_output_tokens"]
    if tools := [_tool(one) for one in listed(body, "tools")]:
        chat["tools"] = tools
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("type") == "function":
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif choice is not None:
        chat["tool_choice"] = choice
    wanted = mapped(mapped(body, "text"), "format")
    if wanted.get("type") == "json_schema":
        schema = {key: one for key, one in wanted.items() if key != "type"}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif wanted.get("type") == "json_object":
        chat["response_format"] = {"type": "json_object"}
    return chat


def _messages(body: Mapping[str, Any]) -> list[Json]:
    given = body.get("input")
    messages: list[Json] = []
    if body.get("instructions"):
        messages.append({"role": "system", "content": body["instructions"]})
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise invalid("input must be a string or a list of items")
    for item in given:
        if not isinstance(item, Mapping):
            raise invalid("each item of input must be an object")
        match item.get("type", "message"):
            case "message":
                content = _content(item.get("content"))
                messages.append({"role": item.get("role", "user"), "content": content})
            case "function_call":
                call = {
                    "id": item.get("call_id"),
                    "type": "function",
                    "function": {"name": item.get("name"), "arguments": item.get("arguments")},
                }
                before = messages[-1] if messages else {}
                if before.get("role") == "assistant" and before.get("tool_calls"):
                    before["tool_calls"].append(call)
                else:
                    messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            case "function_call_output":
                output = item.get("output")
                text = output if isinstance(output, str) else json.dumps(output)
                messages.append(
                    {"role": "tool", "tool_call_id": item.get("call_id"), "content": text}
                )
            case "reasoning":
                continue
            case other:
                raise invalid(f"Items of type {other!r} cannot be given to this endpoint")
    return messages


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    texts = [str(one.get("text") or "") for one in content if isinstance(one, Mapping)]
    return "\n".join(texts)


def _tool(given: Any) -> Json:
    if not isinstance(given, Mapping) or given.get("type", "function") != "function":
        kind = given.get("type") if isinstance(given, Mapping) else given
        raise invalid(f"Tools of type {kind!r} are not available; give functions")
    if isinstance(given.get("function"), Mapping):
        return dict(given)
    named = ("name", "description", "parameters", "strict")
    function = {key: given[key] for key in named if given.get(key) is not None}
    return {"type": "function", "function": function}


def from_chat(chat: Mapping[str, Any], asked: Mapping[str, Any]) -> Json:
    """A chat completion as a response."""
    choice = (chat.get("choices") or [{}])[0]
    message = choice.get("message") or {}
    output: list[Json] = []
    if message.get("content"):
        output.append(_message(str(message["content"]), _id("msg")))
    output += [_call(one) for one in message.get("tool_calls") or ()]
    length = choice.get("finish_reason") == "length"
    return _response(
        id="resp_" + str(chat.get("id") or uuid.uuid4().hex),
        asked=asked,
        chat=chat,
        output=output,
        status="incomplete" if length else "completed",
        usage=chat.get("usage"),
    )


def _response(
    *,
    id: str,
    asked: Mapping[str, Any],
    chat: Mapping[str, Any],
    output: Sequence[Json],
    status: str,
    usage: Any = None,
) -> Json:
    cut = status == "incomplete"
    shown: Json = {
        "id": id,
        "object": "response",
        "created_at": chat.get("created", 0),
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "model": chat.get("model", ""),
        "output": list(output),
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "temperature": asked.get("temperature"),
        "tool_choice": asked.get("tool_choice", "auto"),
        "tools": asked.get("tools") or [],
        "top_p": asked.get("top_p"),
        "metadata": asked.get("metadata") or {},
    }
    if isinstance(usage, Mapping):
        read, said = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        shown["usage"] = {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + said,
        }
    return shown


def _message(text: str, id: str, status: str = "completed") -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    parts = [part] if text or status == "completed" else []
    return {"type": "message", "id": id, "role": "assistant", "status": status, "content": parts}


def _call(given: Mapping[str, Any]) -> Json:
    function = given.get("function") or {}
    return {
        "type": "function_call",
        "id": _id("fc"),
        "call_id": given.get("id"),
        "name": function.get("name"),
        "arguments": function.get("arguments") or "{}",
        "status": "completed",
    }


def _id(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex[:24]}"


async def events(
    chunks: AsyncIterator[Mapping[str, Any]], asked: Mapping[str, Any]
) -> AsyncIterator[Json]:
    """Chunks of a chat completion as the events of a response."""
    writer = _Writer(asked)
    async for chunk in chunks:
        for one in writer.take(chunk):
            yield one
    for one in writer.end():
        yield one


class _Writer:
    """Builds up the response while its events go out."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._id = _id("resp")
        self._text_id = ""
        self._text = ""
        self._calls: dict[int, Json] = {}
        self._order: list[int | None] = []  # None stands for the text
        self._chat: Mapping[str, Any] = {}
        self._usage: Any = None
        self._finish = ""
        self._sent = -1

    def take(self, chunk: Mapping[str, Any]) -> list[Json]:
        out: list[Json] = []
        if self._sent < 0:
            self._chat = chunk
            for kind in ("response.created", "response.in_progress"):
                out.append(self._event(kind, response=self._shown("in_progress", [])))
        self._usage = chunk.get("usage") or self._usage
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            if delta.get("content"):
                out += self._say(delta["content"])
            for call in delta.get("tool_calls") or ():
                out += self._call(call)
            self._finish = choice.get("finish_reason") or self._finish
        return out

    def end(self) -> list[Json]:
        out: list[Json] = []
        if self._text_id:
            at = self._order.index(None)
            part = {"type": "output_text", "text": self._text, "annotations": []}
            place = {"item_id": self._text_id, "output_index": at, "content_index": 0}
            out.append(self._event("response.output_text.done", text=self._text, **place))
            out.append(self._event("response.content_part.done", part=part, **place))
        output = [self._item(at) for at in self._order]
        for at, item in enumerate(output):
            if item["type"] == "function_call":
                done = {"item_id": item["id"], "output_index": at, "arguments": item["arguments"]}
                out.append(self._event("response.function_call_arguments.done", **done))
            out.append(self._event("response.output_item.done", output_index=at, item=item))
        status = "incomplete" if self._finish == "length" else "completed"
        out.append(self._event(f"response.{status}", response=self._shown(status, output)))
        return out

    def _say(self, text: str) -> list[Json]:
        out: list[Json] = []
        if not self._text_id:
            self._text_id = _id("msg")
            self._order.append(None)
            at = len(self._order) - 1
            item = _message("", self._text_id, "in_progress")
            out.append(self._event("response.output_item.added", output_index=at, item=item))
            part = {"type": "output_text", "text": "", "annotations": []}
            place = {"item_id": self._text_id, "output_index": at, "content_index": 0}
            out.append(self._event("response.content_part.added", part=part, **place))
        self._text += text
        place = {
            "item_id": self._text_id,
            "output_index": self._order.index(None),
            "content_index": 0,
        }
        out.append(self._event("response.output_text.delta", delta=text, **place))
        return out

    def _call(self, delta: Mapping[str, Any]) -> list[Json]:
        number = int(delta.get("index") or 0)
        function = delta.get("function") or {}
        out: list[Json] = []
        if number not in self._calls:
            item = _call({"id": delta.get("id"), "function": {"name": function.get("name")}})
            item["arguments"] = ""
            self._calls[number] = item
            self._order.append(number)
            out.append(
                self._event(
                    "response.output_item.added",
                    output_index=len(self._order) - 1,
                    item={**item, "status": "in_progress"},
                )
            )
        item = self._calls[number]
        if function.get("arguments"):
            item["arguments"] += function["arguments"]
            out.append(
                self._event(
                    "response.function_call_arguments.delta",
                    item_id=item["id"],
                    output_index=self._order.index(number),
                    delta=function["arguments"],
                )
            )
        return out

    def _item(self, at: int | None) -> Json:
        return _message(self._text, self._text_id) if at is None else self._calls[at]

    def _shown(self, status: str, output: Sequence[Json]) -> Json:
        usage = self._usage if status != "in_progress" else None
        return _response(
            id=self._id,
            asked=self._asked,
            chat=self._chat,
            output=output,
            status=status,
            usage=usage,
        )

    def _event(self, kind: str, **fields: Any) -> Json:
        self._sent += 1
        return {"type": kind, "sequence_number": self._sent, **fields}
