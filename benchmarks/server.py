"""The embedded workspace: start to first authenticated answer, and requests against Starlette.

Starlette behind the same uvicorn, answering a constant without looking at who asks, is the least
that an ASGI framework does. Ours authenticates, routes, authorises and reads SQLite.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.timing import Comparison, command, compare

REQUESTS = 300
STARLETTE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def answer(request):
    return JSONResponse({"name": "default", "catalog_name": "dev"})

app = Starlette(routes=[Route("/api/2.1/unity-catalog/schemas/{name}", answer)])
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


def comparisons() -> Iterator[Comparison]:
    yield compare(
        "start to first authenticated answer",
        start_ours,
        "Starlette under uvicorn",
        start_theirs,
        rounds=5,
    )
    yield statements()
    with workspace() as (host, token), starlette() as other:
        mine = connection(host)
        base = connection(other)
        path = "/api/2.1/unity-catalog/schemas/dev.default"
        headers = {"Authorization": f"Bearer {token}"}
        yield compare(
            f"{REQUESTS} × GET schema, one connection",
            lambda: requests(mine, path, headers),
            "Starlette, constant answer",
            lambda: requests(base, path, {}),
            rounds=5,
        )

    yield deploying()


def statements() -> Comparison:
    """`SELECT 1` on a warm warehouse through the Spark gateway, against the same on Sail alone."""
    os.environ.setdefault("RUST_LOG", "error")  # Sail says on stderr what it does
    from pysail.spark import SparkConnectServer

    from brickyard.workspace.sql.connect import Connection

    server = SparkConnectServer(port=0)
    server.start(background=True)
    sail = Connection(f"sc://localhost:{server.listening_address[1]}/;x-user=bench", "bench")
    with workspace() as (host, token):
        line = connection(host)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        line.request("GET", "/api/2.0/sql/warehouses", headers=headers)
        warehouse = json.loads(line.getresponse().read())["warehouses"][0]["id"]
        body = json.dumps({"statement": "SELECT 1", "warehouse_id": warehouse})

        def ours() -> None:
            line.request("POST", "/api/2.0/sql/statements", body=body, headers=headers)
            answer = json.loads(line.getresponse().read())
            if answer["status"]["state"] != "SUCCEEDED":
                raise RuntimeError(answer)

        found = compare(
            "SELECT 1: API, gateway, Sail, warm", ours, "Sail alone", lambda: sail.run("SELECT 1")
        )
    sail.close()
    server.stop()
    return found


def deploying() -> Comparison:
    """A deploy that finds nothing to do, against what any tool on the SDK starts with."""
    with workspace() as (host, token), tempfile.TemporaryDirectory() as folder:
        text = (
            "bundle: {name: bench}\nresources: {schemas: {s: {catalog_name: dev, name: bench}}}\n"
        )
        (Path(folder) / "databricks.yml").write_text(text)
        environment = {**os.environ, "DATABRICKS_HOST": host, "DATABRICKS_TOKEN": token}
        deploy = [sys.executable, "-m", "brickyard", "deploy"]
        return compare(
            "deploy with nothing to do",
            command(deploy, cwd=folder, env=environment),
            "import databricks.sdk",
            command([sys.executable, "-c", "import databricks.sdk"]),
            rounds=5,
        )


def start_ours() -> None:
    with workspace() as (host, token):
        headers = {"Authorization": f"Bearer {token}"}
        get(connection(host), "/api/2.0/preview/scim/v2/Me", headers)


def start_theirs() -> None:
    with starlette() as host:
        get(connection(host), "/api/2.1/unity-catalog/schemas/x", {})


@contextmanager
def workspace() -> Iterator[tuple[str, str]]:
    """Host and token of the dev workspace of a fresh server."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "BRICKYARD_HOME": folder, "BRICKYARD_PORTS": "0,0,0"}
        arguments = [sys.executable, "-m", "brickyard.workspace"]
        process = subprocess.Popen(arguments, env=environment)
        try:
            run_file = Path(folder) / "run" / "workspaces.json"
            while not run_file.exists():
                if process.poll() is not None:
                    raise RuntimeError("the embedded workspace did not start")
                time.sleep(0.005)
            address = json.loads(run_file.read_bytes())["dev"]
            yield address["host"], address["token"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


@contextmanager
def starlette() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", STARLETTE, str(port)])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.005)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def requests(line: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    for _ in range(REQUESTS):
        get(line, path, headers)


def get(line: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    line.request("GET", path, headers=headers)
    answer = line.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")


def connection(host: str) -> http.client.HTTPConnection:
    parts = urlsplit(host)
    return http.client.HTTPConnection(parts.hostname or "", parts.port)
