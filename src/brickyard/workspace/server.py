"""The server: assembles the engines, opens a port per workspace, serves until it is told to stop.

Start-up is a feature: nothing heavy is imported here, MLflow and Spark start when first needed.
The run file `run/workspaces.json` (readable by this user only) is written once every port answers;
it is what the command line and `exec` read, and it goes away with the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import gc
import json
import logging
import logging.handlers
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn

from brickyard.workspace.assembly import ROUTES, assemble
from brickyard.workspace.engines import Engines
from brickyard.workspace.kernel import Home, Store, WorkspaceInfo
from brickyard.workspace.kernel.access_log import AccessLog
from brickyard.workspace.kernel.app import WorkspaceApp
from brickyard.workspace.kernel.loopback import LOOPBACK, listen
from brickyard.workspace.kernel.patience import Patience, places
from brickyard.workspace.kernel.protocol import Protocol
from brickyard.workspace.kernel.routing import Router

PORTS: Mapping[str, int] = {"dev": 8471, "staging": 8472, "prod": 8473}
IDS: Mapping[str, int] = {
    "dev": 5120000000000001,
    "staging": 5120000000000002,
    "prod": 5120000000000003,
}
THREADS = 64
GRACE_S = 5
TURN_S = 0.0005  # how long a thread may keep the interpreter while the event loop wants it
YOUNG = 10_000  # objects between two looks for garbage


class AlreadyRunning(Exception):
    """Another server holds this data directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a started server offers: its addresses and how long the start took."""

    workspaces: Mapping[str, WorkspaceInfo]
    engines: Engines
    started_s: float


def serve(
    home: Home,
    *,
    ports: Mapping[str, int] = PORTS,
    tls_ports: Mapping[str, int] | None = None,
    on_ready: Callable[[Running], None] = lambda running: None,
) -> None:
    """Serve until SIGTERM or SIGINT. Raises `AlreadyRunning` when the data directory is in use.

    With `tls_ports`, each workspace has a second door for clients that insist on TLS.
    """
    started = time.perf_counter()
    home.create()
    with _only_server(home):
        _log_to(home)
        sockets = {name: listen(port) for name, port in ports.items()}
        infos = {name: _info(name, sock) for name, sock in sockets.items()}
        store = Store(home.database)
        store.create_tables()
        engines = assemble(home, store, infos)
        try:
            with asyncio.Runner(loop_factory=_loop) as runner:
                runner.run(_run(home, engines, infos, sockets, tls_ports, started, on_ready))
        finally:
            _run_file(home).unlink(missing_ok=True)
            engines.stop()
            store.close()


async def _run(
    home: Home,
    engines: Engines,
    infos: Mapping[str, WorkspaceInfo],
    sockets: Mapping[str, socket.socket],
    tls_ports: Mapping[str, int] | None,
    started: float,
    on_ready: Callable[[Running], None],
) -> None:
    router = Router(ROUTES)
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="handler")
    access = AccessLog()
    protocol: Any = functools.partial(Protocol, patience=Patience(places()))
    sys.setswitchinterval(TURN_S)
    engines.start()
    servers = []
    for name, info in infos.items():
        app = WorkspaceApp(
            info=info,
            router=router,
            engines=engines,
            threads=threads,
            spool=home.spool,
            access=access,
        )
        config = uvicorn.Config(
            app,
            http=protocol,
            proxy_headers=False,  # who calls is known by a token
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        servers.append((_Server(config), sockets[name]))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for server, _ in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    tasks = [asyncio.create_task(server.serve([sock])) for server, sock in servers]
    while not all(server.started for server, _ in servers):
        await asyncio.sleep(0.002)
        for task in tasks:
            if task.done():
                task.result()
    doors = await _doors(home, engines, sockets, tls_ports)
    _announce(home, infos, engines, doors)
    on_ready(Running(workspaces=infos, engines=engines, started_s=time.perf_counter() - started))
    _keep_what_is_there()
    await asyncio.gather(*tasks)
    access.flush()
    threads.shutdown(wait=False, cancel_futures=True)


async def _doors(
    home: Home,
    engines: Engines,
    sockets: Mapping[str, socket.socket],
    tls_ports: Mapping[str, int] | None,
) -> Mapping[str, str]:
    """The addresses with TLS, by workspace: none unless they are asked for. They end with us."""
    if tls_ports is None:
        return {}
    from brickyard.workspace.kernel.tls import open_doors

    behind = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    return await open_doors(home, tls_ports, behind, engines.spark.port)


def _keep_what_is_there() -> None:
    """Look for garbage among what requests leave behind, not among all that was imported."""
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
    gc.enable()


class _Server(uvicorn.Server):
    """One of several servers in a loop: signals are handled once, for all of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _announce(
    home: Home, infos: Mapping[str, WorkspaceInfo], engines: Engines, doors: Mapping[str, str]
) -> None:
    """Write the run file, whole or not at all, for this user's eyes only."""
    entries: dict[str, Any] = {"pid": os.getpid(), "started": int(time.time())}
    for name, info in infos.items():
        token = engines.identity.default_token(name)
        entries[name] = {
            "host": info.url,
            "token": token,
            "user": engines.identity.deployer(name).user_name,
            "workspace_id": str(info.id),
        }
        if name in doors:
            entries[name]["tls_host"] = doors[name]
    path = _run_file(home)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(entries, indent=1))
    draft.replace(path)


def _run_file(home: Home) -> Any:
    return home.run / "workspaces.json"


@contextmanager
def _only_server(home: Home) -> Iterator[None]:
    """Hold the data directory's lock; the kernel releases it however this process ends."""
    with (home.run / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(str(home.root)) from None
        yield


def _info(name: str, sock: socket.socket) -> WorkspaceInfo:
    port = sock.getsockname()[1]
    return WorkspaceInfo(name=name, id=IDS[name], catalog=name, url=f"http://{LOOPBACK}:{port}")


def _log_to(home: Home) -> None:
    """Requests to `logs/access.log`, everything else to `logs/server.log`; both rotate."""
    shape = "%(asctime)s %(levelname)s %(name)s %(message)s"
    for logger, file, form in (
        (logging.getLogger("brickyard.access"), "access.log", "%(message)s"),  # lines as they are
        (logging.getLogger(), "server.log", shape),
    ):
        handler = logging.handlers.RotatingFileHandler(
            home.logs / file, maxBytes=20_000_000, backupCount=2
        )
        handler.setFormatter(logging.Formatter(form))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    logging.getLogger("brickyard.access").propagate = False
    for noisy in ("aiohttp", "py4j", "asyncio", "sqlglot", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    with contextlib.suppress(OSError):
        for file in ("access.log", "server.log"):
            (home.logs / file).chmod(0o600)


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it runs: a request takes less of the processor in it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
