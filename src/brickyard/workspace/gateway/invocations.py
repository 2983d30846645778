"""Requests to serving endpoints: `/invocations`, and OpenAI's routes by the endpoint's name.

Everything here waits without holding a thread: a model may call back to this workspace while it
answers. The AI gateway's own paths (`/ai-gateway/...`), as databricks-openai and
databricks-langchain use them, are the same requests.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from brickyard.workspace.gateway import requests
from brickyard.workspace.gateway.account import close
from brickyard.workspace.gateway.admission import Admitted
from brickyard.workspace.gateway.answers import Answer
from brickyard.workspace.gateway.events import broken_off, event
from brickyard.workspace.gateway.requests import LARGEST_BODY, NATIVE, Ask
from brickyard.workspace.kernel import ApiError, Call, Json, Reply, Route, invalid
from brickyard.workspace.serving.records import Endpoint
from brickyard.workspace.serving.scorer import LARGEST_ANSWER

BASE = "/serving-endpoints"
RECOVERY_S = 60.0
OPENAI_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


async def invoke(call: Call) -> Reply:
    raw = call.body()
    admitted = await _admit(call, call.path["name"], "CAN_QUERY")
    ask = _ask(call, admitted.endpoint, raw, NATIVE)
    config = admitted.endpoint.active
    if config is not None and not config.is_local:
        ask.body = requests.fields(raw)
        ask.form = requests.form_of(config.entities[0], ask.body)
        requests.take_notes(ask)
    return _reply(call, await call.engines.gateway.flow.ask(ask, admitted))


def by_model(form: str) -> Callable[[Call], Coroutine[Any, Any, Reply]]:
    """OpenAI's routes: the endpoint is named by `model`, which the model itself need not know."""

    async def ask(call: Call) -> Reply:
        try:
            return await _by_model(call, form)
        except ApiError as refused:
            raise _in_both_shapes(refused) from None

    return ask


async def _by_model(call: Call, form: str) -> Reply:
    body = requests.fields(call.body())
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise invalid("model must name a serving endpoint")
    admitted = await _admit(call, name, "CAN_QUERY")
    passed = {key: value for key, value in body.items() if key != "model"}
    ask = _ask(call, admitted.endpoint, None, form)
    ask.body = passed
    requests.take_notes(ask)
    return _reply(call, await call.engines.gateway.flow.ask(ask, admitted))


async def openapi(call: Call) -> Json:
    endpoint = (await _admit(call, call.path["name"], "CAN_VIEW")).endpoint
    about = await _about(call, endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": endpoint.name, "version": "1"},
        "servers": [{"url": f"{call.workspace.url}{BASE}/{endpoint.name}"}],
        "paths": {"/invocations": {"post": _operation(about)}},
    }


async def metrics(call: Call) -> Reply:
    endpoint = (await _admit(call, call.path["name"], "CAN_VIEW")).endpoint
    text = await call.engines.serving.metrics(endpoint)
    text += call.engines.gateway.meters.text(call.workspace.name, endpoint.name)
    return Reply(body=text.encode(), headers={"Content-Type": "text/plain; version=0.0.4"})


async def _admit(call: Call, name: str, level: str) -> Admitted:
    gateway = call.engines.gateway
    gateway.look()
    return await gateway.admission.admit(call.principal, call.workspace, name, level)


def _ask(call: Call, endpoint: Endpoint, given: bytes | None, form: str) -> Ask:
    return Ask(
        endpoint=endpoint,
        principal=call.principal,
        workspace=call.workspace,
        form=form,
        given=given,
        content_type=call.header("content-type", "application/json"),
        served=call.path.get("served"),
    )


def _reply(call: Call, answer: Answer) -> Reply:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    if answer.events is None:
        return Reply(status=answer.status, body=answer.body, headers=headers)
    headers["Cache-Control"] = "no-cache"
    return Reply(status=answer.status, stream=_while_there(call, answer.events), headers=headers)


