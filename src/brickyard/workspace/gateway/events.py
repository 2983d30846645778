"""Server-sent events: whole ones out of what a connection brings, and their JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

DONE: Final = b"data: [DONE]\n\n"
COMMENT: Final = b": usage "  # an event that the gateway keeps for itself
LARGEST_EVENT: Final = 8 * 1024 * 1024


async def split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Each event as soon as it is complete, its blank line included; what is left at the end.

    Raises ValueError for an event that does not end.
    """
    rest = b""
    async for chunk in chunks:
        rest += chunk.replace(b"\r\n", b"\n") if b"\r" in chunk else chunk
        while (end := rest.find(b"\n\n")) >= 0:
            one, rest = rest[: end + 2], rest[end + 2 :]
            if one.strip():
                yield one
        if len(rest) > LARGEST_EVENT:
            raise ValueError("an event of the stream does not end")
    if rest.strip():
        yield rest


def data_of(event: bytes) -> Any:
    """The JSON of an event, or of a plain body; None when it carries none (`[DONE]`, a comment)."""
    text = event.strip()
    if not text.startswith(b"{"):
        lines = [line[5:].strip() for line in text.split(b"\n") if line.startswith(b"data:")]
        text = b"\n".join(lines)
    if not text.startswith(b"{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def event(data: Mapping[str, Any], name: str = "") -> bytes:
    """One event; `name` goes into its `event:` line."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {text}\n\n".encode(errors="replace")
