"""`make load MINUTES=10`: mixed traffic through a workspace, and three accidents in its middle.

Chat, streams and embeddings of two providers, a custom model, vector search, each with clients of
its own that ask one request after the other. Meanwhile endpoints are updated, the process that
serves the model is killed, and the first provider fails, then goes away, then comes back. At the
end: every request must have been answered, and be in the usage table exactly once. The command
ends with 1 when that is not so.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.gateway import KEY, _free_port, _process
from benchmarks.server import workspace
from benchmarks.serving import _caller

CLIENTS = {"chat": 4, "stream": 2, "embeddings": 2, "model": 2, "vectors": 2}
PROCESSES = 6  # that the model has in turn: the first, after three updates, after two kills
SIZE = 32  # numbers in a vector
ROWS = 500
USAGE = "system.serving.endpoint_usage"
SETTLE_S = 60.0
INDEX = "dev.default.load_index"
PROVIDER = """
import asyncio, json, sys
failing = False
MESSAGE = {"role": "assistant", "content": "Hello there, how are you?"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
CHAT = {"id": "x", "object": "chat.completion", "created": 1, "model": "stub", "usage": USAGE,
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}]}
VECTORS = {"object": "list", "model": "stub", "usage": {"prompt_tokens": 3, "total_tokens": 3},
           "data": [{"object": "embedding", "index": 0, "embedding": [0.5] * 64}]}

def chunk(delta, end=None):
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    body = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "stub",
            "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\\n\\n"

async def app(scope, receive, send):
    global failing
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    async def answer(status, kind, *parts):
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0.005 if len(parts) > 1 else 0)
        await send({"type": "http.response.body", "body": b""})
    path = scope["path"]
    if path == "/failing":
        failing = json.loads(body)
        return await answer(200, b"application/json", b"{}")
    if failing:
        return await answer(500, b"application/json", b'{"error": {"message": "no"}}')
    asked = json.loads(body)
    if path.endswith("/embeddings"):
        return await answer(200, b"application/json", json.dumps(VECTORS).encode())
    if asked.get("stream"):
        said = [chunk({"content": word}) for word in ("Hello ", "there, ", "how ", "are ", "you?")]
        return await answer(
            200, b"text/event-stream", *said, chunk({}, "stop"), b"data: [DONE]\\n\\n"
        )
    await answer(200, b"application/json", json.dumps(CHAT).encode())

import uvicorn
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""
MODEL = """
import os, threading, uuid
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Teller(PythonModel):
    def load_context(self, context):
        self.me = str(uuid.uuid4())

    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        if "die" in model_input:
            threading.Timer(0.1, os.kill, (os.getpid(), 9)).start()
        return [self.me for _ in model_input]

set_model(Teller())
"""


@dataclass(slots=True)
class Traffic:
    """What was asked, and what came of it."""

    host: str
    headers: Mapping[str, str]
    sent: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    took_s: dict[str, list[float]] = field(default_factory=lambda: {one: [] for one in CLIENTS})
    processes: set[str] = field(default_factory=set)  # that served the model
    stopping: bool = False

    async def ask(self, session: Any, kind: str, **more: Any) -> None:
        path, given = ASKED[kind]
        body = {**given, **more}
        self.sent[kind] += 1
        if kind not in ("model", "vectors"):
            body = {**body, "client_request_id": (id := str(uuid.uuid4()))}
            self.ids.add(id)
        began = time.perf_counter()
        try:
            async with session.post(self.host + path, json=body, headers=self.headers) as got:
                told: bytes = await got.read()
                if got.status != 200 or b'"error"' in told or not ENDS[kind](told):
                    self.failed.append(f"{kind}: {got.status} {told[-300:]!r}")
                    return
        except Exception as fault:
            self.failed.append(f"{kind}: {type(fault).__name__} {fault}")
            return
        self.took_s[kind].append(time.perf_counter() - began)
        if kind == "model":
            self.processes.update(json.loads(told)["predictions"])

    async def client(self, session: Any, kind: str) -> None:
        while not self.stopping:
            await self.ask(session, kind)


