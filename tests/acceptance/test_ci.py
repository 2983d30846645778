"""A generated pipeline, executed step by step: from a pull request to production."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.belief, pytest.mark.slow]

BUNDLE = """\
bundle: {name: NAME}
variables: {catalog: {}}
targets:
  dev: {mode: development, default: true, variables: {catalog: dev}}
  staging: {variables: {catalog: staging}}
  prod: {variables: {catalog: prod}}
resources:
  schemas:
    area: {catalog_name: "${var.catalog}", name: NAME}
  jobs:
    score:
      name: NAME score
      tasks:
        - {task_key: score, notebook_task: {notebook_path: score.py}}
"""
SETTINGS = """\
environments:
  dev: {catalog: dev, reads: [prod]}
  staging: {catalog: staging, reads: [prod]}
  prod: {catalog: prod, branches: [main]}
policy: {mode: enforce}
rollout:
  - {step: score, run_job: score}
  - {step: gate, metrics: "${steps.score.metrics}", require: {score: ">= 0.5"}}
"""
SCORE = """\
# Databricks notebook source
import json
dbutils.notebook.exit(json.dumps({"metrics": {"score": SCORE}}))
"""
UNIT = "def test_adds() -> None:\n    assert 1 + 1 == 2\n"
INTEGRATION = """\
import os
from databricks.sdk import WorkspaceClient

def test_the_schema_is_there() -> None:
    target = os.environ["BRICKYARD_TARGET"]
    assert WorkspaceClient().schemas.get(f"{target}.NAME").name == "NAME"
"""


class Project:
    """A tiny bundle in a repository of its own, with a pipeline."""

    def __init__(self, folder: Path, environment: dict[str, str], provider: str) -> None:
        self.folder, self.environment = folder, environment
        self.name = f"ci_{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        files = {
            "databricks.yml": BUNDLE,
            "brickyard.yml": SETTINGS,
            "score.py": SCORE.replace("SCORE", "0.9"),
            "tests/test_sums.py": UNIT,
            "tests/integration/test_schema.py": INTEGRATION,
        }
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("NAME", self.name))
        self.git("init", "-q", "-b", "main")
        made = self.ci("init", "--provider", provider)
        assert made.returncode == 0, made.stderr
        self.commit("A tiny solution")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
        ended = subprocess.run(
            ["git", *who, *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return ended.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def ci(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "brickyard", "ci", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=600,
        )

    def ran(self, event: str, *words: str) -> dict[str, Any]:
        """What came of the pipeline for one event, which it survives."""
        ended = self.ci("run", "--event", event, *words, "-o", "json")
        assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-3000:]
        (found,) = results(ended.stdout)
        return found


@pytest.fixture
def environment(workspace: Any) -> dict[str, str]:
    return {**os.environ, **workspace.environment()}


def results(printed: str) -> list[dict[str, Any]]:
    """The JSON objects that were printed, one for each event."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(printed.rstrip()):
        one, at = decoder.raw_decode(printed, at)
        found.append(one)
        at += len(printed[at:]) - len(printed[at:].lstrip())
    return found


def test_a_commit_travels_from_pull_request_to_production(
    tmp_path: Path, environment: dict[str, str], workspace: Any
) -> None:
    project = Project(tmp_path / "shop", environment, "github")
    waits = project.ci("run", "--event", "tag", "--stage", "prod", "-o", "json")
    assert waits.returncode == 1
    assert results(waits.stdout)[0]["jobs"]["prod"] == "waiting for approval"

    request = project.ran("pull-request", "--stage", "rehearsal", "--stage", "plan")
    main = project.ran("main", "--stage", "dev", "--stage", "staging")
    tag = project.ran("tag", "--stage", "prod", "--approve", "prod")
    done, left = "succeeded", "skipped"
    assert request["jobs"] == {"rehearsal": done, "plan": done}
    assert main["jobs"] == {"dev": done, "staging": done}
    assert tag["jobs"] == {"prod": done}
    steps = {(one["job"], one["name"]): one for one in (*request["steps"], *main["steps"])}
    assert steps["staging", "Integration tests"]["result"] == done
    assert steps["rehearsal", "Deploy to an embedded workspace and evaluate"]["result"] == done
    assert steps["rehearsal", "Cache"]["result"] == left
    for catalog in ("dev", "staging", "prod"):
        names = [one.name for one in workspace.client(catalog).schemas.list(catalog)]
        assert (project.name in names) == (catalog != "dev"), names
    history = subprocess.run(
        [sys.executable, "-m", "brickyard", "release", "history", "-t", "prod", "-o", "json"],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    (record,) = json.loads(history.stdout)
    assert record["commit"] == project.git("rev-parse", "HEAD")
    assert record["result"] == "succeeded"


@pytest.mark.parametrize("provider", ["azure", "gitlab"])
def test_other_providers_stop_what_fails_its_gate(
    tmp_path: Path, environment: dict[str, str], provider: str
) -> None:
    project = Project(tmp_path / "shop", environment, provider)
    (project.folder / "score.py").write_text(SCORE.replace("SCORE", "0.1"))
    project.commit("Worse")
    ran = project.ci("run", "--event", "main", "--stage", "dev", "--stage", "staging", "-o", "json")
    assert ran.returncode == 1
    (main,) = results(ran.stdout)
    assert main["jobs"] == {"dev": "failed", "staging": "skipped"}, ran.stdout


def test_a_watch_runs_each_new_commit(tmp_path: Path, environment: dict[str, str]) -> None:
    project = Project(tmp_path / "shop", environment, "github")
    words = ["watch", "--stage", "checks", "--every", "0.2", "--count", "1", "-o", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "brickyard", "ci", *words],
        cwd=project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watch:
        assert watch.stderr is not None
        assert "Watching main" in watch.stderr.readline()
        (project.folder / "tests/test_sums.py").write_text(UNIT.replace("2", "3"))
        project.commit("Break a test")
        printed, _ = watch.communicate(timeout=120)
    (ran,) = results(printed)
    assert ran["jobs"] == {"checks": "failed"}
    results_of = {step["name"]: step["result"] for step in ran["steps"]}
    assert [name for name, result in results_of.items() if result == "failed"] == ["Unit tests"]
    for name in ("Validate", "Data policy", "Pipeline still fits the project"):
        assert results_of[name] == "succeeded"
