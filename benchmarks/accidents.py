"""`python -m benchmarks.accidents 2`: what happens to the server itself, under streaming load.

Chat and streams, of an external model whose key is a secret and of a foundation model that
`gateway.yml` names, from clients that go on whatever they are told. Meanwhile the secret and the
provider's key change, `gateway.yml` changes, breaks and is mended, an endpoint is deleted while it
streams, and the server is killed twice (SIGKILL) and started again. At the end: whatever was
answered to its last byte is in the usage table and in the inference table, nothing twice, and no
request failed but for a reason that was given to it. The command ends with 1 when that is not so.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.gateway import _free_port, _process
from benchmarks.serving import _caller

CLIENTS: Mapping[tuple[str, bool], int] = {
    ("chat", True): 6,
    ("chat", False): 2,
    ("going", True): 3,
    ("databricks-gpt-5", True): 2,
    ("databricks-gpt-5", False): 1,
}
USAGE, PAYLOADS = "system.serving.endpoint_usage", "dev.default.accidents_payload"
SETTLE_S = 60.0
PROVIDER = """
import asyncio, json, sys
keys = {"first"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
WORDS = ("Hello ", "there, ", "how ", "are ", "you?")

async def app(scope, receive, send):
    global keys
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
            await asyncio.sleep(0.05 if len(parts) > 1 else 0)
        await send({"type": "http.response.body", "body": b""})
    if scope["path"] == "/keys":
        keys = set(json.loads(body))
        return await answer(200, b"application/json", b"{}")
    if dict(scope["headers"]).get(b"authorization", b"")[7:].decode() not in keys:
        return await answer(401, b"application/json", b'{"error": {"message": "wrong key"}}')
    asked = json.loads(body)
    base = {"id": "x", "created": 1, "model": asked["model"]}
    if asked.get("stream"):
        base["object"] = "chat.completion.chunk"
        said = [{**base, "choices": [{"index": 0, "delta": {"content": word}}]} for word in WORDS]
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        said.append({**base, "choices": [end], "usage": USAGE})
        told = [b"data: " + json.dumps(one).encode() + b"\\n\\n" for one in said]
        return await answer(200, b"text/event-stream", *told, b"data: [DONE]\\n\\n")
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = {**base, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    await answer(200, b"application/json", json.dumps(whole).encode())

import uvicorn
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""


class Server:
    """The embedded workspace, on ports that it finds again after a kill."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._ports = ",".join(str(_free_port()) for _ in range(3))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "BRICKYARD_HOME": str(self.home)}
        environment["BRICKYARD_PORTS"] = self._ports
        file = self.home / "run" / "workspaces.json"
        file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "brickyard.workspace"]
        self._process = subprocess.Popen(command, env=environment)
        while not file.exists():
            if self._process.poll() is not None:
                raise RuntimeError("the embedded workspace did not start")
            time.sleep(0.01)

    def address(self) -> tuple[str, str]:
        told = json.loads((self.home / "run" / "workspaces.json").read_bytes())["dev"]
        return told["host"], told["token"]

    def end(self, how: int) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def killed(self) -> None:
        self.end(signal.SIGKILL)
        self.start()


@dataclass(slots=True)
class Traffic:
    """What was asked, and what came of it."""

    host: str
    token: str
    sent: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    whole: dict[str, str] = field(default_factory=dict)  # id -> endpoint, answered to the end
    refused: Counter[str] = field(default_factory=Counter)  # by the reason given
    broken: Counter[str] = field(default_factory=Counter)  # by accident and what the client saw
    accident: str = "none yet"
    stopping: bool = False

    async def client(self, session: Any, name: str, streams: bool) -> None:
        while not self.stopping:
            await self.ask(session, name, streams)

    async def ask(self, session: Any, name: str, streams: bool) -> None:
        id = str(uuid.uuid4())
        body = {
            "model": name,
            "messages": [{"role": "user", "content": "Hello"}],
            "client_request_id": id,
        }
        if streams:
            body["stream"] = True
        self.ids.add(id)
        self.sent[name] += 1
        headers = {"Authorization": f"Bearer {self.token}"}
        where = f"{self.host}/serving-endpoints/chat/completions"
        try:
            async with session.post(where, json=body, headers=headers) as got:
                told = await got.read()
        except Exception as fault:
            self.broken[f"{self.accident}: {type(fault).__name__}"] += 1
            await asyncio.sleep(0.05)
            return
        ended = told.rstrip().endswith(b"[DONE]") if streams else b'"choices"' in told
        if got.status == 200 and ended and b'"error"' not in told:
            self.whole[id] = name
        else:
            self.refused[f"{self.accident}: {name} {got.status} {_reason(told)}"] += 1
            await asyncio.sleep(0.02)


def _reason(told: bytes) -> str:
    try:
        return str(json.loads(told).get("error_code"))
    except ValueError:
        return f"stream of {len(told)} bytes that ends {told[-120:]!r}"


Accident = tuple[float, str, Callable[[], object]]
# What clients may be told while an accident lasts, and only then.
ALLOWED: Mapping[str, Sequence[str]] = {
    "the server is killed": ("",),
    "gateway.yml breaks": ("databricks-gpt-5 400 INVALID_STATE",),
    "an endpoint is deleted while it streams": ("going 404",),
}


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    with ExitStack() as stack:
        port = _free_port()
        stack.enter_context(_process([sys.executable, "-c", PROVIDER, str(port)], port))
        provider = f"http://127.0.0.1:{port}"
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = Server(home)
        settings(home, provider, "first", "one")
        server.start()
        stack.callback(lambda: server.end(signal.SIGTERM))
        host, token = server.address()
        call = _caller(host, token)
        prepare(call, provider)
        traffic = Traffic(host, token)

        def rotated() -> None:
            keys(provider, "first", "second")
            secret(call, "second")
            settings(home, provider, "second", "one")
            keys(provider, "second")

        def deleted() -> None:
            call("DELETE", "/api/2.0/serving-endpoints/going")

        def broken() -> None:
            (home / "gateway.yml").write_text("models: {databricks-*: {provider: nobody")

        accidents: Sequence[Accident] = (
            (0.10, "the key is another one", rotated),
            (0.20, "gateway.yml changes", lambda: settings(home, provider, "second", "two")),
            (0.30, "gateway.yml breaks", broken),
            (0.40, "gateway.yml is mended", lambda: settings(home, provider, "second", "three")),
            (0.45, "the server is killed", server.killed),
            (0.60, "after the kill", lambda: None),
            (0.65, "an endpoint is deleted while it streams", deleted),
            (0.75, "the server is killed", server.killed),
            (0.90, "after the kill", lambda: None),
        )
        asyncio.run(run(traffic, accidents, minutes * 60))
        return report(traffic, call, minutes)


def prepare(call: Callable[..., Any], provider: str) -> None:
    call("POST", "/api/2.0/secrets/scopes/create", {"scope": "llm"})
    secret(call, "first")
    config = {"openai_api_base": f"{provider}/v1", "openai_api_key": "{{secrets/llm/key}}"}
    model = {"name": "stub", "provider": "openai", "task": "llm/v1/chat", "openai_config": config}
    for name in ("chat", "going"):
        tables: dict[str, Any] = {"catalog_name": "dev", "schema_name": "default"}
        tables |= {"table_name_prefix": "accidents", "enabled": name == "chat"}
        gateway = {"usage_tracking_config": {"enabled": True}, "inference_table_config": tables}
        body = {"name": name, "config": {"served_entities": [{"external_model": model}]}}
        call("POST", "/api/2.0/serving-endpoints", {**body, "ai_gateway": gateway})


def secret(call: Callable[..., Any], value: str) -> None:
    given = {"scope": "llm", "key": "key", "string_value": value}
    call("POST", "/api/2.0/secrets/put", given)


def keys(provider: str, *good: str) -> None:
    urllib.request.urlopen(f"{provider}/keys", data=json.dumps(good).encode()).close()


def settings(home: Path, provider: str, key: str, model: str) -> None:
    """As an editor writes it: in place, and not at once."""
    text = (
        f"providers:\n  stub: {{url: '{provider}/v1', key: {key}, workspaces: [dev]}}\n"
        f"models:\n  databricks-gpt-5: {{provider: stub, model: {model}}}\n"
    )
    (home / "gateway.yml").write_text(text)


async def run(traffic: Traffic, accidents: Sequence[Accident], seconds: float) -> None:
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60)
    )
    async with session:
        clients = [
            asyncio.create_task(traffic.client(session, name, streams))
            for (name, streams), count in CLIENTS.items()
            for _ in range(count)
        ]
        began = time.monotonic()
        for share, what, happen in accidents:
            await asyncio.sleep(max(0.0, began + share * seconds - time.monotonic()))
            print(f"  {time.monotonic() - began:6.1f} s  {what}", flush=True)
            traffic.accident = what
            await asyncio.to_thread(happen)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        traffic.stopping = True
        await asyncio.gather(*clients)


def rows(call: Callable[..., Any], table: str, wanted: set[str]) -> list[Any]:
    """The ids in a table, when all that are wanted are there, or a minute later."""
    from deltalake import DeltaTable

    until = time.monotonic() + SETTLE_S
    while True:
        shown = call("GET", f"/api/2.1/unity-catalog/tables/{table}")
        place = unquote(urlsplit(shown["storage_location"]).path)
        read = DeltaTable(place).to_pyarrow_table(columns=["client_request_id"])
        found: list[Any] = read.column(0).to_pylist()
        if wanted <= set(found) or time.monotonic() > until:
            return found
        time.sleep(1)


def report(traffic: Traffic, call: Callable[..., Any], minutes: float) -> int:
    whole = set(traffic.whole)
    captured = {id for id, name in traffic.whole.items() if name == "chat"}
    usage, payloads = rows(call, USAGE, whole), rows(call, PAYLOADS, captured)
    print(f"{minutes:g} minutes, load average {os.getloadavg()[0]:.1f} at the end")
    for name, count in traffic.sent.items():
        answered = sum(one == name for one in traffic.whole.values())
        print(f"  {name:<18}{count:>7} requests, {answered} answered")
    for what, count in {**traffic.refused, **traffic.broken}.items():
        print(f"  {count:>5} × {what}")
    unexpected = [what for what in {**traffic.refused, **traffic.broken} if not allowed(what)]
    faults = {
        "reasons not to be expected": len(unexpected),
        "answered and not in the usage table": len(whole - set(usage)),
        "in the usage table twice": len(usage) - len(set(usage)),
        "in the usage table and never asked": len(set(usage) - traffic.ids),
        "answered and not in the inference table": len(captured - set(payloads)),
        "in the inference table twice": len(payloads) - len(set(payloads)),
    }
    for what, count in faults.items():
        print(f"  {what}: {count}")
    return int(any(faults.values()))


def allowed(what: str) -> bool:
    accident, _, told = what.partition(": ")
    after = "going 404" if accident in ("after the kill", "the server is killed") else None
    reasons = [*ALLOWED.get(accident, ()), *([after] if after else [])]
    return any(told.startswith(one) for one in reasons)


if __name__ == "__main__":
    sys.exit(main())