MESSAGES = [{"role": "user", "content": "Hello, who are you?"}]
ASKED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "chat": ("/serving-endpoints/chat/completions", {"model": "chat", "messages": MESSAGES}),
    "stream": (
        "/serving-endpoints/chat/completions",
        {"model": "chat", "messages": MESSAGES, "stream": True},
    ),
    "embeddings": ("/serving-endpoints/embeddings", {"model": "embeddings", "input": "Hello"}),
    "model": ("/serving-endpoints/model/invocations", {"inputs": ["who"]}),
    "vectors": (
        f"/api/2.0/vector-search/indexes/{INDEX}/query",
        {"columns": ["id"], "query_vector": [0.5] * SIZE, "num_results": 5},
    ),
}
ENDS: Mapping[str, Callable[[bytes], bool]] = {
    "chat": lambda told: b'"choices"' in told,
    "stream": lambda told: told.rstrip().endswith(b"[DONE]"),
    "embeddings": lambda told: b'"embedding"' in told,
    "model": lambda told: b'"predictions"' in told,
    "vectors": lambda told: b'"row_count":5' in told,
}


class Stub:
    """A provider that can fail, go away and come back."""

    def __init__(self) -> None:
        self.port = _free_port()
        self._held = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-c", PROVIDER, str(self.port)]
        self._held.enter_context(_process(command, self.port))

    def stop(self) -> None:
        self._held.close()

    def fail(self, failing: bool) -> None:
        data = json.dumps(failing).encode()
        urllib.request.urlopen(f"{self.url}/failing", data=data).close()


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with ExitStack() as stack:
        host, token = stack.enter_context(workspace())
        stubs = (Stub(), Stub())
        for stub in stubs:
            stub.start()
            stack.callback(stub.stop)
        call = _caller(host, token)
        _prepare(call, stubs, host, token)
        traffic = Traffic(host, {"Authorization": f"Bearer {token}"})
        asyncio.run(_run(traffic, call, stubs[0], minutes * 60))
        rows = _usage(call, len(traffic.ids) + traffic.sent["model"])
        return _report(traffic, rows, minutes)


def _prepare(call: Callable[..., Any], stubs: tuple[Stub, Stub], host: str, token: str) -> None:
    names = ("first", "second")
    for name, task in (("chat", "llm/v1/chat"), ("embeddings", "llm/v1/embeddings")):
        entities = [
            {"name": each, "external_model": _external(stub, task)}
            for each, stub in zip(names, stubs, strict=True)
        ]
        routes = [
            {"served_model_name": "first", "traffic_percentage": 100},
            {"served_model_name": "second", "traffic_percentage": 0},
        ]
        config = {"served_entities": entities, "traffic_config": {"routes": routes}}
        body = {"name": name, "config": config, "ai_gateway": _settings(0)}
        call("POST", "/api/2.0/serving-endpoints", body)
    _register(call, host, token)
    body = {"name": "model", "config": _model(0), "ai_gateway": _settings(0)}
    call("POST", "/api/2.0/serving-endpoints", body)
    _await_update(call)
    base = "/api/2.0/vector-search"
    call("POST", f"{base}/endpoints", {"name": "load", "endpoint_type": "STANDARD"})
    spec = {
        "schema_json": json.dumps({"id": "long", "vector": "array<float>"}),
        "embedding_vector_columns": [{"name": "vector", "embedding_dimension": SIZE}],
    }
    index = {"name": INDEX, "endpoint_name": "load", "primary_key": "id"}
    index |= {"index_type": "DIRECT_ACCESS", "direct_access_index_spec": spec}
    call("POST", f"{base}/indexes", index)
    rows = [{"id": at, "vector": [at / ROWS] * SIZE} for at in range(ROWS)]
    call("POST", f"{base}/indexes/{INDEX}/upsert-data", {"inputs_json": json.dumps(rows)})


def _external(stub: Stub, task: str) -> dict[str, Any]:
    config = {"openai_api_base": f"{stub.url}/v1", "openai_api_key_plaintext": KEY}
    return {"name": "stub", "provider": "openai", "task": task, "openai_config": config}


def _settings(round: int) -> dict[str, Any]:
    """Another limit in each round; none that this traffic comes near to."""
    limit = {"key": "endpoint", "calls": 10_000_000 + round, "renewal_period": "minute"}
    return {
        "usage_tracking_config": {"enabled": True},
        "fallback_config": {"enabled": True},
        "rate_limits": [limit],
    }


def _model(round: int) -> dict[str, Any]:
    entity = {"name": "teller", "entity_name": "dev.bench.teller", "entity_version": "1"}
    entity |= {"workload_size": "Medium", "environment_vars": {"ROUND": str(round)}}
    return {"served_entities": [entity]}


