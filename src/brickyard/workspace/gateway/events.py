"""Server-sent events: whole ones out of what a connection brings, and their JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

DONE: Final = b"data: [DONE]\n\n"
COMMENT: Final = b": usage "  # an event that the gateway keeps for itself
LARGEST_EVENT: Final = 8 * 1024 * 1024
_decode = json.JSONDecoder().decode


class Endless(ValueError):
    """An event is larger than any should be."""


async def split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Each event as soon as it is complete, its blank line included; what is left at the end.

    Raises Endless.
    """
    rest = bytearray()
    seen = 0  # where no event ends before
    cut = b""  # a line's end may be cut in two
    async for chunk in chunks:
        if not rest and not cut and _is_line(chunk):  # as most providers send them
            yield chunk
            continue
        if cut or b"\r" in chunk:
            chunk = cut + chunk
            cut = b"\r" if chunk.endswith(b"\r") else b""
            chunk = chunk.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        rest += chunk
        while (end := rest.find(b"\n\n", seen)) >= 0:
            one = bytes(rest[: end + 2])
            del rest[: end + 2]
            seen = 0
            if one.strip():
                yield one
        seen = max(0, len(rest) - 1)
        if len(rest) > LARGEST_EVENT:
            raise Endless("an event of the stream does not end")
    if rest.strip():
        yield bytes(rest)


def data_of(event: bytes) -> Any:
    """The JSON of an event, or of a plain body; None when it carries none (`[DONE]`, a comment)."""
    text = event[6:-2] if _is_line(event) else _data_in(event)
    if not text.startswith(b"{"):
        return None
    try:
        return _decode(text.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None


def _is_line(chunk: bytes) -> bool:
    """Whether these are one event with one line of data, and nothing else."""
    is_framed = chunk.startswith(b"data: ") and chunk.endswith(b"\n\n")
    return is_framed and chunk.count(b"\n") == 2 and b"\r" not in chunk


def _data_in(event: bytes) -> bytes:
    text = event.strip()
    if not text.startswith(b"{"):
        lines = [line[5:].strip() for line in text.split(b"\n") if line.startswith(b"data:")]
        text = b"\n".join(lines)
    return text


def event(data: Mapping[str, Any], name: str = "") -> bytes:
    """One event; `name` goes into its `event:` line."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {text}\n\n".encode(errors="replace")


def broken_off(message: str) -> dict[str, Any]:
    """What a stream's last event says when the answer is not whole."""
    return {"error": {"message": message, "type": "api_error", "code": "INTERNAL_ERROR"}}
