"""Children that start in a Python whose imports are already done: `warm_process.py` forks them.

What makes a child different is respected, or it starts cold: another interpreter (unless its
environment only adds to the workspace's own), or variables that Python and its libraries read while
they are imported. Everything else is as with `start`: supervisor, mounts, limits, log.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from brickyard.workspace.processes.child import Child, Launch, spec_of, start
from brickyard.workspace.processes.environments import additions

PROGRAM = Path(__file__).with_name("warm_process.py")
IMPORTS_TIMEOUT_S = 120.0
STEP_MS = 200
KILLED = 137
# Variables that count when Python starts or a library is imported.
EARLY = (
    "PYTHON",
    "LANG",
    "LC_",
    "LD_",
    "MALLOC_",
    "OMP_",
    "OPENBLAS_",
    "MKL_",
    "NUMEXPR_",
    "ARROW_",
    "MLFLOW_LOGGING",
    "MLFLOW_CONFIGURE_LOGGING",
    "MLFLOW_TRACE_BUFFER",
)


class WarmChild:
    """A child whose supervisor is not ours to wait for: it says how it ended. Thread-safe."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._code: int | None = None

    def poll(self) -> int | None:
        return self.wait(0)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit status, or None when it still runs after `timeout_s`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = STEP_MS
            if deadline is not None:
                left = max(0, min(STEP_MS, int((deadline - time.monotonic()) * 1000)))
            if (code := self._look(left)) is not None:
                return code
            if deadline is not None and time.monotonic() >= deadline:
                return None

    def terminate(self) -> None:
        """Ask for an end: SIGTERM to the child's group, SIGKILL after the grace period."""
        with self._lock:
            try:
                if self._code is None:
                    self._connection.send(b"t")
            except OSError:
                pass

    def kill(self) -> None:
        """End it and everything that it started, now."""
        with self._lock:
            try:
                if self._code is None:
                    self._connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def _look(self, wait_ms: int) -> int | None:
        if self._code is not None:
            return self._code
        try:
            poll = select.poll()
            poll.register(self._connection, select.POLLIN)
            if not poll.poll(wait_ms):
                return None
        except (OSError, ValueError):
            pass  # another thread has read the status and closed it
        with self._lock:
            if self._code is None:
                try:
                    said = self._connection.recv(16)
                except OSError:
                    said = b""
                self._code = int(said) if said.strip().isdigit() else KILLED
                self._connection.close()
            return self._code


class WarmPool:
    """Thread-safe. The process is started when first needed, and again when it has died."""

    def __init__(
        self, modules: Sequence[str], *, environment: Mapping[str, str], log: Path
    ) -> None:
        self._modules = modules
        self._environment = dict(environment)
        self._log = log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._stopped = False

    def prepare(self) -> None:
        """Begin to import, if nothing has yet. Returns at once."""
        if self._lock.acquire(blocking=False):  # else somebody already waits for it
            try:
                self._running()
            finally:
                self._lock.release()

    def start(self, launch: Launch) -> Child | WarmChild:
        """As `processes.start`, without the imports where that can be."""
        site = self._site(launch)
        if site is not None and (connection := self._connect()) is not None:
            spec = json.dumps({**spec_of(launch), "site": site}).encode() + b"\n"
            try:
                connection.sendall(spec)
                return WarmChild(connection)
            except OSError:
                connection.close()
        return start(launch)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._forget()

    def _site(self, launch: Launch) -> str | None:
        """What to add to the import path ('' for nothing); None: this one has to start cold."""
        if sys.platform != "linux":
            return None
        early = {name for name in launch.environment if name.startswith(EARLY)}
        own = self._environment
        if any(launch.environment[name] != own.get(name) for name in early):
            return None
        python = Path(launch.command[0])
        if python == Path(sys.executable):
            return ""
        added = additions(python)
        return None if added is None else str(added)

    def _connect(self) -> socket.socket | None:
        """A connection to a new supervisor in the warm process; None when there is none."""
        mine, theirs = socket.socketpair()
        with self._lock:
            try:
                control = self._running()
                if control is not None and self._is_warm(control):
                    socket.send_fds(control, [b"c"], [theirs.fileno()])
                    return mine
            except OSError:
                pass
            finally:
                theirs.close()
            self._forget()
        mine.close()
        return None

    def _is_warm(self, control: socket.socket) -> bool:
        """Wait for the word that the imports are done; it stays to be read for the next one."""
        return control.recv(1, socket.MSG_PEEK) == b"w"

    def _running(self) -> socket.socket | None:
        if self._stopped or sys.platform != "linux":
            return None
        if self._process is not None and self._process.poll() is not None:
            self._forget()
        if self._control is None:
            self._control, theirs = socket.socketpair()
            self._control.settimeout(IMPORTS_TIMEOUT_S)
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as log, theirs:
                self._process = subprocess.Popen(
                    [sys.executable, str(PROGRAM), *self._modules],
                    stdin=theirs.fileno(),
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                    cwd="/",
                    start_new_session=True,
                )
        return self._control

    def _forget(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None
