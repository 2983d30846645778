"""One process that serves one model version: its start, its health, its requests, its end.

The process answers on a unix socket in a folder of its own and knows a secret made for it, so that
only this server reaches it. It is started again when it dies; requests wait for that.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.kernel.connections import Connections, Unreachable
from brickyard.workspace.kernel.exchange import BrokenOff, Response
from brickyard.workspace.processes import Child, Launch, Limits, Mounts, WarmChild

PROCESS = Path(__file__).with_name("scoring_process.py")
SECRET_HEADER = "X-Brickyard-Secret"
USER_TOKEN_HEADER = "X-Brickyard-User-Token"
START_TIMEOUT_S = 600.0
POLL_S = 0.05
START_POLL_S = 0.01
DOUBT_S = 0.5
CONNECT_S = 60.0
USAGE_TIMEOUT_S = 2.0
LARGEST_ANSWER = 2**31
SOCKET_PATH_BYTES = 100
RESTART_PAUSES_S = (0.0, 1.0, 5.0, 15.0, 30.0, 60.0)  # between deaths in a row
STEADY_S = 60.0  # alive this long: the next death is the first again
LOG_TAIL_BYTES = 200_000
LOG_BYTES = 20 * 1024 * 1024

Running = Child | WarmChild


class ScorerFailed(Exception):
    """The process ended or did not answer before it was ready. The text says what it logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that a start needs; asked for anew for each start, as tokens age."""

    python: Path
    model: Path
    environment: Mapping[str, str]
    mounts: Mounts
    concurrency: int = 4  # requests at once
    memory_bytes: int | None = None
    forget: Callable[[], None] = lambda: None  # called when the process has ended
    user_scopes: frozenset[str] = frozenset()  # of the callers' tokens that the model asks for


class Scorer:
    """Thread-safe; what waits for its answers belongs to the event loop."""

    def __init__(
        self,
        *,
        folder: Path,
        log: Path,
        prepare: Callable[[Path], Recipe],
        launch: Callable[[Launch], Running],
        endpoint: str = "",
    ) -> None:
        self.log = log
        self.in_flight = 0  # this and the next are the fleet's to change
        self.used_at = time.monotonic()
        self.is_asleep = False  # or is about to be
        self.user_scopes: frozenset[str] = frozenset()
        self._endpoint = endpoint
        self._start_child = launch
        self._folder = folder  # its working folder and socket
        self._prepare = prepare
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._resting = threading.Event()
        self._turn = threading.Lock()  # to fall asleep or to wake up
        self._watcher: threading.Thread | None = None
        self._child: Running | None = None
        self._short: Path | None = None
        self._secret = ""
        self._connections: tuple[asyncio.AbstractEventLoop, Connections] | None = None

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    def start(self) -> None:
        """Return once it answers. Raises ScorerFailed, and what `prepare` raises."""
        forget = self._launch()
        self._watcher = threading.Thread(target=self._watch, args=(forget,), daemon=True)
        self._watcher.start()

    def sleep(self) -> None:
        """End the process, unless a request has come since the fleet wanted that."""
        with self._turn:
            if self.is_asleep and not self._stopping.is_set():
                self._resting.set()
                self._end()
                if self._watcher is not None:
                    self._watcher.join()

    def wake(self) -> None:
        """Start it again. Raises as `start` does."""
        with self._turn:
            if self._resting.is_set():
                self._resting.clear()
                try:
                    self.start()
                except BaseException:
                    self._resting.set()
                    raise
            self.is_asleep = False

    def stop(self) -> None:
        """End it for good."""
        self._stopping.set()
        self._end()
        self._let_connections_go()
        for folder in (self._folder, self._short):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    async def wait_ready(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not self.is_ready:
            if time.monotonic() > deadline or self._stopping.is_set():
                return False
            await asyncio.sleep(POLL_S)
        return True

    def doubt(self) -> None:
        """A connection to it broke: whoever comes next waits until it is known whether it died."""
        self._ready.clear()
        threading.Thread(target=self._look_after, daemon=True).start()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        read_s: float,
        total_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """What its process answers. Raises as `Connections.send` does."""
        if self._connections is None:
            found = Connections(self._socket())
            self._connections = (asyncio.get_running_loop(), found)
        return await self._connections[1].send(
            method,
            f"http://model{path}",
            {SECRET_HEADER: self._secret, **(headers or {})},
            body,
            connect_s=CONNECT_S,
            read_s=read_s,
            total_s=total_s,
        )

    def _end(self) -> None:
        self._ready.clear()
        with self._lock:
            child = self._child
        if child is not None:
            child.terminate()
            if child.wait(6) is None:
                child.kill()

    async def usage(self) -> Mapping[str, float] | None:
        """`cpu` (percent of a core) and `memory_bytes` of its process; None when there is none."""
        if not self.is_ready or self.is_asleep:
            return None
        try:
            got = await self.ask("GET", "/usage", read_s=USAGE_TIMEOUT_S, total_s=USAGE_TIMEOUT_S)
            found: Mapping[str, float] = json.loads(await got.read(LARGEST_ANSWER))
        except (Unreachable, BrokenOff, TimeoutError, ValueError):
            return None
        return found

    def _look_after(self) -> None:
        with self._lock:
            child = self._child
        if child is not None and child.wait(DOUBT_S) is None:
            with self._lock:
                is_ending = self._resting.is_set() or self._stopping.is_set()
                if child is self._child and not is_ending:
                    self._ready.set()  # it lives, and is not about to be ended

    def _let_connections_go(self) -> None:
        held, self._connections = self._connections, None
        if held is not None and held[0].is_running():
            held[0].call_soon_threadsafe(held[1].close)

    def tail(self) -> str:
        """The end of its log."""
        return tail(self.log)

    def _launch(self) -> Callable[[], None]:
        path = self._socket()
        path.unlink(missing_ok=True)
        place = path.parent  # all of the data directory that it sees
        place.mkdir(parents=True, exist_ok=True)
        recipe = self._prepare(place)
        self.user_scopes = recipe.user_scopes
        self._secret = secrets.token_urlsafe(32)
        own = {
            "BRICKYARD_MODEL": str(recipe.model),
            "BRICKYARD_SOCKET": str(path),
            "BRICKYARD_SECRET": self._secret,
            "BRICKYARD_ENDPOINT": self._endpoint,
            "BRICKYARD_CONCURRENCY": str(recipe.concurrency),
            "BRICKYARD_MEMORY_BYTES": str(recipe.memory_bytes or ""),
            "HOME": str(place),
        }
        # Memory that is asked for, not used: the process itself watches what it uses.
        asked = 2 * recipe.memory_bytes if recipe.memory_bytes else None
        child = self._start_child(
            Launch(
                command=(str(recipe.python), str(PROCESS)),
                cwd=place,
                environment={**recipe.environment, **own},
                log=self.log,
                log_bytes=LOG_BYTES,
                mounts=recipe.mounts,
                limits=Limits(data_bytes=asked),
            )
        )
        with self._lock:
            self._child = child
        if self._stopping.is_set():
            child.kill()
        try:
            self._wait(child, path)
        except ScorerFailed:
            recipe.forget()
            raise
        self._ready.set()
        return recipe.forget

    def _wait(self, child: Running, path: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and child.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(path))
                    return
                except OSError:
                    time.sleep(START_POLL_S)
        code = child.poll()
        child.kill()
        why = f"it ended with status {code}" if code is not None else "it did not answer"
        lines = self.tail().strip().splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "")
        raise ScorerFailed(f"The model could not be loaded: {why}. {last}".strip())

    def _watch(self, forget: Callable[[], None]) -> None:
        """Start it again whenever it ends unasked."""
        deaths = 0
        while True:
            began = time.monotonic()
            with self._lock:
                child = self._child
            assert child is not None
            child.wait()
            self._ready.clear()
            forget()
            if self._stopping.is_set() or self._resting.is_set():
                return
            deaths = 0 if time.monotonic() - began > STEADY_S else deaths
            while True:
                pause = RESTART_PAUSES_S[min(deaths, len(RESTART_PAUSES_S) - 1)]
                deaths += 1
                if self._stopping.wait(pause) or self._resting.is_set():
                    return
                try:
                    forget = self._launch()
                    break
                except Exception as fault:  # the next try may work: only log it
                    with self.log.open("a") as file:
                        file.write(f"cannot start again: {fault}\n")

    def _socket(self) -> Path:
        path = self._folder / "s"
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
            return path
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="brickyard-", dir="/tmp"))
        return self._short / "s"


def tail(log: Path) -> str:
    """The end of a log that is kept in two halves."""
    data = b""
    for file in (log, log.with_name(log.name + ".1")):
        try:
            with file.open("rb") as source:
                source.seek(max(0, os.fstat(source.fileno()).st_size - LOG_TAIL_BYTES))
                data = source.read() + data
        except OSError:
            continue
        if len(data) >= LOG_TAIL_BYTES:
            break
    return data[-LOG_TAIL_BYTES:].decode(errors="replace")
