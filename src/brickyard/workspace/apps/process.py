"""The process of one deployed app: its start, its port, its crashes, its end.

Where processes can have ports of their own, each app is told port 8000, as on Databricks, which is
another one outside of it. Elsewhere each is told a free port, and is found on 8000, too. It is
ready once it listens there. A process that ends unasked is started again after a pause; one that
keeps dying stays down until the app is deployed or started.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.apps.listening import listening, listens
from brickyard.workspace.kernel.loopback import LOOPBACK, free_port
from brickyard.workspace.processes import Child, Launch, Mounts, has_own_ports, start

START_TIMEOUT_S = 600.0
POLL_S = 0.05
# What DATABRICKS_APP_PORT is on Databricks. Apps that have it in their code get it: one at a time
# where processes have no ports of their own.
USUAL_PORT = 8000
USUAL_PORT_EVERY = 20  # polls
GRACE_S = 15.0  # between SIGTERM and SIGKILL, as Databricks Apps gives
RESTART_PAUSES_S = (1.0, 5.0, 15.0, 30.0, 60.0)  # after these many deaths in a row it stays down
STEADY_S = 120.0  # alive this long: the next death is the first again
LARGEST_LOG = 20_000_000
LOG_CHECK_S = 10.0


class AppFailed(Exception):
    """It ended, or did not listen in time. The text says what it logged last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that one start needs; asked for anew for each start, as secrets change."""

    command: Callable[[int], Sequence[str]]  # by its port
    environment: Callable[[int], Mapping[str, str]]
    cwd: Path
    mounts: Mounts


class AppProcess:
    """Thread-safe."""

    def __init__(
        self,
        *,
        log: Path,
        prepare: Callable[[], Recipe],
        health_path: str = "",
        health_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self.log = log
        self._prepare = prepare
        self._health_path = health_path
        self._timeout_s = health_timeout_s
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._child: Child | None = None
        self._port: int | None = None
        self._fault = ""

    @property
    def port(self) -> int | None:
        """Where it answers; None while it does not."""
        return self._port

    @property
    def fault(self) -> str:
        """Why it is down; '' while it runs or is starting for the first time."""
        return self._fault

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to end."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Return once it listens. Raises AppFailed, and what `prepare` raises."""
        self._launch()
        threading.Thread(target=self._watch, name="app-watch", daemon=True).start()

    def stop(self, *, patience_s: float = GRACE_S) -> None:
        """End it for good: asked to, and killed when it has not ended in time."""
        self._stopping.set()
        self._port = None
        with self._lock:
            child = self._child
        if child is None:
            return
        if patience_s > 0:
            child.terminate()
            if child.wait(patience_s + 1) is not None:
                return
        child.kill()
        child.wait(5)

    def _launch(self) -> None:
        recipe = self._prepare()
        port = free_port()
        told = USUAL_PORT if has_own_ports() else port
        self.log.parent.mkdir(parents=True, exist_ok=True)
        child = start(
            Launch(
                command=recipe.command(told),
                cwd=recipe.cwd,
                environment=recipe.environment(told),
                log=self.log,
                mounts=recipe.mounts,
                grace_s=GRACE_S,
                ports={told: port} if has_own_ports() else {},
            )
        )
        with self._lock:
            self._child = child
        if self._stopping.is_set():
            child.kill()
        port = self._await(child, port, told)
        self._fault = ""
        self._port = port

    def _await(self, child: Child, port: int, told: int) -> int:
        """The port on which it answers."""
        deadline = time.monotonic() + self._timeout_s
        looks = 0
        while time.monotonic() < deadline and child.poll() is None:
            if self._answers(port):
                return port
            looks += 1
            is_time = not looks % USUAL_PORT_EVERY and told != USUAL_PORT
            if is_time and listens(child.pid, USUAL_PORT):
                return USUAL_PORT
            time.sleep(POLL_S)
        code = child.poll()
        others = listening(child.pid) if code is None else []
        child.kill()
        if code is not None:
            raise AppFailed(f"app crashed unexpectedly: {self._last_words(code)}")
        raise AppFailed(
            f"app did not start within {self._timeout_s:.0f} s: nothing answers on port {told}, the"
            f" one of DATABRICKS_APP_PORT{_elsewhere(others)}. Let the app listen on it"
        )

    def _answers(self, port: int) -> bool:
        if not self._health_path:
            with socket.socket(socket.AF_INET) as probe:
                probe.settimeout(1)
                return probe.connect_ex((LOOPBACK, port)) == 0
        import http.client

        probe_http = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        try:
            probe_http.request("GET", self._health_path)
            return 200 <= probe_http.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            probe_http.close()

    def _watch(self) -> None:
        """Keep its log short; start it again when it ends unasked, so many times."""
        deaths = 0
        while True:
            began = time.monotonic()
            with self._lock:
                child = self._child
            assert child is not None
            while (code := child.wait(LOG_CHECK_S)) is None:
                shorten(self.log)
            self._port = None
            if self._stopping.is_set():
                return
            self._fault = f"app crashed unexpectedly: {self._last_words(code)}"
            deaths = 0 if time.monotonic() - began > STEADY_S else deaths
            while True:
                if deaths >= len(RESTART_PAUSES_S):
                    self._note(f"it died {deaths} times in a row and is not started again")
                    return
                if self._stopping.wait(RESTART_PAUSES_S[deaths]):
                    return
                deaths += 1
                try:
                    self._launch()
                    break
                except Exception as fault:  # the next try may work
                    self._fault = str(fault)

    def _last_words(self, code: int) -> str:
        lines = [
            line for line in tail(self.log, 20_000).splitlines() if any(map(str.isalnum, line))
        ]
        last = f": {lines[-1].strip()}" if lines else ""
        return f"it ended with status {code}{last}"

    def _note(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(f"[brickyard] {text}\n")


def _elsewhere(ports: Sequence[int]) -> str:
    """What else it listens on: the commonest reason."""
    if not ports:
        return ""
    shown = ", ".join(map(str, ports))
    renamed = " on the machine; the app's log has its own number" if has_own_ports() else ""
    return f", and the app listens on port {shown}{renamed}"


def tail(log: Path, size: int) -> str:
    """The end of a log, from the beginning of a line."""
    try:
        with log.open("rb") as file:
            whole = os.fstat(file.fileno()).st_size
            file.seek(max(0, whole - size))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return text.partition("\n")[2] if whole > size else text


def shorten(log: Path) -> None:
    """Begin a log that has become too long anew; what was in it is kept once, beside it.

    The process writes at the end of whatever the file is, so it need not know.
    """
    try:
        if log.stat().st_size > LARGEST_LOG:
            log.with_suffix(".1.log").write_bytes(log.read_bytes())
            os.truncate(log, 0)
    except OSError:
        pass
