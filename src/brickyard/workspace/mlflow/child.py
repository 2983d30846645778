"""The child process of MLflow's server: started when first needed, restarted when it died.

It answers on a unix socket in `run/` (in a short private folder of `/tmp` where the path of the
data directory is too long for one) and asks for a secret made for each start: nobody gets past our
routes.
Starting takes some seconds, nearly all of it imports.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path

from brickyard.workspace.kernel import ApiError, Home
from brickyard.workspace.processes import Child, Launch, start

START_TIMEOUT_S = 120.0
POLL_S = 0.05
SOCKET_PATH_BYTES = 100  # sun_path holds 104 on macOS, 108 on Linux
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "HOME", "COVERAGE_PROCESS_START")


class TrackingServer:
    """Knows how to have the server running. Thread-safe."""

    def __init__(self, home: Home, workspaces: Iterable[str]) -> None:
        self._home = home
        self._workspaces = tuple(workspaces)
        self._lock = threading.Lock()
        self._waiting_lock = threading.Lock()
        self._waiting: Future[None] | None = None
        self._child: Child | None = None
        self._ready = False
        self._stopped = False
        self.socket = Path()
        self.secret = ""

    def state(self) -> str:
        """`stopped`, `starting` or `ready`."""
        child = self._child
        if child is None or child.poll() is not None:
            return "stopped"
        return "ready" if self._ready else "starting"

    def is_ready(self) -> bool:
        return self._ready and self._child is not None and self._child.poll() is None

    def starting(self) -> Future[None]:
        """`ensure` in a thread that all who wait share: waiting must not use up the others."""
        with self._waiting_lock:
            if self._waiting is None or self._waiting.done():
                self._waiting = Future()
                args = (self._waiting,)
                threading.Thread(target=self._ensure_for, args=args, daemon=True).start()
            return self._waiting

    def _ensure_for(self, waiting: Future[None]) -> None:
        try:
            self.ensure()
        except Exception as fault:
            waiting.set_exception(fault)
        else:
            waiting.set_result(None)

    def ensure(self) -> None:
        """Return once it answers, starting it when needed. Raises TEMPORARILY_UNAVAILABLE."""
        if self.is_ready():
            return
        with self._lock:
            if self.is_ready():
                return
            if self._stopped:
                raise ApiError("TEMPORARILY_UNAVAILABLE", "The workspace is shutting down")
            self._ready = False
            self._start()
            self._wait()
            self._ready = True

    def stop(self) -> None:
        self._stopped = True
        child = self._child
        if child is not None:
            child.terminate()
            if child.wait(5) is None:
                child.kill()
        if self.socket != Path():
            self.socket.unlink(missing_ok=True)

    def _start(self) -> None:
        self.socket = _socket_path(self._home.run)
        self.socket.unlink(missing_ok=True)
        self.secret = secrets.token_urlsafe(32)
        self._child = start(
            Launch(
                command=(sys.executable, "-m", "brickyard.workspace.mlflow.tracking_server"),
                cwd=self._home.mlflow,
                environment=self._environment(),
                log=self._home.logs / "mlflow.log",
            )
        )

    def _environment(self) -> Mapping[str, str]:
        given = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return given | {
            "BRICKYARD_MLFLOW_DATABASE": str(self._home.mlflow / "mlflow.db"),
            "BRICKYARD_MLFLOW_ARTIFACTS": str(self._home.mlflow / "artifacts"),
            "BRICKYARD_MLFLOW_SOCKET": str(self.socket),
            "BRICKYARD_MLFLOW_SECRET": self.secret,
            "BRICKYARD_MLFLOW_WORKSPACES": ",".join(self._workspaces),
            "MLFLOW_ENABLE_WORKSPACES": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",  # host names mean nothing here
            "MLFLOW_CRYPTO_KEK_PASSPHRASE": _passphrase(self._home.keys / "mlflow"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "PYTHONWARNINGS": "ignore",
        }

    def _wait(self) -> None:
        assert self._child is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                break
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(self.socket))
                except OSError:
                    time.sleep(POLL_S)
                    continue
            return
        self._child.kill()
        log = self._home.logs / "mlflow.log"
        raise ApiError("TEMPORARILY_UNAVAILABLE", f"MLflow's server did not start; {log} says why")


def _socket_path(folder: Path) -> Path:
    path = folder / "mlflow.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="brickyard-", dir="/tmp")) / "mlflow.sock"


def _passphrase(path: Path) -> str:
    """What MLflow encrypts its own secrets with; made once."""
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32))
        draft.replace(path)
    return path.read_text()
