"""Engines end with what they serve: a killed workspace leaves no process, and starts again."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


def engines(home: Path) -> list[int]:
    """The Sail processes of a data directory, by the log they write."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            log = str((entry / "fd" / "1").readlink()) if b"sail_process" in command else ""
        except OSError:
            continue
        if log.startswith(str(home)):
            found.append(int(entry.name))
    return found


@pytest.mark.belief
@pytest.mark.skipif(sys.platform != "linux", reason="finds the engines in /proc")
def test_a_killed_workspace_leaves_no_engine_and_no_half_made_table(own_workspace: Any) -> None:
    def run(text: str) -> Any:
        client = own_workspace.client()
        warehouse = next(iter(client.warehouses.list())).id
        return client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")

    assert run("CREATE TABLE dev.default.t AS SELECT 1 AS a").status.error is None
    assert engines(own_workspace.home)
    own_workspace.kill()
    deadline = time.monotonic() + 10
    while engines(own_workspace.home) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engines(own_workspace.home) == []
    own_workspace.start()
    assert run("SELECT a FROM dev.default.t").result.data_array == [["1"]]
    own_workspace.stop()
    while engines(own_workspace.home) and time.monotonic() < deadline + 10:
        time.sleep(0.05)
    assert engines(own_workspace.home) == []
