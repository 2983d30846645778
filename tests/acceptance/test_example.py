"""The walkthrough solution, released to dev as its tutorial does, on the real tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "data_quality_agent"
FLIGHTS = 336_776

pytestmark = [pytest.mark.belief, pytest.mark.slow]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example as a repository of its own, as it lies in this checkout."""
    folder = tmp_path / "example"
    listed = run("git", "ls-files", "-z", ".", cwd=EXAMPLE).stdout.split("\0")
    for name in filter(None, listed):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((EXAMPLE / name).read_bytes())
    run("git", "init", "-q", "-b", "main", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    who = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")
    run("git", *who, "commit", "-q", "-m", "example", cwd=folder)
    return folder


def test_the_data_quality_agent_is_released_to_dev(
    example: Path, workspace: EmbeddedServer
) -> None:
    def brickyard(*arguments: str) -> Any:
        command = (sys.executable, "-m", "brickyard", *arguments)
        return run(*command, cwd=example, env=workspace.environment())

    brickyard("validate", "--target", "dev")
    promoted = brickyard("release", "promote", "--to", "dev", "-o", "json")
    record = json.loads(promoted.stdout)
    assert record["result"] == "succeeded", record
    assert record["outputs"]["ingest"]["rows"]["flights"] == FLIGHTS
    assert record["evaluation"]["rule_recall"] >= 0.85
    answer = record["outputs"]["smoke"]["answer"]
    assert answer["custom_outputs"]["row_count"] == FLIGHTS
    tables = record["outputs"]["ingest"]["tables"]
    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    assert warehouse is not None
    counted = client.statement_execution.execute_statement(
        f"SELECT count(*) FROM {tables['flights']} WHERE dep_time IS NULL", warehouse
    )
    assert counted.result is not None
    assert counted.result.data_array == [["8255"]]


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> Any:
    ended = subprocess.run(
        arguments, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=400
    )
    assert ended.returncode == 0, f"{arguments}: {ended.stdout}\n{ended.stderr}"
    return ended
