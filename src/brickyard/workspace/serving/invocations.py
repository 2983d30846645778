"""Requests to served models: MLflow's request forms, and OpenAI's by the endpoint's name.

Everything here waits without holding a thread: a model may call back to this workspace while it
answers. Bodies pass as they are; a stream of events passes as it comes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from brickyard.workspace.kernel import ApiError, Call, Json, Reply, Route, invalid
from brickyard.workspace.serving.records import Endpoint
from brickyard.workspace.serving.scorer import Scorer

if TYPE_CHECKING:
    import aiohttp

BASE = "/serving-endpoints"
TIMEOUT_S = 300.0  # of one request
RECOVERY_S = 60.0  # how long a request waits for a process that is started again
SERVED_HEADER = "served-model-name"


async def invoke(call: Call) -> Reply:
    return await _score(call, call.path["name"], call.body(), call.path.get("served"))


async def by_model(call: Call) -> Reply:
    """OpenAI's routes: the endpoint is named by `model`, which the model itself need not know."""
    body = call.json()
    name = body.get("model") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name:
        raise invalid("model must name a serving endpoint")
    passed = {key: value for key, value in body.items() if key != "model"}
    return await _score(call, name, json.dumps(passed).encode(), None)


async def openapi(call: Call) -> Json:
    endpoint = await _admit(call, call.path["name"], "CAN_VIEW")
    about = await _about(call, endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": endpoint.name, "version": "1"},
        "servers": [{"url": f"{call.workspace.url}{BASE}/{endpoint.name}"}],
        "paths": {"/invocations": {"post": _operation(about)}},
    }


async def metrics(call: Call) -> Reply:
    endpoint = await _admit(call, call.path["name"], "CAN_VIEW")
    text = call.engines.serving.counts.text(endpoint.id)
    return Reply(body=text.encode(), headers={"Content-Type": "text/plain; version=0.0.4"})


async def _score(call: Call, name: str, body: bytes, served: str | None) -> Reply:
    endpoint = await _admit(call, name, "CAN_QUERY")
    engine, began = call.engines.serving, time.monotonic()
    entity, scorer = await engine.take(endpoint, served)
    held = True
    try:
        got = await _send(scorer, body, call.header("content-type", "application/json"))
        headers = {SERVED_HEADER: entity}
        kind = got.headers.get("Content-Type", "application/json")
        if kind.startswith("text/event-stream"):
            held = False
            stream = _events(got, lambda: engine.fleet.let_go(scorer))
            return Reply(
                status=got.status,
                stream=stream,
                headers={**headers, "Content-Type": kind, "Cache-Control": "no-cache"},
            )
        answer = await _read(got)
        engine.counts.add(endpoint.id, entity, got.status, time.monotonic() - began)
        return Reply(status=got.status, body=answer, headers={**headers, "Content-Type": kind})
    finally:
        if held:
            engine.fleet.let_go(scorer)


async def _admit(call: Call, name: str, level: str) -> Endpoint:
    find = call.engines.serving.find
    return await asyncio.to_thread(find, call.principal, call.workspace, name, level)


async def _send(scorer: Scorer, body: bytes, kind: str) -> aiohttp.ClientResponse:
    import aiohttp

    limit = aiohttp.ClientTimeout(total=TIMEOUT_S)
    deadline = time.monotonic() + RECOVERY_S
    while True:
        if not await scorer.wait_ready(max(0.0, deadline - time.monotonic())):
            raise ApiError(
                "TEMPORARILY_UNAVAILABLE",
                "The model's process died and does not start; the served entity's logs say why",
                headers={"Retry-After": "5"},
            )
        headers = {**scorer.headers, "Content-Type": kind}
        try:
            return await scorer.session().post(
                "http://model/invocations", data=body, headers=headers, timeout=limit
            )
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)  # it has just died: nothing was sent, wait for the next one
        except TimeoutError:
            raise _too_slow() from None
        except aiohttp.ClientError as fault:
            raise _died() from fault


async def _read(got: aiohttp.ClientResponse) -> bytes:
    import aiohttp

    try:
        return await got.read()
    except TimeoutError:
        raise _too_slow() from None
    except aiohttp.ClientError as fault:
        raise _died() from fault


async def _events(got: aiohttp.ClientResponse, let_go: Any) -> AsyncIterator[bytes]:
    try:
        async for chunk in got.content.iter_any():
            yield chunk
    finally:
        got.close()
        let_go()


def _too_slow() -> ApiError:
    return ApiError("DEADLINE_EXCEEDED", f"The model did not answer within {TIMEOUT_S:.0f} s")


def _died() -> ApiError:
    message = "The model's process died during the request; the served entity's logs say why"
    return ApiError("INTERNAL_ERROR", message)


async def _about(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    engine = call.engines.serving
    _, scorer = await engine.take(endpoint, None)
    try:
        await scorer.wait_ready(RECOVERY_S)
        async with scorer.session().get("http://model/about", headers=scorer.headers) as got:
            found: dict[str, Any] = await got.json()
            return found
    finally:
        engine.fleet.let_go(scorer)


def _operation(about: dict[str, Any]) -> dict[str, Any]:
    signature = about.get("signature") or {}
    columns = json.loads(signature.get("inputs") or "[]")
    names = [one.get("name") for one in columns if one.get("name")]
    record = {"type": "object", "properties": {name: {} for name in names}}
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}, "example": names},
            "data": {"type": "array", "items": {"type": "array"}},
        },
    }
    forms = {
        "dataframe_split": split,
        "dataframe_records": {"type": "array", "items": record},
        "inputs": {},
        "instances": {"type": "array"},
    }
    shapes = [
        {"type": "object", "required": [name], "properties": {name: form}}
        for name, form in forms.items()
    ]
    answer = {"type": "object", "properties": {"predictions": {}}}
    return {
        "requestBody": {"content": {"application/json": {"schema": {"oneOf": shapes}}}},
        "responses": {
            "200": {
                "description": "Predictions",
                "content": {"application/json": {"schema": answer}},
            }
        },
    }


ONE = f"{BASE}/{{name}}"
ROUTES: tuple[Route, ...] = (
    Route("POST", f"{ONE}/invocations", invoke),
    Route("POST", f"{ONE}/served-models/{{served}}/invocations", invoke),
    Route("POST", f"{BASE}/chat/completions", by_model),
    Route("POST", f"{BASE}/completions", by_model),
    Route("POST", f"{BASE}/embeddings", by_model),
    Route("POST", f"{BASE}/responses", by_model),
    Route("GET", f"/api/2.0{ONE}/openapi", openapi),
    Route("GET", f"/api/2.0{ONE}/metrics", metrics),
)
