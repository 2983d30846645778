"""What a model gave back: a whole body or events as they come, and how many tokens it took."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MOST_TOKENS: Final = 10**12  # that one request can have taken
# What reading JSON raises that has not the form it should have.
MALFORMED: Final = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Usage:
    read: int = 0  # tokens of the request
    said: int = 0  # tokens of the answer

    @property
    def total(self) -> int:
        return self.read + self.said


@dataclass(slots=True, kw_only=True)
class Answer:
    """`events` are whole server-sent events, in order. Closed by whoever sends them on."""

    status: int = 200
    body: bytes = b""
    events: AsyncIterator[bytes] | None = None
    content_type: str = "application/json"
    usage: Usage | None = None
    data: Any = None  # the body's JSON, when it was read anyway
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(body: Mapping[str, Any]) -> Answer:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Answer(body=text.encode(errors="replace"), usage=usage_of(body), data=body)


def usage_of(body: Any) -> Usage | None:
    """The tokens that a body of OpenAI's API says it took, in any of its forms."""
    given = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        return None
    read = given.get("prompt_tokens", given.get("input_tokens"))
    said = given.get("completion_tokens", given.get("output_tokens"))
    return Usage(_tokens(read), _tokens(said))


def _tokens(given: Any) -> int:
    """A provider may say anything: what it says is added up, and written where 64 bits fit."""
    return given if isinstance(given, int) and 0 <= given <= MOST_TOKENS else 0
