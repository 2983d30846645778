"""What the Spark engine asks while it runs a statement (not part of Databricks' API), and
`/api/2.0/external-function`, as `serving_endpoints.http_request` of the SDK calls it.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.functions.batches import Batch
from brickyard.workspace.functions.requesting import Request
from brickyard.workspace.kernel import ApiError, Call, Reply, Route, invalid

EVALUATE: Final = "/api/2.0/brickyard/functions/evaluate"
THREADS: Final = 32
LONGEST_REFUSAL: Final = 500
PASSED_BACK: Final = ("mcp-session-id",)
# Apart from the handlers' threads: an evaluation may wait for an answer of another handler.
_threads: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="evaluate")


async def evaluate(call: Call) -> Reply:
    """Four bytes with the length of what is asked for (JSON), that, and an Arrow stream."""
    raw = call.body()
    size = int.from_bytes(raw[:4], "big")
    try:
        asked: Any = json.loads(raw[4 : 4 + size])
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise invalid("The body is no question with columns")
    batch = Batch(
        principal=call.principal,
        workspace=call.workspace,
        authorization=call.header("authorization"),
        asked=asked,
        data=raw[4 + size :],
    )
    loop = asyncio.get_running_loop()
    column = await loop.run_in_executor(_threads, call.engines.functions.evaluate, batch)
    return Reply(body=column, headers={"Content-Type": "application/vnd.apache.arrow.stream"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalFunction:
    """`headers` and `params` are JSON texts, as the SDK sends them."""

    connection_name: str
    method: str
    path: str
    headers: str | None = None
    params: str | None = None
    json: str | None = None
    sub_domain: str | None = None


async def external_function(call: Call) -> Reply:
    want = call.read(ExternalFunction)
    request = Request(
        method=want.method,
        path=want.path,
        headers=_texts(want.headers, "headers"),
        params=_texts(want.params, "params"),
        json=want.json,
        sub_domain=want.sub_domain or "",
    )
    answer = await asyncio.get_running_loop().run_in_executor(
        _threads,
        call.engines.functions.requests.make,
        call.principal,
        call.workspace,
        want.connection_name,
        request,
    )
    if answer.status >= 400:
        text = answer.body.decode(errors="replace")[:LONGEST_REFUSAL]
        raise ApiError(
            "BAD_REQUEST",
            f"The service behind connection '{want.connection_name}' answered {answer.status}:"
            f" {text}",
            status=answer.status,
        )
    kept = {key: value for key, value in answer.headers.items() if key.lower() in PASSED_BACK}
    return Reply(body=answer.body, headers={"Content-Type": "text/plain", **kept})


def _texts(given: str | None, name: str) -> dict[str, Any]:
    try:
        found = json.loads(given) if given else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise invalid(f"{name} must be a JSON object")
    return found


ROUTES = (
    Route("POST", EVALUATE, evaluate),
    Route("POST", "/api/2.0/external-function", external_function),
)