async def _while_there(call: Call, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events as long as the client takes them: a provider stops when nobody listens."""
    asking = asyncio.current_task()
    gone = asyncio.ensure_future(_disconnected(call))
    gone.add_done_callback(lambda _: asking.cancel() if asking and not gone.cancelled() else None)
    try:
        async for one in events:
            yield one
    except asyncio.CancelledError:
        if not gone.done():  # the workspace stops
            yield event(broken_off("The workspace is stopping"))
    finally:
        gone.cancel()
        await close(events)


async def _disconnected(call: Call) -> None:
    while call.receive is not None:
        if (await call.receive())["type"] == "http.disconnect":
            return


def _in_both_shapes(refused: ApiError) -> ApiError:
    """The error as Databricks', OpenAI's and Anthropic's clients read it, in one body."""
    kind = OPENAI_KINDS.get(refused.status, "api_error")
    told = {"message": refused.message, "type": kind, "param": None, "code": refused.code}
    body = {"error_code": refused.code, "message": refused.message, **(refused.body or {})}
    return ApiError(
        refused.code,
        refused.message,
        status=refused.status,
        headers=refused.headers,
        body={"type": "error", "error": told, **body},
    )


async def _about(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.active is not None and not endpoint.active.is_local:
        return {"task": endpoint.active.task}
    engine = call.engines.serving
    _, scorer = await engine.take(endpoint, None)
    try:
        await scorer.wait_ready(RECOVERY_S)
        got = await scorer.ask("GET", "/about", read_s=RECOVERY_S)
        found: dict[str, Any] = json.loads(await got.read(LARGEST_ANSWER))
        return found
    finally:
        engine.fleet.let_go(scorer)


def _operation(about: dict[str, Any]) -> dict[str, Any]:
    if about.get("task"):
        return _task_operation(about["task"])
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
    return _described({"oneOf": shapes}, {"type": "object", "properties": {"predictions": {}}})


def _task_operation(task: str) -> dict[str, Any]:
    """The operation of an endpoint with a task: OpenAI's request and answer, in outline."""
    text = {"type": "string"}
    taken, given = {
        "llm/v1/embeddings": ("input", "data"),
        "llm/v1/completions": ("prompt", "choices"),
    }.get(task, ("messages", "choices"))
    field = {"type": "array", "items": {"type": "object"}} if taken == "messages" else text
    asked = {"type": "object", "required": [taken], "properties": {taken: field}}
    return _described(asked, {"type": "object", "properties": {given: {"type": "array"}}})


def _described(asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {"content": {"application/json": {"schema": asked}}},
        "responses": {
            "200": {"description": "Answer", "content": {"application/json": {"schema": answer}}}
        },
    }


ONE = f"{BASE}/{{name}}"
# Where OpenAI's clients find the routes: of endpoints, and of the AI gateway in two dialects.
ROOTS = (BASE, "/ai-gateway/mlflow/v1", "/ai-gateway/openai/v1")
BY_MODEL = {
    "chat/completions": by_model("chat"),
    "completions": by_model("completions"),
    "embeddings": by_model("embeddings"),
    "responses": by_model("responses"),
}
# Where Anthropic's clients find theirs.
MESSAGES = ("/serving-endpoints/anthropic/v1/messages", "/ai-gateway/anthropic/v1/messages")
ROUTES: tuple[Route, ...] = (
    *(
        Route("POST", path, handler, largest=LARGEST_BODY)
        for path, handler in (
            (f"{ONE}/invocations", invoke),
            (f"{ONE}/served-models/{{served}}/invocations", invoke),
            *((path, by_model("messages")) for path in MESSAGES),
            *((f"{root}/{path}", asked) for root in ROOTS for path, asked in BY_MODEL.items()),
        )
    ),
    Route("GET", f"/api/2.0{ONE}/openapi", openapi),
    Route("GET", f"/api/2.0{ONE}/metrics", metrics),
)
