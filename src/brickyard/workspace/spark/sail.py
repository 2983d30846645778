"""Sail processes: one per task or warehouse principal, started on first use, ended on release.

Catalogs, defaults and the caller's token go in by environment and are read at start: one process
speaks for one principal. It runs in the principal's mount view; a process that died is started
again when it is next used.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel import Home
from brickyard.workspace.processes import Child, Launch, Mounts, start
from brickyard.workspace.spark.lake import RESERVED
from brickyard.workspace.spark.refusals import SPARK, Refusal
from brickyard.workspace.spark.sail_process import connections

PROCESS: Final = Path(__file__).with_name("sail_process.py")
DOOR: Final = re.compile(rb"^DOOR (shut|open.*)$", re.M)
STARTING: Final = re.compile(rb"Starting the Spark Connect server on \S*?:(\d+)")
START_TIMEOUT_S: Final = 30
POLL_S: Final = 0.005
LINGER_S: Final = 5.0  # a superseded engine may still be in the hands of who was given it
LINGER_POLL_S: Final = 0.2
LOG_TAIL: Final = 600
TIMEOUT_VARIABLE: Final = "BRICKYARD_SPARK_SESSION_TIMEOUT_S"

log = logging.getLogger("brickyard.spark")
_told_open: list[str] = []  # said once is enough


def open_door() -> str:
    """Why engines take connections of any local process; '' when they do not."""
    return _told_open[0].removeprefix("open: ") if _told_open else ""


def session_timeout_s() -> int:
    """After how long without a request an engine forgets a session (continuation.py)."""
    return int(os.environ.get(TIMEOUT_VARIABLE, "3600"))


def is_said_by_engine(fault: Any) -> bool:
    """Of a gRPC error: whether the engine said this, rather than nobody being there to speak."""
    import grpc

    return fault.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)


class Sail:
    """One engine process and the channel to it. Thread-safe."""

    def __init__(
        self,
        *,
        name: str,
        home: Home,
        url: str,
        token: str,
        catalogs: Sequence[str],
        default_catalog: str,
        mounts: Mounts,
        python: Path | None = None,
    ) -> None:
        import grpc

        self.name = name
        self.catalogs = frozenset(catalogs)
        self._calls = 0
        self._used = time.monotonic()
        self._lock = threading.Lock()
        self._log = home.logs / "spark" / f"{name}-{uuid.uuid4().hex[:8]}.log"
        self._log.parent.mkdir(exist_ok=True)
        started = time.perf_counter()
        self._child = start(
            Launch(
                command=[
                    str(python or sys.executable),
                    *("-P", "-s", str(PROCESS)),  # no module from a folder that others may write
                ],
                cwd=Path("/tmp"),
                environment=_environment(url, token, catalogs, default_catalog),
                log=self._log,
                mounts=mounts,
                grace_s=1.0,
            )
        )
        self.port = _port(self._child, self._log)
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.client_idle_timeout_ms", 2**31 - 1),  # the one connection there will ever be
        ]
        self.channel: Any = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options)
        self._be_alone()
        log.info("Sail %s answers after %.0f ms", name, (time.perf_counter() - started) * 1000)

    def _be_alone(self) -> None:
        """Connect, have the door shut, and make sure that nobody slipped in before."""
        import grpc

        try:
            grpc.channel_ready_future(self.channel).result(START_TIMEOUT_S)
        except grpc.FutureTimeoutError:
            self._child.kill()
            raise _did_not_start(self.last_words()) from None
        deadline = time.monotonic() + START_TIMEOUT_S
        while (door := DOOR.search(self._log.read_bytes())) is None:
            if self._child.poll() is not None or time.monotonic() > deadline:
                self._child.kill()
                raise _did_not_start(self.last_words())
            time.sleep(POLL_S)
        if door[1] != b"shut":
            if not _told_open:
                _told_open.append(door[1].decode(errors="replace"))
                log.warning("Spark engines take connections of any local process: %s", open_door())
        elif connections(self.port) != 1:
            self._child.kill()
            raise _did_not_start("another process had connected to it first")

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """While something runs in it, it is not idle."""
        with self._lock:
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1
                self._used = time.monotonic()

    def touch(self) -> None:
        self._used = time.monotonic()

    @property
    def idle_s(self) -> float:
        with self._lock:
            return 0.0 if self._calls else time.monotonic() - self._used

    def stop(self) -> None:
        """End it. Returns at once; its supervisor makes sure."""
        with contextlib.suppress(Exception):
            self.channel.close()
        self._child.terminate()
        threading.Thread(target=self._gone, name=f"sail-{self.name}", daemon=True).start()

    def _gone(self) -> None:
        if self._child.wait(5) is None:
            self._child.kill()
        with contextlib.suppress(OSError):
            self._log.unlink()

    def last_words(self) -> str:
        """The end of its log, for a message about its death."""
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace")[-LOG_TAIL:]
        return ""


class Sails:
    """The running engines by key. `build` makes the one for a key."""

    def __init__(self) -> None:
        self._running: dict[Any, Sail] = {}
        self._superseded: dict[Sail, Any] = {}  # with the key that each was of
        self._starts = 0
        self._numbers: dict[Any, int] = {}
        self._locks: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def use(self, key: Any, build: Callable[[], Sail]) -> tuple[Sail, int]:
        """The engine of this key and the number of its start; started when it is not alive."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            found = self._running.get(key)
            if found is not None and found.alive:
                found.touch()
                return found, self._numbers[key]
            if found is not None:
                log.warning("Sail %s died: %s", found.name, found.last_words())
                found.stop()
            made = build()
            with self._lock:
                self._starts += 1
                self._running[key] = made
                self._numbers[key] = self._starts
                return made, self._starts

    def stop(self, chosen: Callable[[Any], bool]) -> list[Any]:
        """End those whose key is chosen; their keys."""
        with self._lock:
            keys = [key for key in self._running if chosen(key)]
            ended = [self._running.pop(key) for key in keys]
        for one in ended:
            one.stop()
        return keys

    def stop_all(self) -> None:
        """End every engine, those that linger too."""
        self.stop(lambda _: True)
        with self._lock:
            lingering, self._superseded = self._superseded, {}
        for one in lingering:
            one.stop()

    def supersede(self, key: Any) -> None:
        """The next use starts a new engine; what runs in this one goes on to its end."""
        with self._lock:
            found = self._running.pop(key, None)
            if found is None:
                return
            self._superseded[found] = key
        name = f"sail-{found.name}-lingers"
        threading.Thread(target=self._linger, args=(found,), name=name, daemon=True).start()

    def superseded(self, key: Any) -> list[Sail]:
        """Engines of this key in which something may still run."""
        with self._lock:
            return [one for one, of in self._superseded.items() if of == key]

    def _linger(self, one: Sail) -> None:
        while one.alive and one.idle_s < LINGER_S:
            time.sleep(LINGER_POLL_S)
        with self._lock:
            self._superseded.pop(one, None)
        one.stop()

    def running(self) -> list[tuple[Any, Sail, int]]:
        """Key, engine and number of its start, of those that are alive and not superseded."""
        with self._lock:
            found = [(key, one, self._numbers[key]) for key, one in self._running.items()]
        return [each for each in found if each[1].alive]

    def count(self) -> int:
        """How many run now."""
        with self._lock:
            return sum(one.alive for one in (*self._running.values(), *self._superseded))

    def idle(self, longer_than_s: float) -> set[Any]:
        """The keys of engines in which nothing ran for so long."""
        with self._lock:
            return {key for key, one in self._running.items() if one.idle_s > longer_than_s}


