"""What one request took: filled while it is answered, and written down once, when it is.

The record is in the journal before the last of the answer is sent. A refused request has one, too.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.workspace.gateway import journal, texts
from brickyard.workspace.gateway.admission import Admitted
from brickyard.workspace.gateway.answers import MALFORMED, Answer, Usage, usage_of
from brickyard.workspace.gateway.budgets import Reservation
from brickyard.workspace.gateway.events import COMMENT, DONE, data_of
from brickyard.workspace.gateway.limits import Ticket
from brickyard.workspace.gateway.offline.words import count
from brickyard.workspace.gateway.requests import Ask

LARGEST_KEPT: Final = 16 * 1024 * 1024  # bytes of a stream, to tell afterwards what was said
LARGEST_LOGGED: Final = 1024 * 1024  # bytes of a request or an answer in an inference table
CLIENT_GONE: Final = 499
COMPLETED, STOPPED = b'"type":"response.completed"', b'"type":"message_stop"'


@dataclass(slots=True)
class Account:
    ask: Ask
    admitted: Admitted
    entity: str = ""
    usage: Usage | None = None
    ticket: Ticket | None = None
    held: Reservation | None = None
    fallbacks: int = 0
    status: int = 0
    said: list[bytes] = field(default_factory=list)  # of a stream, when somebody wants to know
    said_bytes: int = 0
    said_chars: int = 0
    deltas: int = 0
    asked: str = ""  # what the record says of the request

    @property
    def is_logged(self) -> bool:
        rules = self.admitted.rules
        return rules.capture is not None

    @property
    def is_recorded(self) -> bool:
        return self.admitted.rules.tracks_usage or self.is_logged or self.held is not None

    async def watch(self, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The events of the model, with the tokens they took taken note of."""
        try:
            async for one in events:
                if one.startswith(COMMENT):
                    self.usage = usage_of(data_of(b"data: " + one.removeprefix(COMMENT)))
                    continue
                self.deltas += 1
                if b'"usage"' in one and (found := _usage_in(data_of(one))) is not None:
                    self.usage = found
                if one.startswith(b'data: {"error"'):
                    self.status = 502
                yield one
        finally:
            await close(events)

    def keep(self, event: bytes) -> None:
        """Remember an event that is sent, unless there are too many; or how much it says."""
        self.said_bytes += len(event)
        if self.is_logged:
            if self.said_bytes <= LARGEST_KEPT:
                self.said.append(event)
        elif isinstance(data := data_of(event), dict):
            self.said_chars += sum(map(len, texts.of_event(data)))

    def taken(self) -> Usage | None:
        """The tokens, as the provider counts them; estimated for a stream that does not say."""
        if self.usage is None and self.deltas > 1:
            return Usage(asked_tokens(self.ask), self.deltas - 1)
        return self.usage

    def note_request(self) -> None:
        """Have ready what the record says of the request; for whom it was is said elsewhere."""
        ask = self.ask
        self.asked = journal.fields_of(
            {
                "id": ask.id,
                "time_ms": ask.began_ms,
                "read_chars": characters(ask),
                "streams": ask.streams,
                "client_request_id": ask.client_request_id,
                "context": ask.usage_context,
            }
        )

    def record(self, status: int, response: bytes, charges: dict[str, list[float]]) -> str:
        """What is written down, as the journal takes it."""
        ask, taken = self.ask, self.taken()
        if not self.asked:
            self.note_request()
        found: dict[str, Any] = {
            "status": status,
            "ms": round((time.perf_counter() - ask.began) * 1000),
            "read": taken.read if taken else None,
            "said": taken.said if taken else None,
            "said_chars": self.said_chars,
            "charges": charges,
        }
        capture = self.admitted.rules.capture
        if capture is not None:
            errors: list[str] = []
            found["capture"] = {
                "table": capture.table,
                "legacy": capture.legacy,
                "creator": ask.endpoint.creator,
            }
            found["request"] = _logged(ask.raw, "REQUEST", errors)
            found["response"] = _logged(response, "RESPONSE", errors)
            found["logging_errors"] = errors
        return f"{self.asked},{self.admitted.told[self.entity]},{journal.fields_of(found)}"


def asked_tokens(ask: Ask) -> int:
    """The tokens of a request, estimated: its words and marks."""
    return sum(count(text) for text in texts.of_request(ask.body)) if ask.body else 0


def characters(ask: Ask) -> int:
    return sum(len(text) for text in texts.of_request(ask.body)) if ask.body else len(ask.raw)


def answered_characters(answer: Answer) -> int:
    body = answer.data if answer.data is not None else data_of(answer.body)
    return sum(map(len, texts.of_answer(body))) if isinstance(body, dict) else len(answer.body)


async def close(events: AsyncIterator[bytes]) -> None:
    end = getattr(events, "aclose", None)
    if end is not None:
        await end()


def whole(events: list[bytes]) -> bytes:
    """The answer that a stream gave, in one piece, as a call without `stream` would have it."""
    chunks = [data for one in events if isinstance(data := data_of(one), dict)]
    for data in reversed(chunks):
        if isinstance(data.get("response"), dict):  # the last event of the Responses API
            return json.dumps(data["response"], ensure_ascii=False).encode(errors="replace")
    found: Any = chunks
    if any(isinstance(one.get("choices"), list) for one in chunks):
        with contextlib.suppress(*MALFORMED):  # a model may say anything: then as it was said
            found = _joined(chunks)
    return json.dumps(found, ensure_ascii=False).encode(errors="replace")


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Chunks of a chat completion as the completion."""
    head = next(one for one in chunks if isinstance(one.get("choices"), list))
    joined = {**head, "object": "chat.completion"}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        joined["usage"] = chunk.get("usage") or joined.get("usage")
        for one in chunk.get("choices") or ():
            if not isinstance(one, dict):
                continue
            index = int(one.get("index") or 0)
            message: dict[str, Any] = {"role": "assistant", "content": ""}
            choice = choices.setdefault(index, {"index": index, "message": message})
            delta = one.get("delta") or {}
            choice["message"]["content"] += delta.get("content") or ""
            _join_calls(choice["message"], delta.get("tool_calls") or ())
            choice["finish_reason"] = one.get("finish_reason") or choice.get("finish_reason")
    joined["choices"] = [choices[at] for at in sorted(choices)]
    return {name: one for name, one in joined.items() if one is not None}


def _join_calls(message: dict[str, Any], deltas: Any) -> None:
    for delta in deltas:
        calls = message.setdefault("tool_calls", [])
        at = int(delta.get("index") or 0)
        if at > len(calls):
            raise ValueError("a tool call was left out")
        if at == len(calls):
            calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
        if delta.get("id"):
            calls[at]["id"] = delta["id"]
        function = delta.get("function") or {}
        calls[at]["function"]["name"] += function.get("name") or ""
        calls[at]["function"]["arguments"] += function.get("arguments") or ""


def _usage_in(data: Any) -> Usage | None:
    if isinstance(data, dict) and isinstance(data.get("response"), dict):
        return usage_of(data["response"])
    return usage_of(data)


def _logged(raw: bytes, what: str, errors: list[str]) -> str:
    if len(raw) > LARGEST_LOGGED:
        errors.append(f"MAX_{what}_SIZE_EXCEEDED")
        return ""
    return raw.decode(errors="replace")


def is_last(event: bytes) -> bool:
    """Whether nothing comes after an event, as far as a client can tell."""
    return event.strip() == DONE.strip() or COMPLETED in event or STOPPED in event
