"""What the Spark engine asks while it runs a statement. Not part of Databricks' API."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from brickyard.workspace.kernel import Call, Reply, Route, invalid

EVALUATE: Final = "/api/2.0/brickyard/functions/evaluate"
THREADS: Final = 32
# Apart from the handlers' threads: an evaluation may wait for an answer of another handler.
_threads: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="evaluate")


async def evaluate(call: Call) -> Reply:
    """Four bytes with the length of what is asked for (JSON), that, and an Arrow stream."""
    raw = call.body()
    size = int.from_bytes(raw[:4], "big")
    try:
        asked: Any = json.loads(raw[4 : 4 + size])
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise invalid("The body is no question with columns")
    column = await asyncio.get_running_loop().run_in_executor(
        _threads,
        call.engines.functions.evaluate,
        call.principal,
        call.workspace,
        asked,
        raw[4 + size :],
    )
    return Reply(body=column, headers={"Content-Type": "application/vnd.apache.arrow.stream"})


ROUTES = (Route("POST", EVALUATE, evaluate),)
