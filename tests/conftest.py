"""The embedded workspace for tests: one real server a session, in a data directory of its own.

Tests drive it with unmodified official clients. Sessions that are killed leave nothing behind: the
server's own children end with it, and the server ends when its parent's pipe closes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

START_LIMIT_S = 90.0
# Of MLflow: a conversation is over after five minutes without a new trace.
SESSIONS_END_SOON = {"MLFLOW_ONLINE_SCORING_DEFAULT_SESSION_COMPLETION_BUFFER_SECONDS": "1"}

# A worker of pytest-xdist is `python -c`; pyspark takes a main module without a file for a doctest
# of its own, and ends the process.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__


@dataclass(slots=True)
class EmbeddedServer:
    """A running server; `host`, `token` and `client` take dev, staging or prod."""

    home: Path
    process: subprocess.Popen[bytes] | None = None
    addresses: Mapping[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        run_file = self.home / "run" / "workspaces.json"
        run_file.unlink(missing_ok=True)
        with (self.home / "server.out").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "brickyard.workspace"],
                env=self.environment(
                    BRICKYARD_PORTS="0,0,0", BRICKYARD_TLS_PORTS="0,0,0", **SESSIONS_END_SOON
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        give_up_at = time.monotonic() + START_LIMIT_S
        while not run_file.exists():
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                said = (self.home / "server.out").read_text(errors="replace")[-4000:]
                raise RuntimeError(f"the embedded workspace did not start:\n{said}")
            time.sleep(0.02)
        self.addresses = json.loads(run_file.read_bytes())

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, as a power cut or the out-of-memory killer would."""
        self._end(signal.SIGKILL)

    def environment(self, name: str | None = None, **more: str) -> dict[str, str]:
        """The process environment for a client of workspace `name`, free of other credentials."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MLFLOW_"))}
        kept |= {"BRICKYARD_HOME": str(self.home), **more}
        if name is not None:
            kept |= {"DATABRICKS_HOST": self.host(name), "DATABRICKS_TOKEN": self.token(name)}
        return kept

    def host(self, name: str = "dev") -> str:
        return str(self.addresses[name]["host"])

    def token(self, name: str = "dev") -> str:
        return str(self.addresses[name]["token"])

    def user(self, name: str = "dev") -> str:
        return str(self.addresses[name]["user"])

    def client(self, name: str = "dev", token: str | None = None) -> WorkspaceClient:
        """An unmodified SDK client, which reads nothing but what it is given."""
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        return WorkspaceClient(
            config=Config(host=self.host(name), token=token or self.token(name), auth_type="pat")
        )

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=30)
            self.process = None


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The server that most tests share: they make their own data and may run in any order."""
    server = EmbeddedServer(home=tmp_path_factory.mktemp("brickyard"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_workspace(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server for one test alone, which may kill and restart it."""
    server = EmbeddedServer(home=tmp_path / "home")
    server.start()
    yield server
    server.stop()
