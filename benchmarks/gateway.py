"""The AI gateway against LiteLLM's proxy and MLflow's gateway, in front of the same stub provider.

The stub answers a chat completion at once. Ours authenticates, checks the permission and writes
every request into the usage table. LiteLLM's proxy is given a key to check and writes a line for
each request, which takes less than its own table; MLflow's gateway can do neither.
Each of those two is installed into an environment of its own, by `uv`, under
`~/.cache/brickyard-bench` or where `BRICKYARD_BENCH` says; one that cannot be had is left out with
a line. What is compared: the time that a gateway adds to one request at a time (median), the time
that 32 clients at once wait for each request (the inverse of the throughput), and 99 % of ours at
32 clients against our own median.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.server import workspace
from benchmarks.timing import Comparison

CLIENTS = 32
SECONDS = float(os.environ.get("BRICKYARD_BENCH_SECONDS", "3"))
ROUNDS = 3
KEY = "sk-bench"
ANSWER = {
    "id": "stub",
    "object": "chat.completion",
    "created": 1,
    "model": "stub",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there, how are you?"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17},
}
STUB = """
import json, sys
BODY = json.dumps({answer}).encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({{"type": "http.response.start", "status": 200, "headers": HEADERS}})
    await send({{"type": "http.response.body", "body": BODY}})

