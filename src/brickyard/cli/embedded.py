"""The embedded workspace as the command line knows it: its run file, starting it, stopping it.

The server writes `<home>/run/workspaces.json` when it answers and removes it when it ends; a file
left by a killed server is told from a live one by asking the server who it is.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NAMES = ("dev", "staging", "prod")
START_LIMIT_S = 30.0
TLS_PORTS = "8481,8482,8483"  # or free ones, where these are taken
STOP_LIMIT_S = 20.0


class EmbeddedFault(Exception):
    """The embedded workspace can't be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where one workspace answers, and as whom its default token speaks."""

    name: str
    host: str
    token: str
    user: str
    workspace_id: str
    tls_host: str = ""  # empty without doors with TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A running embedded workspace."""

    pid: int
    started: int
    workspaces: Mapping[str, Address]


def home() -> Path:
    """The data directory: `BRICKYARD_HOME`, or `~/.brickyard`."""
    given = os.environ.get("BRICKYARD_HOME")
    return Path(given).expanduser().absolute() if given else Path.home() / ".brickyard"


def running() -> Embedded | None:
    """The server of this data directory, if it answers."""
    found = _read(home() / "run" / "workspaces.json")
    return found if found is not None and _answers(found) else None


def ensure(*, say: Callable[[str], None] = lambda text: None) -> Embedded:
    """The running server, started now when there is none. Raises `EmbeddedFault`."""
    found = running()
    if found is not None:
        return found
    say("starting the embedded workspace")
    return start()


def start(*, ports: str | None = None, tls: bool = False) -> Embedded:
    """Start the server in the background and wait until it answers."""
    check_installed()
    logs = home() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    home().chmod(0o700)
    output = logs / "server.out"
    environment = os.environ | ({"BRICKYARD_PORTS": ports} if ports else {})
    environment |= {"BRICKYARD_TLS_PORTS": TLS_PORTS} if tls else {}
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "brickyard.workspace"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment | {"BRICKYARD_HOME": str(home())},
            start_new_session=True,
            cwd=home(),
        )
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        found = running()
        if found is not None:
            return found
        if process.poll() is not None:
            # Another command may have started it a moment earlier and hold the data directory.
            found = _wait_for_other(deadline)
            if found is not None:
                return found
            raise EmbeddedFault(f"the embedded workspace did not start:\n{_tail(output)}")
        time.sleep(0.02)
    raise EmbeddedFault(
        f"the embedded workspace did not answer within {START_LIMIT_S:.0f} s; see {output}"
    )


def stop() -> bool:
    """Stop the running server and wait for its end; False when none runs."""
    found = running()
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_S
    while _alive(found.pid):
        if time.monotonic() > deadline:
            os.kill(found.pid, signal.SIGKILL)
        time.sleep(0.05)
    return True


def check_installed() -> None:
    """Raises `EmbeddedFault` when the packages of the embedded workspace are missing."""
    for module in ("uvicorn", "sqlalchemy", "pysail"):
        if importlib.util.find_spec(module) is None:
            raise EmbeddedFault(
                "the embedded workspace is not installed; run: pip install 'brickyard[local]'"
            )


def get(address: Address, path: str) -> Any:
    """One authenticated GET, as JSON. Raises `EmbeddedFault` on any other answer than 200."""
    status, body = _request(address.host, path, address.token)
    if status != 200:
        raise EmbeddedFault(f"{address.host}{path} answered {status}: {body[:300]!r}")
    return json.loads(body)


def _answers(found: Embedded) -> bool:
    """Whether the server behind the run file is ours: it answers and takes our token."""
    if not _alive(found.pid):
        return False
    first = found.workspaces["dev"]
    try:
        status, _ = _request(first.host, "/api/2.0/preview/scim/v2/Me", first.token)
    except OSError:
        return False
    return status == 200


def _request(host: str, path: str, token: str) -> tuple[int, bytes]:
    parts = urlsplit(host)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as fault:
        raise OSError(str(fault)) from fault
    finally:
        connection.close()


def _wait_for_other(deadline: float) -> Embedded | None:
    limit = min(deadline, time.monotonic() + 5)
    while time.monotonic() < limit:
        found = running()
        if found is not None:
            return found
        time.sleep(0.1)
    return None


def _read(path: Path) -> Embedded | None:
    try:
        data = json.loads(path.read_bytes())
        workspaces = {
            name: Address(
                name=name,
                host=data[name]["host"],
                token=data[name]["token"],
                user=data[name]["user"],
                workspace_id=data[name]["workspace_id"],
                tls_host=data[name].get("tls_host", ""),
            )
            for name in NAMES
        }
        return Embedded(pid=data["pid"], started=data["started"], workspaces=workspaces)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
