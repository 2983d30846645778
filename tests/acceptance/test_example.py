"""The example solutions, released to dev as their tutorials do."""

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
EXAMPLES = ROOT / "examples"
FLIGHTS, PLANES = 336_776, 3_322

pytestmark = [pytest.mark.belief, pytest.mark.slow]


def repository_of(example: Path, folder: Path) -> Path:
    """An example as a repository of its own, as it lies in this checkout."""
    listed = run("git", "ls-files", "-z", ".", cwd=example).stdout.split("\0")
    for name in filter(None, listed):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((example / name).read_bytes())
    run("git", "init", "-q", "-b", "main", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    who = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")
    run("git", *who, "commit", "-q", "-m", "example", cwd=folder)
    return folder


def released(folder: Path, workspace: EmbeddedServer) -> Any:
    """The record of a release to dev."""

    def brickyard(*arguments: str) -> Any:
        command = (sys.executable, "-m", "brickyard", *arguments)
        return run(*command, cwd=folder, env=workspace.environment())

    brickyard("validate", "--target", "dev")
    promoted = brickyard("release", "promote", "--to", "dev", "-o", "json")
    record = json.loads(promoted.stdout)
    assert record["result"] == "succeeded", record
    return record


def test_the_data_quality_agent_is_released_to_dev(
    tmp_path: Path, workspace: EmbeddedServer
) -> None:
    folder = repository_of(EXAMPLES / "data_quality_agent", tmp_path / "example")
    record = released(folder, workspace)
    assert record["outputs"]["ingest"]["rows"]["flights"] == FLIGHTS
    assert record["evaluation"]["rule_recall"] >= 0.85
    answer = record["outputs"]["smoke"]["answer"]
    assert answer["custom_outputs"]["row_count"] == PLANES
    assert record["evaluation"]["cost_per_request"] > 0  # the language model's tokens are counted
    assert len(record["examples"]["gate"]) == 48
    tables = record["outputs"]["ingest"]["tables"]
    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    assert warehouse is not None
    counted = client.statement_execution.execute_statement(
        f"SELECT count(*) FROM {tables['flights']} WHERE dep_time IS NULL", warehouse
    )
    assert counted.result is not None
    assert counted.result.data_array == [["8255"]]


def test_the_retrieval_agent_is_released_to_dev(tmp_path: Path, workspace: EmbeddedServer) -> None:
    folder = repository_of(EXAMPLES / "retrieval_agent", tmp_path / "example")
    record = released(folder, workspace)
    assert record["evaluation"]["recall_at_5"] >= 0.8
    outputs = record["outputs"]
    assert outputs["index"]["rows"] == outputs["ingest"]["passages"] > 80
    answer = outputs["smoke"]["answer"]
    assert "DATABRICKS_APP_PORT" in answer["custom_outputs"]["answer"]
    assert [item["type"] for item in answer["output"]] == [
        "function_call",
        "function_call_output",
        "message",
    ]
    client = workspace.client("dev")
    version = client.model_versions.get(outputs["register"]["model"], 1)
    assert version.status is not None
    assert version.status.value == "READY"


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> Any:
    ended = subprocess.run(
        arguments, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=400
    )
    assert ended.returncode == 0, f"{arguments}: {ended.stdout}\n{ended.stderr}"
    return ended