import uvicorn
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""
LITELLM = """
model_list:
  - model_name: chat
    litellm_params: {{model: openai/stub, api_base: "{stub}/v1", api_key: {key}}}
general_settings: {{master_key: {key}}}
litellm_settings: {{callbacks: [usage.keeper], drop_params: true}}
"""
# What LiteLLM keeps of a request without a PostgreSQL server: a line of its own callback.
USAGE = """
import json
from litellm.integrations.custom_logger import CustomLogger

class Keeper(CustomLogger):
    file = open("usage.jsonl", "a", buffering=1)

    async def async_log_success_event(self, kwargs, response, began, ended):
        usage = response.usage
        tokens = [usage.prompt_tokens, usage.completion_tokens]
        row = [kwargs["model"], *tokens, str(began), str(ended)]
        self.file.write(json.dumps(row) + "\\n")

keeper = Keeper()
"""
MLFLOW = """
endpoints:
  - name: chat
    endpoint_type: llm/v1/chat
    model:
      provider: openai
      name: stub
      config: {{openai_api_key: {key}, openai_api_base: "{stub}/v1"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    name: str
    url: str
    token: str = KEY
    model: str = "chat"


@dataclass(frozen=True, slots=True)
class Run:
    """What clients saw: seconds of each request, and how long all of it took."""

    latencies: Sequence[float]
    took_s: float

    @property
    def median_s(self) -> float:
        return statistics.median(self.latencies)

    @property
    def each_s(self) -> float:
        return self.took_s / len(self.latencies)

    def part(self, share: float) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * share)]


def comparisons() -> Iterator[Comparison]:
    with ExitStack() as stack:
        stub = stack.enter_context(_stub())
        direct = Target(name="the stub itself", url=f"{stub}/v1/chat/completions")
        ours = stack.enter_context(_ours(stub))
        others = [
            found
            for make in (_litellm, _mlflow)
            if (found := stack.enter_context(make(stub))) is not None
        ]
        alone = {one.name: [] for one in (direct, ours, *others)}
        together = {one.name: [] for one in (ours, *others)}
        for _ in range(ROUNDS):
            for one in (direct, ours, *others):
                alone[one.name].append(load(one, 1))
            for one in (ours, *others):
                together[one.name].append(load(one, CLIENTS))
    base = _median([one.median_s for one in alone[direct.name]])
    added = {name: _median([one.median_s for one in runs]) - base for name, runs in alone.items()}
    for one in others:
        yield Comparison(
            what="gateway: added to one request, median",
            ours_s=added[ours.name],
            against=one.name,
            theirs_s=added[one.name],
        )
        yield Comparison(
            what=f"gateway: {CLIENTS} clients, time per request",
            ours_s=_median([run.each_s for run in together[ours.name]]),
            against=one.name,
            theirs_s=_median([run.each_s for run in together[one.name]]),
        )
    yield Comparison(
        what="gateway: one request, median",
        ours_s=base + added[ours.name],
        against=direct.name,
        theirs_s=base,
    )
    yield Comparison(
        what=f"gateway: {CLIENTS} clients, 99 % of requests within",
        ours_s=_median([run.part(0.99) for run in together[ours.name]]),
        against="its own median",
        theirs_s=_median([run.median_s for run in together[ours.name]]),
    )


def load(target: Target, clients: int, seconds: float = SECONDS) -> Run:
    """So many clients, each with a connection of its own and one request after the other."""
    return asyncio.run(_load(target, clients, seconds))


async def _load(target: Target, clients: int, seconds: float) -> Run:
    where = urlsplit(target.url)
    message = {"role": "user", "content": "Hello, who are you?"}
    body = json.dumps({"model": target.model, "messages": [message]}).encode()
    head = (
        f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer"
        f" {target.token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    latencies: list[float] = []

    async def client(until: float, keep: bool) -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(request)
            await _answer(reader)
            if keep:
                latencies.append(time.perf_counter() - began)
        writer.close()

    async def all_clients(length: float, keep: bool) -> None:
        until = time.perf_counter() + length
        await asyncio.gather(*(client(until, keep) for _ in range(clients)))

    await all_clients(min(1.0, seconds / 4), keep=False)
    began = time.perf_counter()
    await all_clients(seconds, keep=True)
    return Run(latencies, time.perf_counter() - began)


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode(errors="replace"))
    lower = head.lower()
    if b"content-length:" in lower:
        length = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        return
    while (size := int(await reader.readline(), 16)) > 0:
        await reader.readexactly(size + 2)
    await reader.readline()


@contextmanager
def _stub() -> Iterator[str]:
    port = _free_port()
    code = STUB.format(answer=ANSWER)
    with _process([sys.executable, "-c", code, str(port)], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _ours(stub: str) -> Iterator[Target]:
    with workspace() as (host, token):
        body = {
            "name": "chat",
            "config": {
                "served_entities": [
                    {
                        "external_model": {
                            "name": "stub",
                            "provider": "openai",
                            "task": "llm/v1/chat",
                            "openai_config": {
                                "openai_api_base": f"{stub}/v1",
                                "openai_api_key_plaintext": KEY,
                            },
                        }
                    }
                ]
            },
            "ai_gateway": {"usage_tracking_config": {"enabled": True}},
        }
        request = urllib.request.Request(
            f"{host}/api/2.0/serving-endpoints",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        urllib.request.urlopen(request).close()
        url = f"{host}/serving-endpoints/chat/completions"
        yield Target(name="ours", url=url, token=token)


@contextmanager
def _litellm(stub: str) -> Iterator[Target | None]:
    bin = _environment("litellm", ["litellm[proxy]"])
    if bin is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(LITELLM.format(stub=stub, key=KEY))
        (Path(folder) / "usage.py").write_text(USAGE)
        port = _free_port()
        command = [f"{bin}/litellm", "--config", str(file), "--port", str(port)]
        command += ["--host", "127.0.0.1"]
        with _process(command, port, cwd=folder):
            yield Target(name="LiteLLM's proxy", url=f"http://127.0.0.1:{port}/chat/completions")


@contextmanager
def _mlflow(stub: str) -> Iterator[Target | None]:
    bin = _environment("mlflow", ["mlflow[gateway]"])
    if bin is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(MLFLOW.format(stub=stub, key=KEY))
        port = _free_port()
        command = [f"{bin}/mlflow", "gateway", "start", "--config-path", str(file)]
        command += ["--port", str(port), "--host", "127.0.0.1", "--workers", "1"]
        with _process(command, port, cwd=folder, path=bin):
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            yield Target(name="MLflow's gateway", url=url)


def _environment(name: str, requirements: Sequence[str]) -> Path | None:
    """The `bin` folder of an environment with these requirements; None when it cannot be made."""
    root = Path(os.environ.get("BRICKYARD_BENCH", "~/.cache/brickyard-bench")).expanduser()
    bin, done = root / name / "bin", root / name / ".installed"
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    try:
        if not done.exists():
            shutil.rmtree(root / name, ignore_errors=True)
            for arguments in (
                ["venv", "--quiet", str(root / name)],
                ["pip", "install", "--quiet", "--python", str(bin / "python"), *requirements],
            ):
                subprocess.run([uv, *arguments], check=True, capture_output=True, text=True)
            done.touch()
    except (OSError, subprocess.CalledProcessError) as fault:
        told = getattr(fault, "stderr", None) or str(fault)
        print(f"{name} is left out: {told.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return bin


@contextmanager
def _process(
    command: Sequence[str], port: int, *, cwd: str | None = None, path: Path | None = None
) -> Iterator[None]:
    """A server on a port, with all that it starts; it has a minute or two to answer."""
    environment: Mapping[str, str] = dict(os.environ)
    if path is not None:
        environment = {**environment, "PATH": f"{path}:{os.environ['PATH']}"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait(process, port, output)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, output: object) -> None:
    give_up_at = time.monotonic() + 120
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    output.seek(0)  # type: ignore[attr-defined]
    told = output.read().decode(errors="replace")  # type: ignore[attr-defined]
    raise RuntimeError(f"a server did not start:\n{told[-3000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)
