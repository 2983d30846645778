"""`generate` from the command line: an object of the workspace becomes a bundle that validates."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.sdk.service.workspace import ImportFormat

ROOT_FILE = "bundle:\n  name: {name}\ninclude:\n  - resources/*.yml\n"


def generate(folder: Path, workspace: Any, *arguments: str, code: int = 0) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "brickyard", *arguments],
        cwd=folder,
        env=dict(workspace.environment("dev")),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert ended.returncode == code, ended.stderr
    return ended.stderr if not ended.stdout else ended.stdout


@pytest.mark.documented
def test_a_job_with_notebooks_becomes_a_bundle_that_plans_no_other_job(
    workspace: Any, tmp_path: Path
) -> None:
    client = workspace.client("dev")
    name = f"gen_{uuid.uuid4().hex[:8]}"
    home = f"/Workspace/Users/{client.current_user.me().user_name}/{name}"
    for path, language, text in (
        ("etl/extract", "PYTHON", "# Databricks notebook source\nprint(1)\n"),
        ("show", "SQL", "-- Databricks notebook source\nselect 1\n"),
    ):
        client.workspace.mkdirs(f"{home}/{path}".rpartition("/")[0])
        content = base64.b64encode(text.encode()).decode()
        body = {"path": f"{home}/{path}", "content": content, "language": language}
        client.api_client.do("POST", "/api/2.0/workspace/import", body={**body, "format": "SOURCE"})
    settings = {
        "name": name,
        "tags": {"team": "data"},
        "parameters": [{"name": "day", "default": ""}],
        "tasks": [
            {"task_key": "a", "notebook_task": {"notebook_path": f"{home}/etl/extract"}},
            {
                "task_key": "b",
                "depends_on": [{"task_key": "a"}],
                "notebook_task": {"notebook_path": f"{home}/show"},
            },
        ],
    }
    job_id = client.api_client.do("POST", "/api/2.2/jobs/create", body=settings)["job_id"]
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "databricks.yml").write_text(ROOT_FILE.format(name=name))
    said = generate(
        folder, workspace, "generate", "job", "--existing-job-id", str(job_id), "--key", "mine"
    )
    assert said.splitlines() == [
        "File successfully saved to src/etl/extract.py",
        "File successfully saved to src/show.sql",
        "Job configuration successfully saved to resources/mine.job.yml",
    ]
    assert (folder / "src/etl/extract.py").read_text().startswith("# Databricks notebook source")
    written = yaml.safe_load((folder / "resources/mine.job.yml").read_text())
    tasks = written["resources"]["jobs"]["mine"]["tasks"]
    assert [task["notebook_task"]["notebook_path"] for task in tasks] == [
        "../src/etl/extract.py",
        "../src/show.sql",
    ]
    again = ["generate", "job", "--existing-job-id", str(job_id), "--key", "mine"]
    refused = generate(folder, workspace, *again, code=1)
    assert "src/etl/extract.py already exists. Use --force to overwrite" in refused
    bound = generate(folder, workspace, *again, "--force", "--bind")
    assert "Successfully bound" in bound
    tree = json.loads(generate(folder, workspace, "validate", "-o", "json"))
    assert tree["resources"]["jobs"]["mine"]["name"].endswith(name)
    plan = json.loads(generate(folder, workspace, "plan", "-o", "json"))["plan"]
    assert plan["resources.jobs.mine"]["action"] == "update"
    generate(folder, workspace, "deploy")
    assert client.jobs.get(job_id).settings.deployment is not None
    generate(folder, workspace, "destroy", "--auto-approve")


@pytest.mark.documented
def test_configuration_outside_of_include_is_warned_of(workspace: Any, tmp_path: Path) -> None:
    client = workspace.client("dev")
    job_id = client.api_client.do("POST", "/api/2.2/jobs/create", body={"name": "lone"})["job_id"]
    (tmp_path / "databricks.yml").write_text(ROOT_FILE.format(name="lone"))
    said = generate(
        tmp_path, workspace, "generate", "job", "--existing-job-id", str(job_id), "-d", "conf"
    )
    assert "Generated configuration is not included in the bundle" in said
    assert "include:\n  - conf/*.yml" in said
    client.jobs.delete(job_id)
    gone = generate(
        tmp_path, workspace, "generate", "job", "--existing-job-id", str(job_id), code=1
    )
    assert f"Error: Job {job_id} does not exist." in gone


@pytest.mark.documented
def test_a_dashboard_comes_into_the_bundle_and_its_edits_follow(
    workspace: Any, tmp_path: Path
) -> None:
    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    me = client.current_user.me().user_name
    document = {"pages": [{"name": "p", "displayName": "One"}], "datasets": []}
    made = client.api_client.do(
        "POST",
        "/api/2.0/lakeview/dashboards",
        body={
            "display_name": f"Sales {uuid.uuid4().hex[:8]}",
            "warehouse_id": warehouse,
            "parent_path": f"/Users/{me}",
            "serialized_dashboard": json.dumps(document),
        },
    )
    (tmp_path / "databricks.yml").write_text(ROOT_FILE.format(name="boards"))
    generate(
        tmp_path,
        workspace,
        *("generate", "dashboard", "--existing-path", made["path"], "--key", "sales", "--bind"),
    )
    kept = tmp_path / "src" / "sales.lvdash.json"
    assert json.loads(kept.read_text())["pages"][0]["displayName"] == "One"
    document["pages"][0]["displayName"] = "Two"  # type: ignore[index]
    client.api_client.do(
        "PATCH",
        f"/api/2.0/lakeview/dashboards/{made['dashboard_id']}",
        body={"serialized_dashboard": json.dumps(document)},
    )
    refused = generate(tmp_path, workspace, "generate", "dashboard", "--resource", "sales", code=1)
    assert "src/sales.lvdash.json already exists. Use --force to overwrite" in refused
    generate(tmp_path, workspace, "generate", "dashboard", "--resource", "sales", "--force")
    assert json.loads(kept.read_text())["pages"][0]["displayName"] == "Two"
    generate(tmp_path, workspace, "destroy", "--auto-approve")


@pytest.mark.documented
def test_a_pipeline_an_alert_and_a_space_become_one_bundle_that_validates(
    workspace: Any, tmp_path: Path
) -> None:
    client = workspace.client("dev")
    call, mark = client.api_client.do, uuid.uuid4().hex[:8]
    home = f"/Workspace/Users/{client.current_user.me().user_name}/parts_{mark}"
    client.workspace.mkdirs(f"{home}/flow/steps")
    client.workspace.upload(f"{home}/flow/steps/a.sql", b"SELECT 1", format=ImportFormat.AUTO)
    shared = {
        "warehouse_id": next(iter(client.warehouses.list())).id,
        "parent_path": home,
    }
    pipeline = call(
        "POST",
        "/api/2.0/pipelines",
        body={
            "name": f"Flow {mark}",
            "catalog": "dev",
            "schema": "default",
            "root_path": f"{home}/flow",
            "libraries": [{"glob": {"include": f"{home}/flow/steps/**"}}],
        },
    )["pipeline_id"]
    alert = call(
        "POST",
        "/api/2.0/alerts",
        body={
            **shared,
            "display_name": f"Late {mark}",
            "query_text": "SELECT 1 AS a",
            "evaluation": {
                "comparison_operator": "GREATER_THAN",
                "source": {"name": "a"},
                "threshold": {"value": {"double_value": 1}},
            },
            "schedule": {"quartz_cron_schedule": "0 0 3 * * ?", "timezone_id": "UTC"},
        },
    )["id"]
    space = call(
        "POST",
        "/api/2.0/genie/spaces",
        body={**shared, "title": f"Ask {mark}", "serialized_space": '{"version": 2}'},
    )["space_id"]
    (tmp_path / "databricks.yml").write_text(ROOT_FILE.format(name=f"parts_{mark}"))
    for what in (
        ("pipeline", "--existing-pipeline-id", pipeline, "--key", "flow"),
        ("alert", "--existing-id", alert, "--key", "late"),
        ("genie-space", "--existing-id", space, "--key", "ask"),
    ):
        generate(tmp_path, workspace, "generate", *what)
    made = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert [name for name in made if not name.startswith(".databricks")] == [
        "databricks.yml",
        "resources/ask.genie_space.yml",
        "resources/flow.pipeline.yml",
        "resources/late.alert.yml",
        "src/ask.geniespace.json",
        "src/late.dbalert.json",
        "src/steps/a.sql",
    ]
    tree = json.loads(generate(tmp_path, workspace, "validate", "--strict", "-o", "json"))
    resources = tree["resources"]
    assert resources["pipelines"]["flow"]["libraries"][0]["glob"]["include"].endswith("steps/**")
    assert resources["genie_spaces"]["ask"]["title"].endswith(f"Ask {mark}")
    assert resources["alerts"]["late"]["query_text"] == "SELECT 1 AS a\n"
