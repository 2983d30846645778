"""The extractive chat model: it answers with sentences of the conversation, and with no others.

It calls a tool where one fits (`tools`), fills a JSON form where one is asked for (`forms`), and
else answers with the sentences that share most with the question. When there are none, it says so.
The same conversation gives the same answer; `temperature`, `seed` and `top_p` change nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from brickyard.workspace.gateway.offline import forms, ranking, tools, words
from brickyard.workspace.gateway.offline.passages import Conversation, read, text_of
from brickyard.workspace.gateway.offline.schemas import Schema, in_prose, narrowed

MODEL: Final = "brickyard-offline-extractive"
NOTHING: Final = (
    "I cannot answer that: I am the offline model of this workspace and answer only from passages"
    " and tool results in the conversation, and none of them speaks of it."
)
SUMMARY: Final = re.compile(r"\b(summar\w+|tl;?dr|key points|overview|gist)\b", re.IGNORECASE)
LONGEST_RESULT: Final = 2000  # characters of a tool's result that is passed on as it is


class BadRequest(ValueError):
    """The request is not one of chat. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model says: words, or calls of tools."""

    content: str | None
    finish: str  # stop, length or tool_calls
    calls: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    turn: Turn
    prompt_tokens: int
    completion_tokens: int
    id: str = field(default="")


def answer(body: Mapping[str, Any]) -> Answer:
    """Raises BadRequest."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message")
    for one in messages:
        if not isinstance(one, Mapping) or not isinstance(one.get("role"), str):
            raise BadRequest("each message needs a role and content")
    if not isinstance(body.get("tools") or [], list | tuple):
        raise BadRequest("tools must be a list")
    if not isinstance(body.get("stop") or [], list | str):
        raise BadRequest("stop must be a string or a list of strings")
    turn = _limited(_turn(body, read(messages), messages), body)
    said = turn.content or json.dumps([one["function"] for one in turn.calls])
    seen = "\n".join(text_of(one.get("content")) for one in messages)
    offered = json.dumps(body["tools"]) if body.get("tools") else ""
    return Answer(
        turn=turn,
        prompt_tokens=words.count(seen) + words.count(offered),
        completion_tokens=words.count(said),
        id=_id(messages),
    )


def _turn(
    body: Mapping[str, Any], talk: Conversation, messages: Sequence[Mapping[str, Any]]
) -> Turn:
    called = tools.choose(body.get("tools") or (), body.get("tool_choice", "auto"), talk)
    if called is not None:
        name, arguments = called
        text = json.dumps(arguments, ensure_ascii=False)
        call = {
            "id": f"call_{_digest(f'{len(messages)} {name} {text}')[:24]}",
            "type": "function",
            "function": {"name": name, "arguments": text},
        }
        return Turn(content=None, finish="tool_calls", calls=(call,))
    schema = _form(body.get("response_format"), messages)
    if schema is not None:
        whole = "\n".join(text_of(one.get("content")) for one in messages)
        filled = forms.fill(schema, talk, whole)
        return Turn(content=json.dumps(filled, ensure_ascii=False), finish="stop")
    return Turn(content=_words(talk), finish="stop")


def _words(talk: Conversation) -> str:
    if SUMMARY.search(talk.question) and talk.passages:
        return " ".join(ranking.central(talk.passages))
    found = ranking.best(talk.question, talk.passages)
    if found:
        return " ".join(found)
    results = "\n".join(one for one in talk.results if one.strip())
    return results[:LONGEST_RESULT] if results else NOTHING


def _form(wanted: Any, messages: Sequence[Mapping[str, Any]]) -> Schema | None:
    """The schema that the answer must have, if any."""
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    asked = [one for one in messages if one.get("role") in ("system", "developer", "user")]
    forms = (in_prose(text_of(one.get("content"))) for one in reversed(asked))
    told = next((one for one in forms if one is not None), None)
    if kind == "json_schema":
        given = wanted.get("json_schema") or {}
        schema = given.get("schema") if isinstance(given, Mapping) else None
        if not isinstance(schema, Mapping):
            raise BadRequest("response_format.json_schema.schema must be a JSON schema")
        return narrowed(schema, told) if told is not None else schema
    if told is not None:
        return told
    if kind == "json_object":
        properties = {"answer": {"type": "string"}}
        return {"type": "object", "properties": properties, "required": ["answer"]}
    return None


def _limited(turn: Turn, body: Mapping[str, Any]) -> Turn:
    """The turn up to a stop sequence and the most tokens that are wanted."""
    if turn.content is None:
        return turn
    text, finish = turn.content, turn.finish
    stops = body.get("stop") or ()
    for stop in [stops] if isinstance(stops, str) else stops:
        if isinstance(stop, str) and stop and stop in text:
            text = text[: text.index(stop)]
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most is not None:
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise BadRequest("max_tokens must be a positive integer")
        if words.count(text) > most:
            text, finish = words.first(text, most), "length"
    return Turn(content=text, finish=finish)


def _id(messages: Sequence[Mapping[str, Any]]) -> str:
    return _digest(json.dumps(messages, sort_keys=True, default=str))[:24]


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
