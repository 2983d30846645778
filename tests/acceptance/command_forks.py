"""`brickyard` commands without its start-up, for tests that run hundreds: forked from one process.

Each command is still a process of its own, with its own folder and environment, and can be killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bundle_under_test import Ended

FORKING = """
import json, os, sys
from brickyard import cli, deploy
from brickyard.cli import bundle_commands, diagnostics, live, progress, project_options
from brickyard.cli import release_commands

for line in sys.stdin:
    ask = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.chdir(ask["folder"])
            os.environ.clear()
            os.environ.update(ask["environment"])
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(ask[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
            code = cli.run(ask["arguments"])
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(slots=True)
class CommandForks:
    """Runs commands one after the other; `pid` is the one that runs, 0 when none does."""

    scratch: Path
    pid: int = 0
    _loaded: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        self._loaded = subprocess.Popen(
            [sys.executable, "-c", FORKING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> None:
        assert self._loaded is not None
        self._loaded.stdin.close()  # type: ignore[union-attr]
        self._loaded.stdout.close()  # type: ignore[union-attr]
        self._loaded.wait(timeout=30)

    def run(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *arguments: str,
        code: int | None = 0,
    ) -> Ended:
        """One command to its end; a negative exit code is the signal that ended it."""
        out, err = self.scratch / "out", self.scratch / "err"
        self._ask(
            {
                "folder": str(folder),
                "environment": dict(environment),
                "arguments": arguments,
                "out": str(out),
                "err": str(err),
            }
        )
        self.pid = int(self._answer())
        ended = int(self._answer())
        self.pid = 0
        found = Ended(code=ended, out=out.read_text(), err=err.read_text())
        assert code is None or found.code == code, f"{arguments}: {found.out}\n{found.err}"
        return found

    def kill(self) -> None:
        """kill -9 of the command that runs; called from another thread."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    def _ask(self, what: Mapping[str, object]) -> None:
        assert self._loaded is not None
        assert self._loaded.stdin is not None
        self._loaded.stdin.write(json.dumps(what) + "\n")
        self._loaded.stdin.flush()

    def _answer(self) -> str:
        assert self._loaded is not None
        assert self._loaded.stdout is not None
        return self._loaded.stdout.readline()
