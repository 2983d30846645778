"""Projects from the templates that come along: made, checked, deployed, run and released."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from brickyard.templates import BUILT_IN

LOCAL = [one.name for one in BUILT_IN if "://" not in one.folder]
WITH_PIPELINE = [
    *("empty", "ingestion-pipeline", "classic-ml", "retrieval-agent", "data-quality-agent"),
    *("streamlit-app", "lakeflow-pipelines"),
]
pytestmark = pytest.mark.belief


def brickyard(folder: Path, environment: dict[str, str], *arguments: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "brickyard", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=180,
    )


@pytest.fixture
def environment(workspace: Any) -> dict[str, str]:
    return {**os.environ, **workspace.environment("dev")}


def made_from(
    template: str, folder: Path, environment: dict[str, str], *, deployed: bool = True
) -> Path:
    """A project with a name of its own, in its folder."""
    name = f"{template.rpartition('-')[2]}_{uuid.uuid4().hex[:8]}"
    (folder / "answers.json").write_text(json.dumps({"project_name": name}))
    made = brickyard(folder, environment, "init", template, "--config-file", "answers.json")
    assert made.returncode == 0, made.stderr
    if deployed:
        done = brickyard(folder / name, environment, "deploy")
        assert done.returncode == 0, done.stderr
    return folder / name


def destroy(project: Path, environment: dict[str, str]) -> None:
    destroyed = brickyard(project, environment, "destroy", "--auto-approve")
    assert destroyed.returncode == 0, destroyed.stderr


@pytest.mark.parametrize("template", LOCAL)
def test_every_template_makes_a_bundle_without_findings(
    tmp_path: Path, environment: dict[str, str], template: str
) -> None:
    (tmp_path / "answers.json").write_text('{"project_name": "shop"}')
    arguments = (template, "--config-file", "answers.json", "-o", "json")
    made = brickyard(tmp_path, environment, "init", *arguments)
    assert made.returncode == 0, made.stderr
    assert "shop/databricks.yml" in json.loads(made.stdout)["outputs"]
    assert "brickyard deploy" in made.stderr
    if "venv_path" in (tmp_path / "shop/databricks.yml").read_text():
        unready = brickyard(tmp_path / "shop", environment, "validate", "--offline")
        assert "uv sync" in unready.stderr, "Python resources need their environment first"
        return
    for target in ("dev", "prod"):
        checked = brickyard(
            tmp_path / "shop", environment, "validate", "--strict", "--offline", "-t", target
        )
        assert checked.returncode == 0, checked.stderr
    again = brickyard(tmp_path, environment, "bundle", "init", *arguments)
    assert again.returncode == 1
    assert "exists already" in again.stderr


@pytest.mark.parametrize("template", WITH_PIPELINE)
def test_a_project_with_a_pipeline_is_tested_and_deployed(
    tmp_path: Path, environment: dict[str, str], template: str
) -> None:
    project = made_from(template, tmp_path, environment, deployed=False)
    pipeline = (project / ".github/workflows/brickyard.yml").read_text()
    assert "release promote --to prod" in pipeline
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    done = brickyard(project, environment, "deploy")
    assert done.returncode == 0, done.stderr
    again = brickyard(project, environment, "plan", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
    if template == "ingestion-pipeline":
        for key in ("land", "ingestion", "check"):
            ran = brickyard(project, environment, "run", key)
            assert ran.returncode == 0, ran.stderr
        assert '"kept": 0.75' in ran.stdout + ran.stderr
    destroy(project, environment)


def test_a_project_of_sql_is_deployed_and_runs(
    tmp_path: Path, environment: dict[str, str], workspace: Any
) -> None:
    project = made_from("default-sql", tmp_path, environment)
    ran = brickyard(project, environment, "run", project.name)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(brickyard(project, environment, "summary", "-o", "json").stdout)
    schema = summary["resources"]["schemas"]["main"]["id"]
    assert workspace.client("dev").tables.get(f"{schema}.orders_by_day").name == "orders_by_day"
    destroy(project, environment)


def test_a_project_of_python_runs_its_wheel(tmp_path: Path, environment: dict[str, str]) -> None:
    project = made_from("default-python", tmp_path, environment)
    ran = brickyard(project, environment, "run", project.name)
    assert ran.returncode == 0, ran.stderr
    assert "square" in ran.stdout
    destroy(project, environment)


@pytest.mark.slow
def test_an_agent_is_released(tmp_path: Path, workspace: Any) -> None:
    environment = workspace.environment()
    project = made_from("agent", tmp_path, environment, deployed=False)
    who = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "An agent")):
        subprocess.run(["git", *words], cwd=project, check=True)
    released = brickyard(project, environment, "release", "promote", "--to", "dev")
    assert released.returncode == 0, released.stderr
    assert "answered_right >= 0.9" in released.stdout + released.stderr
    destroy(project, environment)


def test_what_is_no_template_is_told(tmp_path: Path, environment: dict[str, str]) -> None:
    for template, word in (("nowhere", "no such folder"), ("dbt-sql", "runs no dbt tasks")):
        refused = brickyard(tmp_path, environment, "init", template)
        assert refused.returncode == 1
        assert word in refused.stderr
        assert "Traceback" not in refused.stderr
