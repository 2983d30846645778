"""Starting, watching and ending a child of the workspace, through its supervisor.

`start` returns as soon as the supervisor runs. The child lives no longer than the workspace: the
supervisor holds the other end of a pipe that only this process has.
"""

from __future__ import annotations

import functools
import json
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.workspace.kernel.loopback import free_port
from brickyard.workspace.processes.mounts import Mounts, enforcement
from brickyard.workspace.processes.ports import MACHINES

SUPERVISOR = Path(__file__).with_name("supervisor.py")
CANNOT_START = 126
TIMED_OUT = 124
PORTS_TRIAL_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one child, where the platform has them; None: no limit."""

    memory_bytes: int | None = None  # of address space
    data_bytes: int | None = None  # of private writable memory (Linux)
    cpu_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to run and how. `environment` is the whole environment: nothing is inherited."""

    command: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    log: Path | None = None  # standard output and error are appended to it
    log_bytes: int | None = None  # what is kept of it, half of that in `<log>.1`; None: everything
    mounts: Mounts | None = None
    limits: Limits = field(default_factory=Limits)
    # Of the child -> of the machine; every other port that it binds by number is mapped to a free
    # one, too. Only where `has_own_ports()`.
    ports: Mapping[int, int] = field(default_factory=dict)
    timeout_s: float | None = None
    grace_s: float = 5.0  # between SIGTERM and SIGKILL


class Child:
    """A started child. Thread-safe."""

    def __init__(self, supervisor: subprocess.Popen[bytes]) -> None:
        self._supervisor = supervisor
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Of the supervisor; the child's own is of no use outside."""
        return self._supervisor.pid

    def poll(self) -> int | None:
        """The exit status (128 + N for signal N), or None while it runs."""
        with self._lock:
            return self._status(self._supervisor.poll())

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit status, or None when it still runs after `timeout_s`."""
        try:
            return self._status(self._supervisor.wait(timeout_s))
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Ask for an end: SIGTERM to the child's group, SIGKILL after the grace period."""
        with self._lock:
            if self._supervisor.poll() is None:
                self._supervisor.terminate()

    def kill(self) -> None:
        """End it and everything that it started, now."""
        with self._lock:
            self._hang_up()

    def _hang_up(self) -> None:
        lifeline = self._supervisor.stdin
        if lifeline is not None and not lifeline.closed:
            try:
                lifeline.close()
            except OSError:
                pass

    def _status(self, code: int | None) -> int | None:
        if code is None:
            return None
        self._hang_up()
        return code if code >= 0 else 128 - code


@functools.cache
def has_own_ports() -> bool:
    """Whether children can have ports of their own here: tried once on the real thing."""
    if not sys.platform.startswith("linux") or platform.machine() not in MACHINES:
        return False
    told, real = 8000, free_port()
    code = (
        "import socket, sys; a = socket.create_server(('', int(sys.argv[1])));"
        "b = socket.create_connection(('localhost', int(sys.argv[1])), 100);"
        "sys.exit(b.getpeername()[1] != int(sys.argv[2]))"
    )
    with tempfile.TemporaryDirectory() as folder:
        trial = Launch(
            command=[sys.executable, "-I", "-S", "-c", code, str(told), str(real)],
            cwd=Path("/"),
            environment={},
            mounts=Mounts(home=Path(folder)),
            ports={told: real},
            timeout_s=PORTS_TRIAL_S,
        )
        return start(trial).wait() == 0


def start(launch: Launch) -> Child:
    """Start it. A program that cannot be started ends with status 126 and a line in its log."""
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", str(SUPERVISOR)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={},
    )
    assert supervisor.stdin is not None
    try:
        supervisor.stdin.write(json.dumps(spec_of(launch)).encode() + b"\n")
        supervisor.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once; wait() tells
    return Child(supervisor)


def spec_of(launch: Launch) -> dict[str, Any]:
    """What a supervisor reads first, as one line of JSON."""
    limits = {
        "memory_bytes": launch.limits.memory_bytes,
        "data_bytes": launch.limits.data_bytes,
        "cpu_s": launch.limits.cpu_s,
    }
    spec: dict[str, Any] = {
        "command": list(launch.command),
        "cwd": str(launch.cwd),
        "environment": dict(launch.environment),
        "log": str(launch.log) if launch.log else None,
        "log_bytes": launch.log_bytes,
        "limits": {name: value for name, value in limits.items() if value is not None},
        "timeout_s": launch.timeout_s,
        "grace_s": launch.grace_s,
        "ports": {str(port): real for port, real in launch.ports.items()},
        "sandbox": None,
    }
    if launch.mounts is not None and enforcement().kind == "namespace":
        spec["sandbox"] = launch.mounts.sandbox_spec()
    return spec
