"""`make live`, with an embedded workspace in the place of a real one: a host and a token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny_solution import bundle, settings

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]
SCRIPT = Path(__file__).resolve().parents[2] / "scripts/live.py"


def live(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The script, far from every embedded workspace."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "BRICKYARD_"))}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        cwd=folder,
        env={**kept, "BRICKYARD_HOME": str(folder / "nowhere"), **variables},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=900,
    )


def test_the_walkthrough_is_done_as_on_a_remote_workspace(
    tmp_path: Path, workspace: EmbeddedServer
) -> None:
    host, token = workspace.host("dev"), workspace.token("dev")
    profiles = tmp_path / "profiles.cfg"
    profiles.write_text(f"[far]\nhost = {host}\ntoken = {token}\n")
    far = {"DATABRICKS_CONFIG_FILE": str(profiles)}
    walked = live(
        tmp_path, "--profile", "far", "--template", "lakeflow-pipelines", "--out", "a.jsonl", **far
    )
    assert walked.returncode == 0, f"{walked.stdout}\n{walked.stderr}"
    assert "Release 1 of dev: succeeded" in walked.stdout + walked.stderr
    assert "resources are as they were recorded" in walked.stdout  # of `drift`
    assert not (tmp_path / "nowhere").exists()  # nothing embedded was looked for or started
    names = [str(one.name) for one in workspace.client("dev").schemas.list("dev")]
    assert not [one for one in names if "live_" in one]

    recorded = (tmp_path / "a.jsonl").read_text()
    calls: list[dict[str, Any]] = [json.loads(line) for line in recorded.splitlines()]
    assert len(calls) > 30
    routes = {(one["method"], one["path"].partition("?")[0]) for one in calls}
    assert ("POST", "/api/2.0/pipelines") in routes
    assert not [one for one in calls if one["path"].startswith("?")]
    for secret in (token, host, workspace.user("dev"), "live_", "dev"):
        values = [text for one in calls for text in texts(one["body"])]
        assert not [one for one in values if secret in one], secret

    same = live(tmp_path, "--compare", "a.jsonl", "a.jsonl")
    assert (same.returncode, same.stdout.strip()) == (0, "the same shapes")
    lacking = [{**one, "body": None} for one in calls]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, lacking)))
    other = live(tmp_path, "--compare", "a.jsonl", "b.jsonl")
    assert other.returncode == 1
    assert "POST /api/2.0/pipelines 200: more: pipeline_id" in other.stdout


def test_a_solution_is_walked_through_as_it_lies_there(
    tmp_path: Path, workspace: EmbeddedServer
) -> None:
    """`SOLUTION=`: with a release of its own, and a target that runs as a service principal."""
    profiles = tmp_path / "profiles.cfg"
    profiles.write_text(
        f"[far]\nhost = {workspace.host('dev')}\ntoken = {workspace.token('dev')}\n"
    )
    far = {"DATABRICKS_CONFIG_FILE": str(profiles)}
    name = f"walked_{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "mine"
    (folder / ".cache").mkdir(parents=True)
    (folder / ".cache/old").write_text("not part of it")
    (folder / "databricks.yml").write_text(json.dumps(bundle(name)))
    (folder / "brickyard.yml").write_text(json.dumps(settings(1, recall=0.1)))
    walked = live(tmp_path, "--profile", "far", "--solution", "mine", "--out", "a.jsonl", **far)
    # Its gate is closed: that is told as a failure, and what was made is removed all the same.
    assert walked.returncode == 1, f"{walked.stdout}\n{walked.stderr}"
    assert "failed: release promote --to dev" in walked.stderr
    assert "recall >= 0.5 (0.1)" in walked.stdout + walked.stderr
    assert name not in [one.name for one in workspace.client("dev").schemas.list("dev")]
    assert not (folder / ".git").exists()
    nothing = live(tmp_path, "--profile", "far", "--solution", "nowhere", **far)
    assert (nothing.returncode, "Traceback" in nothing.stderr) == (1, False)
    assert "it has no databricks.yml" in nothing.stderr


def texts(value: Any) -> list[str]:
    """Every text in a body but the names of its fields."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def test_without_a_profile_nothing_is_done(tmp_path: Path) -> None:
    refused = live(tmp_path, "--profile", "")
    assert refused.returncode == 2
    assert "--profile names the workspace" in refused.stderr
