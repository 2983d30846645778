"""The processes in which Python functions run, and their pool.

One process serves one function for one principal: what code remembers between calls never reaches
another. It starts when it is first needed, in a mount view that shows nothing of the data
directory, with no token, bounded in memory; a call that takes too long ends it. Idle ones are
ended.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.functions.worker import receive, send
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.processes import Child, Launch, Limits, Mounts, start

PROGRAM: Final = Path(__file__).with_name("worker.py")
START_TIMEOUT_S: Final = 30
MEMORY_BYTES: Final = 4 * 1024**3  # of address space: Arrow maps more than it uses
IDLE_S: Final = 120
MOST: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a worker is told; `key` is the same for whoever may share one."""

    key: tuple[str, ...]
    title: str
    told: Mapping[str, Any] = field(hash=False)
    python: Path
    mounts: Mounts = field(hash=False)


class Worker:
    """One process. Not thread-safe: whoever took it from the pool has it alone."""

    def __init__(self, recipe: Recipe, log: Path) -> None:
        self.recipe = recipe
        self.used = time.monotonic()
        self._folder = Path(tempfile.mkdtemp(prefix="brickyard-fn-"))
        self._child, self._connection = self._started(log)
        try:
            send(self._connection, dict(recipe.told), b"")
            told, _ = self._received(START_TIMEOUT_S)
        except ApiError:
            self.stop()
            raise
        if error := told.get("error"):
            self.stop()
            raise _failed(recipe, error)

    def call(self, data: bytes, timeout_s: float) -> bytes:
        """The column for a batch. Raises ApiError; after a time-out the worker is dead."""
        self.used = time.monotonic()
        self._connection.settimeout(timeout_s)
        try:
            send(self._connection, {}, data)
        except OSError:
            self.stop()
            raise _ended(self.recipe) from None
        told, answer = self._received(timeout_s)
        if error := told.get("error"):
            raise _failed(self.recipe, error)
        return answer

    @property
    def alive(self) -> bool:
        return self._connection.fileno() >= 0 and self._child.poll() is None

    def stop(self) -> None:
        self._connection.close()
        self._child.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self, log: Path) -> tuple[Child, socket.socket]:
        secret = secrets.token_hex(16)
        place = self._folder / "s"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.bind(str(place))
            door.listen(1)
            door.settimeout(START_TIMEOUT_S)
            child = start(
                Launch(
                    command=[str(self.recipe.python), "-P", "-s", str(PROGRAM)],
                    cwd=Path("/tmp"),
                    environment={
                        "PATH": "/usr/bin:/bin",
                        "HOME": "/tmp",
                        "PYTHONWARNINGS": "ignore",
                        "OMP_NUM_THREADS": "1",
                        "BRICKYARD_SOCKET": str(place),
                        "BRICKYARD_SECRET": secret,
                    },
                    log=log,
                    mounts=self.recipe.mounts,
                    limits=Limits(memory_bytes=MEMORY_BYTES),
                    grace_s=0.5,
                )
            )
            try:
                connection, _ = door.accept()
                connection.settimeout(START_TIMEOUT_S)
                told, _ = receive(connection)
                if not secrets.compare_digest(str(told.get("secret")), secret):
                    raise EOFError
            except (OSError, EOFError):
                child.kill()
                shutil.rmtree(self._folder, ignore_errors=True)
                raise _ended(self.recipe) from None
        return child, connection

    def _received(self, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        self._connection.settimeout(timeout_s)
        try:
            return receive(self._connection)
        except TimeoutError:
            self.stop()
            raise ApiError(
                "DEADLINE_EXCEEDED",
                f"{self.recipe.title} took longer than {timeout_s:.0f} s for one batch and was "
                "ended.",
            ) from None
        except (OSError, EOFError):
            self.stop()
            raise _ended(self.recipe) from None


class Workers:
    """The pool. Thread-safe."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._idle: dict[tuple[str, ...], list[Worker]] = {}
        self._running = 0
        self._lock = threading.Condition()
        self._sweeper: threading.Thread | None = None
        self._stopping = threading.Event()

    def call(self, recipe: Recipe, data: bytes, timeout_s: float) -> bytes:
        """Run one batch in a worker of this recipe; waits while too many run."""
        worker = self._take(recipe)
        try:
            return worker.call(data, timeout_s)
        finally:
            self._give_back(worker)

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            idle = [one for many in self._idle.values() for one in many]
            self._idle.clear()
        for one in idle:
            one.stop()

    def _take(self, recipe: Recipe) -> Worker:
        with self._lock:
            while True:
                many = self._idle.get(recipe.key)
                while many:
                    if (found := many.pop()).alive:
                        return found
                    self._forget(found)
                if self._running < MOST or self._end_oldest():
                    break
                self._lock.wait()
            self._running += 1
            if self._sweeper is None:
                self._sweeper = threading.Thread(
                    target=self._sweep, name="function-sweep", daemon=True
                )
                self._sweeper.start()
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
            return Worker(recipe, self._logs / f"{recipe.key[0]}.log")
        except BaseException:
            with self._lock:
                self._running -= 1
                self._lock.notify()
            raise

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.alive and not self._stopping.is_set():
                worker.used = time.monotonic()
                self._idle.setdefault(worker.recipe.key, []).append(worker)
            else:
                self._forget(worker)
            self._lock.notify()

    def _end_oldest(self) -> bool:
        idle = [one for many in self._idle.values() for one in many]
        if not idle:
            return False
        oldest = min(idle, key=lambda one: one.used)
        self._idle[oldest.recipe.key].remove(oldest)
        self._forget(oldest)
        return True

    def _forget(self, worker: Worker) -> None:
        self._running -= 1
        worker.stop()

    def _sweep(self) -> None:
        while not self._stopping.wait(IDLE_S / 4):
            with self._lock:
                for many in self._idle.values():
                    for one in [one for one in many if time.monotonic() - one.used > IDLE_S]:
                        many.remove(one)
                        self._forget(one)
                self._idle = {key: many for key, many in self._idle.items() if many}
                self._lock.notify_all()


def own_python() -> Path:
    return Path(sys.executable)


def _failed(recipe: Recipe, error: str) -> ApiError:
    return ApiError("USER_DEFINED_FUNCTIONS_FAILED", f"{recipe.title}: {error}", status=400)


def _ended(recipe: Recipe) -> ApiError:
    return ApiError(
        "USER_DEFINED_FUNCTIONS_FAILED",
        f"{recipe.title}: its process ended while it ran (it may have used too much memory).",
        status=400,
    )
