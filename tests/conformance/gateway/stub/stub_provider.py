"""A provider for tests: OpenAI's and Anthropic's API with answers that the request asks for.

A process of its own: `python stub_provider.py` prints its port, and ends when its input closes.
The model's name says what happens: `echo` answers with the last message; `tokens-N` says so many
tokens; `status-S`, `slow-S` (seconds), `broken` (no JSON), `cut` (a stream that ends early),
`stall` (one that stops in the middle) and `half` (a body that ends early) are faults; `drip` is a
slow stream, and `drip-N` one that goes on for so many words; `key` answers with the key that was
sent. `GET /seen` tells how many requests each model has had, and as `left MODEL` how many streams
were left before their end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

from aiohttp import web

SEEN: Counter[str] = Counter()


async def chat(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    model = body.get("model") or request.match_info.get("name", "")
    SEEN[model] += 1
    kind, _, value = model.partition("-")
    if kind == "status":
        told = {"error": {"message": f"status {value}", "type": "stub"}}
        return web.json_response(told, status=int(value), headers={"Retry-After": "7"})
    if kind == "slow":
        await asyncio.sleep(float(value))
    if kind == "broken":
        return web.Response(text="<html>oops", content_type="application/json")
    text = said(request, body, model)
    if body.get("stream"):
        return await stream(request, body, model, text)
    answer = completion(body, model, text)
    if kind == "half":
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(json.dumps(answer).encode()[:20])
        request.transport.close()
        return response
    return web.json_response(answer)


def said(request: web.Request, body: dict, model: str) -> str:
    if model == "key":
        return request.headers.get("Authorization", "") + request.headers.get("api-key", "")
    if model == "body":
        return json.dumps(body, sort_keys=True)
    content = body["messages"][-1]["content"] if body.get("messages") else body.get("prompt", "")
    return f"echo: {content}"


def usage(body: dict, model: str) -> dict:
    kind, _, value = model.partition("-")
    spoken = int(value) if kind == "tokens" else min(5, body.get("max_tokens") or 5)
    return {"prompt_tokens": 10, "completion_tokens": spoken, "total_tokens": 10 + spoken}


def completion(body: dict, model: str, text: str) -> dict:
    message = {"role": "assistant", "content": text}
    return {
        "id": "stub",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage(body, model),
    }


async def stream(request: web.Request, body: dict, model: str, text: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    head = {"id": "stub", "object": "chat.completion.chunk", "created": 1, "model": model}

    async def send(choices: list, **more: object) -> None:
        await response.write(
            f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n".encode()
        )

    kind, _, value = model.partition("-")
    words = text.split(" ") if not value else ["word"] * int(value)
    for at, word in enumerate(words):
        if request.transport is None or request.transport.is_closing():
            SEEN[f"left {model}"] += 1
            return response
        await send([{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}])
        if model == "cut" and at == 1:
            request.transport.close()
            return response
        if model == "stall" and at == 1:
            await asyncio.sleep(600)
        if kind == "drip":
            await asyncio.sleep(0.2 if model == "drip" else 0.05)
    await send([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    if (body.get("stream_options") or {}).get("include_usage"):
        await send([], usage=usage(body, model))
    await response.write(b"data: [DONE]\n\n")
    return response


async def embeddings(request: web.Request) -> web.Response:
    body = await request.json()
    SEEN[body["model"]] += 1
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [
        {"object": "embedding", "index": at, "embedding": [1.0, 0.0]} for at in range(len(texts))
    ]
    told = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return web.json_response(
        {"object": "list", "data": data, "model": body["model"], "usage": told}
    )


async def messages(request: web.Request) -> web.StreamResponse:
    """Anthropic's API: the answer tells what arrived."""
    body = await request.json()
    SEEN[body["model"]] += 1
    if request.headers.get("anthropic-version") is None or not request.headers.get("x-api-key"):
        return web.json_response({"error": {"message": "no headers"}}, status=400)
    content = [{"type": "text", "text": json.dumps(body, sort_keys=True)}]
    reason = "end_turn"
    if body.get("tools"):
        use = {
            "type": "tool_use",
            "id": "tu_1",
            "name": body["tools"][0]["name"],
            "input": {"a": 1},
        }
        content, reason = [use], "tool_use"
    told = {"input_tokens": 11, "output_tokens": 3}
    if not body.get("stream"):
        return web.json_response(
            {
                "id": "msg",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": content,
                "stop_reason": reason,
                "usage": told,
            }
        )
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    start = {"id": "msg", "model": body["model"], "usage": {"input_tokens": 11, "output_tokens": 0}}
    events: list[dict] = [{"type": "message_start", "message": start}]
    if body.get("tools"):
        block = {**content[0], "input": {}}
        events.append({"type": "content_block_start", "index": 0, "content_block": block})
        for part in ('{"a"', ": 1}"):
            delta = {"type": "input_json_delta", "partial_json": part}
            events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    else:
        block = {"type": "text", "text": ""}
        events.append({"type": "content_block_start", "index": 0, "content_block": block})
        for part in ("Hello ", "there"):
            delta = {"type": "text_delta", "text": part}
            events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    events.append({"type": "content_block_stop", "index": 0})
    end = {"stop_reason": reason}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 3}})
    events.append({"type": "message_stop"})
    for one in events:
        await response.write(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode())
    return response


async def seen(_: web.Request) -> web.Response:
    return web.json_response(dict(SEEN))


METRICS: list[dict] = []


async def take_metrics(request: web.Request) -> web.Response:
    METRICS.append(await request.json())
    return web.json_response({})


async def show_metrics(_: web.Request) -> web.Response:
    return web.json_response(METRICS)


async def serve() -> None:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    for path in (
        "/v1/chat/completions",
        "/openai/deployments/{name}/chat/completions",
        "/serving-endpoints/{name}/invocations",
    ):
        app.router.add_post(path, chat)
    app.router.add_post("/v1/embeddings", embeddings)
    app.router.add_post("/v1/messages", messages)
    app.router.add_get("/seen", seen)
    app.router.add_post("/otlp/v1/metrics", take_metrics)
    app.router.add_get("/otlp", show_metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[union-attr]
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