def _environment(
    url: str, token: str, catalogs: Sequence[str], default_catalog: str
) -> Mapping[str, str]:
    uri = f"{url}/api/2.1/unity-catalog"
    listed = ", ".join(
        f'{{name={_toml(name)}, type="unity", uri={_toml(uri)}, default_catalog={_toml(name)}, '
        f"token={_toml(token)}}}"
        for name in catalogs
        if name not in RESERVED
    )
    kept = {
        name: os.environ[name]
        for name in ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
        if name in os.environ
    }
    return kept | {
        "HOME": "/tmp",
        "RUST_LOG": "error,sail_cli=info",
        "PYTHONWARNINGS": "ignore",
        "BRICKYARD_FUNCTIONS_URL": url,
        "BRICKYARD_FUNCTIONS_TOKEN": token,
        "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(session_timeout_s()),
        "SAIL_CATALOG__LIST": f"[{listed}]",
        "SAIL_CATALOG__DEFAULT_CATALOG": default_catalog,
        "SAIL_CATALOG__DEFAULT_DATABASE": '["default"]',
    }


def _toml(text: str) -> str:
    return json.dumps(text)


def _port(child: Child, path: Path) -> int:
    """Wait until it listens. Raises a Refusal that carries the end of its log."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        text = path.read_bytes() if path.exists() else b""
        if found := STARTING.search(text):
            return int(found.group(1))
        if child.poll() is not None:
            break
        time.sleep(POLL_S)
    child.kill()
    raise _did_not_start(path.read_text(errors="replace")[-LOG_TAIL:] if path.exists() else "")


def _did_not_start(tail: str) -> Refusal:
    return Refusal(
        "SPARK_ENGINE_UNAVAILABLE",
        f"The embedded Spark engine did not start. Its last words: {tail.strip()}",
        sql_state="58000",
        jvm_class=SPARK,
    )
