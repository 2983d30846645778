"""Model serving: ready and under load, against `mlflow models serve` of the same model.

The model is a small regression, so that what is timed is what serves it. Ours goes through the
whole workspace: authentication, permission, gateway, the process that serves the model.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.server import workspace
from benchmarks.timing import Comparison, compare

REQUESTS = 1000
CONCURRENCY = (1, 8, 32)
BODY = json.dumps({"inputs": [[1.0, 2.0, 3.0, 4.0]]}).encode()
THEIRS = "mlflow models serve"
READY_S = 120.0


def comparisons() -> Iterator[Comparison]:
    with workspace() as (host, token), tempfile.TemporaryDirectory() as folder:
        model, local = _models(host, token, Path(folder))
        call = _caller(host, token)
        yield compare(
            "endpoint ready, from the warm pool",
            lambda: _delete(call, _endpoint(call, model)),
            f"{THEIRS}, ready",
            lambda: _serve_once(local),
            rounds=3,
        )
        name = _endpoint(call, model, workload_size="Medium")
        ours = f"{host}/serving-endpoints/{name}/invocations"
        with _serve(local) as theirs:
            for clients in CONCURRENCY:
                yield compare(
                    f"{REQUESTS} × invocations, {clients} at once",
                    _load(ours, clients, token),
                    THEIRS,
                    _load(f"{theirs}/invocations", clients),
                    rounds=3,
                )


def _models(host: str, token: str, folder: Path) -> tuple[str, Path]:
    """The same model twice: registered in the workspace, and as a folder."""
    os.environ |= {
        "DATABRICKS_HOST": host,
        "DATABRICKS_TOKEN": token,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    import mlflow
    import numpy as np
    from sklearn.linear_model import LinearRegression

    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")
    mlflow.set_experiment("/Shared/bench")
    _caller(host, token)(
        "POST", "/api/2.1/unity-catalog/schemas", {"name": "bench", "catalog_name": "dev"}
    )
    values = np.arange(40, dtype=float).reshape(10, 4)
    regression = LinearRegression().fit(values, values.sum(axis=1))
    options: dict[str, Any] = {"input_example": values[:1], "pip_requirements": ["mlflow"]}
    name = "dev.bench.regression"
    mlflow.sklearn.log_model(regression, name="regression", registered_model_name=name, **options)
    mlflow.sklearn.save_model(regression, folder / "model", **options)
    return name, folder / "model"


Caller = Callable[..., Any]


def _caller(host: str, token: str) -> Caller:
    def call(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            host + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    return call


def _endpoint(call: Caller, model: str, **more: str) -> str:
    """A new endpoint, as soon as it is ready."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    entity = {"entity_name": model, "entity_version": "1", **more}
    path = "/api/2.0/serving-endpoints"
    call("POST", path, {"name": name, "config": {"served_entities": [entity]}})
    until = time.monotonic() + READY_S
    while (shown := call("GET", f"{path}/{name}"))["state"]["ready"] != "READY":
        if shown["state"]["config_update"] == "UPDATE_FAILED" or time.monotonic() > until:
            raise RuntimeError(shown)
        time.sleep(0.02)
    return name


def _delete(call: Caller, name: str) -> None:
    call("DELETE", f"/api/2.0/serving-endpoints/{name}")


def _serve_once(model: Path) -> None:
    with _serve(model):
        pass


@contextmanager
def _serve(model: Path) -> Iterator[str]:
    """MLflow's own server of the model, as soon as it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model)]
    process = subprocess.Popen(
        [*command, "--env-manager", "local", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    host, until = f"http://127.0.0.1:{port}", time.monotonic() + READY_S
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{host}/ping"):
                    break
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("mlflow models serve did not start") from None
                time.sleep(0.02)
        yield host
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _load(url: str, clients: int, token: str = "") -> Callable[[], None]:
    return lambda: asyncio.run(_all(url, clients, token))


async def _all(url: str, clients: int, token: str) -> None:
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(BODY)}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    request = "\r\n".join([*lines, "", ""]).encode() + BODY
    each = REQUESTS // clients
    work = (_one(parts.hostname or "", parts.port or 80, request, each) for _ in range(clients))
    await asyncio.gather(*work)


async def _one(host: str, port: int, request: bytes, times: int) -> None:
    """One connection that asks again as soon as it is answered; little work for the client."""
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(times):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode())
        length = head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
        await reader.readexactly(int(length))
    writer.close()
    await writer.wait_closed()
