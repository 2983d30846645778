"""The offline models as what is behind an endpoint."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from brickyard.workspace.gateway.answers import Answer, json_answer
from brickyard.workspace.gateway.events import DONE, event
from brickyard.workspace.gateway.offline import wire
from brickyard.workspace.gateway.offline.chat import BadRequest
from brickyard.workspace.gateway.offline.embedder import DIMENSIONS
from brickyard.workspace.kernel import invalid


def answer(form: str, body: Mapping[str, Any], dimensions: int, encoder: str) -> Answer:
    """Raises INVALID_PARAMETER_VALUE. Takes milliseconds of the processor; it blocks."""
    now_s = int(time.time())
    try:
        if form == "embeddings":
            return json_answer(wire.embeddings(body, dimensions or DIMENSIONS, encoder))
        if form == "completions":
            return json_answer(wire.text_completion(body, now_s))
        if not body.get("stream"):
            return json_answer(wire.completion(body, now_s))
        return Answer(
            events=_events(wire.completion_events(body, now_s)), content_type="text/event-stream"
        )
    except BadRequest as fault:
        raise invalid(str(fault)) from None


async def _events(chunks: Iterable[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield event(chunk)
    yield DONE