def _register(call: Callable[..., Any], host: str, token: str) -> None:
    os.environ |= {
        "DATABRICKS_HOST": host,
        "DATABRICKS_TOKEN": token,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    import mlflow

    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")
    mlflow.set_experiment("/Shared/load")
    schema = {"name": "bench", "catalog_name": "dev"}
    call("POST", "/api/2.1/unity-catalog/schemas", schema)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "teller.py"
        file.write_text(MODEL)
        mlflow.pyfunc.log_model(
            name="teller",
            python_model=str(file),
            registered_model_name="dev.bench.teller",
            input_example=["who"],
            pip_requirements=["mlflow"],
        )


def _await_update(call: Callable[..., Any]) -> None:
    until = time.monotonic() + 300
    while (state := call("GET", "/api/2.0/serving-endpoints/model")["state"])["ready"] != (
        "READY"
    ) or state["config_update"] != "NOT_UPDATING":
        if state["config_update"] == "UPDATE_FAILED" or time.monotonic() > until:
            raise RuntimeError(state)
        time.sleep(0.2)


async def _run(traffic: Traffic, call: Callable[..., Any], stub: Stub, seconds: float) -> None:
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=300)
    )
    async with session:
        clients = [
            asyncio.create_task(traffic.client(session, kind))
            for kind, count in CLIENTS.items()
            for _ in range(count)
        ]

        async def update(round: int) -> None:
            for name in ("chat", "embeddings"):
                where = f"/api/2.0/serving-endpoints/{name}/ai-gateway"
                await asyncio.to_thread(call, "PUT", where, _settings(round))
            where = "/api/2.0/serving-endpoints/model/config"
            await asyncio.to_thread(call, "PUT", where, _model(round))
            await asyncio.to_thread(_await_update, call)

        async def kill() -> None:
            """By itself, from within its namespace, while it answers others."""
            await traffic.ask(session, "model", inputs=["die"])

        def threaded(work: Callable[..., None], *given: Any) -> Callable[[], Awaitable[None]]:
            return lambda: asyncio.to_thread(work, *given)

        accidents: tuple[tuple[float, str, Callable[[], Awaitable[None]]], ...] = (
            (0.10, "the endpoints are updated", lambda: update(1)),
            (0.25, "the model's process is killed", kill),
            (0.35, "the first provider answers 500", threaded(stub.fail, True)),
            (0.45, "the endpoints are updated", lambda: update(2)),
            (0.50, "the first provider goes away", threaded(stub.stop)),
            (0.65, "the first provider comes back", threaded(stub.start)),
            (0.70, "the model's process is killed", kill),
            (0.80, "the endpoints are updated", lambda: update(3)),
        )
        began = time.monotonic()
        for share, what, happen in accidents:
            await asyncio.sleep(max(0.0, began + share * seconds - time.monotonic()))
            print(f"  {time.monotonic() - began:6.1f} s  {what}", flush=True)
            await happen()
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        traffic.stopping = True
        await asyncio.gather(*clients)


def _usage(call: Callable[..., Any], expected: int) -> list[dict[str, Any]]:
    """The rows of the usage table, when as many are there as were asked for, or a minute later."""
    from deltalake import DeltaTable

    shown = call("GET", f"/api/2.1/unity-catalog/tables/{USAGE}")
    place = unquote(urlsplit(shown["storage_location"]).path)
    until = time.monotonic() + SETTLE_S
    columns = ["client_request_id", "databricks_request_id", "status_code"]
    while True:
        rows: list[dict[str, Any]] = DeltaTable(place).to_pyarrow_table(columns=columns).to_pylist()
        if len(rows) >= expected or time.monotonic() > until:
            return rows
        time.sleep(1)


def _report(traffic: Traffic, rows: list[dict[str, Any]], minutes: float) -> int:
    print(f"{minutes:g} minutes, load average {os.getloadavg()[0]:.1f} at the end")
    for kind, count in traffic.sent.items():
        times = sorted(traffic.took_s[kind])
        middle, late = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
        print(f"  {kind:<11}{count:>8} requests, median {middle:7.1f} ms, 99 % {late:8.1f} ms")
    told = Counter(row["client_request_id"] for row in rows)
    unnamed = told.pop(None, 0)
    twice = [id for id, count in told.items() if count > 1]
    own = len({row["databricks_request_id"] for row in rows})
    faults = {
        "requests that failed": len(traffic.failed),
        "not in the usage table": len(traffic.ids - set(told)),
        "in the usage table twice": len(twice) + len(rows) - own,
        "in the usage table and never asked": len(set(told) - traffic.ids),
        "processes of the model too few": max(0, PROCESSES - len(traffic.processes)),
        "of the model, more or fewer rows": abs(unnamed - traffic.sent["model"]),
    }
    for what, count in faults.items():
        print(f"  {what}: {count}")
    for one in traffic.failed[:10]:
        print(f"    {one}")
    return int(any(faults.values()))


if __name__ == "__main__":
    sys.exit(main())
