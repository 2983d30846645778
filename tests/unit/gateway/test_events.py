"""Server-sent events out of whatever pieces a connection brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from brickyard.workspace.gateway.events import split

STREAM = (
    b'data: {"a": 1}\r\n\r\n: comment\n\ndata: \xff\xfe\n\n\n\n'
    b'data: {"b": "\xc3\xa9"}\r\n\r\ndata: rest'
)
WHOLE = [
    b'data: {"a": 1}\n\n',
    b": comment\n\n",
    b"data: \xff\xfe\n\n",
    b'data: {"b": "\xc3\xa9"}\n\n',
    b"data: rest",
]


async def _split(pieces: list[bytes]) -> list[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for one in pieces:
            yield one

    return [one async for one in split(chunks())]


@pytest.mark.parametrize("size", range(1, len(STREAM) + 1))
def test_events_are_the_same_wherever_they_are_cut(size: int) -> None:
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert asyncio.run(_split(pieces)) == WHOLE
