"""The agent: have the model search the library, as often as it needs to, then answer with sources.

The first search is not up to the model: an answer that rests on nothing helps nobody.
Each step comes out when it is done, so that a stream shows what is searched for before the answer
is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from retrieval_agent.citations import cited
from retrieval_agent.library import Found, Library

ROUNDS = 3  # of searching, at most


class Searching(Enum):
    """Whether the model has to search, may, or has to answer now."""

    MUST = "must"
    MAY = "may"
    DONE = "done"


TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "search_library",
        "description": "Find passages of the documentation that answer a question.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What to look for."}},
            "required": ["query"],
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A search that the model asked for."""

    id: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model said: words, or calls."""

    text: str = ""
    calls: Sequence[Call] = ()


class Chat(Protocol):
    def turn(self, messages: Sequence[Mapping[str, Any]], searching: Searching) -> Turn:
        """The model's next turn in a conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """A search is done."""

    call: Call
    found: Sequence[Found]
    shown: str  # what the model is shown of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer is there. `sources` are the passages it cites, `passages` all that were found."""

    text: str
    sources: Sequence[Found] = ()
    passages: Sequence[Found] = field(default_factory=tuple)


def answer(
    conversation: Sequence[Mapping[str, Any]], *, prompt: str, library: Library, chat: Chat
) -> Iterator[Searched | Answered]:
    messages: list[Mapping[str, Any]] = [{"role": "system", "content": prompt}, *conversation]
    passages: list[Found] = []
    turn = Turn()
    rounds = (Searching.MUST, *[Searching.MAY] * (ROUNDS - 1), Searching.DONE)
    for searching in rounds:
        turn = chat.turn(messages, searching)
        if not turn.calls:
            break
        messages.append(_said(turn))
        for call in turn.calls:
            found = library.search(call.query)
            known = {one.id for one in passages}
            passages += [one for one in found if one.id not in known]
            shown = _shown(found, passages)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": shown})
            yield Searched(call=call, found=found, shown=shown)
    text, places = cited(turn.text, [one.text for one in passages])
    yield Answered(text=text, sources=[passages[at] for at in places], passages=passages)


def _said(turn: Turn) -> dict[str, Any]:
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {
                "name": TOOL["function"]["name"],
                "arguments": json.dumps({"query": call.query}),
            },
        }
        for call in turn.calls
    ]
    return {"role": "assistant", "content": turn.text or None, "tool_calls": calls}


def _shown(found: Sequence[Found], passages: Sequence[Found]) -> str:
    """Passages as the model reads them, under the numbers that it cites them by."""
    numbers = {one.id: number for number, one in enumerate(passages, start=1)}
    return json.dumps([{"number": numbers[one.id], "text": one.body} for one in found])
