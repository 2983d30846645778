"""An app's log as a stream of lines over a websocket, as `databricks apps logs` reads it.

The client first sends what to search for ('' for everything); each line is an object with
`source`, `timestamp` (seconds) and `message`. Lines have no time of their own: it is when they were
seen.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.apps.process import tail

if TYPE_CHECKING:
    from aiohttp import web

SHOWN = 200_000
LOOK_S = 0.3
FIRST_WORD_S = 10.0


async def send_log(request: web.Request, log: Path) -> web.WebSocketResponse:
    """The end of the log, then what is added, until the client goes."""
    from aiohttp import web

    stream = web.WebSocketResponse()
    await stream.prepare(request)
    try:
        search = await stream.receive_str(timeout=FIRST_WORD_S)
    except (TimeoutError, TypeError, web.HTTPException):
        return stream
    gone = asyncio.create_task(_until_closed(stream))
    try:
        position = log.stat().st_size if log.exists() else 0
        await _send(stream, tail(log, SHOWN).splitlines(), search)
        rest = ""
        while not gone.done():
            await asyncio.wait({gone}, timeout=LOOK_S)
            size = log.stat().st_size if log.exists() else 0
            if size < position:
                position = 0  # begun anew
            if size > position:
                with log.open("rb") as file:
                    file.seek(position)
                    more = file.read(SHOWN)
                position += len(more)
                *lines, rest = (rest + more.decode(errors="replace")).split("\n")
                await _send(stream, lines, search)
    except ConnectionResetError:
        pass
    finally:
        gone.cancel()
    return stream


async def _until_closed(stream: web.WebSocketResponse) -> None:
    async for _ in stream:
        pass


async def _send(stream: web.WebSocketResponse, lines: list[str], search: str) -> None:
    for line in lines:
        if search in line:
            source = "SYSTEM" if line.startswith("[brickyard]") else "APP"
            told = {"source": source, "timestamp": time.time(), "message": line}
            await stream.send_str(json.dumps(told))
