"""The bundle verbs from the command line against a real embedded workspace."""

from __future__ import annotations

import getpass
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest, write_bundle

RESOURCES = 6


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"shop_{uuid.uuid4().hex[:8]}"
    made = write_bundle(tmp_path / "bundle", name, workspace.environment("dev"))
    yield made
    made("destroy", "--auto-approve", code=None)


@pytest.fixture
def client(workspace: Any) -> Any:
    return workspace.client("dev")


def ours(client: Any, bundle: BundleUnderTest) -> list[str]:
    """Names of the bundle's jobs in the workspace, by where their metadata lies."""
    return sorted(
        job.settings.name
        for job in client.jobs.list()
        if job.settings.deployment and bundle.name in job.settings.deployment.metadata_file_path
    )


@pytest.mark.documented
def test_deploy_then_plan_is_empty_then_destroy_leaves_nothing(
    bundle: BundleUnderTest, client: Any
) -> None:
    plan = bundle("plan", "--detailed-exitcode", code=2)
    assert f"Plan: {RESOURCES} to add, 0 to change, 0 to delete, 0 unchanged" in plan.out
    first = bundle("deploy")
    assert f"Resources: {RESOURCES} created" in first.err
    assert bundle("plan", "--detailed-exitcode").out.startswith("Plan: 0 to add, 0 to change")
    again = bundle("bundle", "deploy")
    assert "Files: 0 uploaded, 0 deleted" in again.err
    assert "0 created, 0 changed, 0 deleted" in again.err
    summary = bundle("summary", "-o", "json").data["resources"]
    job_id = summary["jobs"]["hello"]["id"]
    settings = client.jobs.get(int(job_id)).settings
    assert {p.name: p.default for p in settings.parameters}["experiment_id"] == (
        summary["experiments"]["traces"]["id"]
    )
    assert client.schemas.get(summary["schemas"]["sales"]["id"]).comment == "Orders and customers."
    bundle("destroy", "--auto-approve")
    assert ours(client, bundle) == []
    assert "No active deployment" in bundle("destroy", "--auto-approve").err
    assert not [s for s in client.schemas.list("dev") if bundle.name in (s.name or "")]


@pytest.mark.documented
def test_a_change_is_planned_field_by_field_and_a_delete_is_asked_for(
    bundle: BundleUnderTest, client: Any
) -> None:
    bundle("deploy")
    bundle.edit("comment: Orders and customers.", "comment: Only orders.")
    plan = bundle("plan")
    assert 'comment: "Orders and customers." -> "Only orders."' in plan.out
    bundle("deploy")
    bundle.edit("      name: landing\n", "      name: arrivals\n")
    assert "update volumes.landing" in bundle("plan").out
    bundle("deploy")
    text = (bundle.folder / "databricks.yml").read_text()
    cut = text.index("  volumes:"), text.index("  registered_models:")
    (bundle.folder / "databricks.yml").write_text(text[: cut[0]] + text[cut[1] :])
    refused = bundle("deploy", code=1)
    assert "delete resources.volumes.landing: all files in the volume" in refused.err
    assert "--auto-approve" in refused.err
    bundle("deploy", "--auto-approve")
    assert not list(client.volumes.list("dev", f"dev_{_user()}_{bundle.name}"))


@pytest.mark.documented
def test_a_saved_plan_is_applied_as_saved_and_only_while_it_holds(bundle: BundleUnderTest) -> None:
    plan = bundle("plan", "-o", "json")
    assert plan.data["plan_version"] == 2
    assert plan.data["plan"]["resources.jobs.caller"]["new_state"]["vars"]
    (bundle.folder / "plan.json").write_text(plan.out)
    bundle("deploy", "--plan", "plan.json")
    refused = bundle("deploy", "--plan", "plan.json", code=1)
    assert "make a new plan" in refused.err


@pytest.mark.documented
def test_drift_is_shown_and_put_right(bundle: BundleUnderTest, client: Any) -> None:
    bundle("deploy")
    job_id = int(bundle("summary", "-o", "json").data["resources"]["jobs"]["hello"]["id"])
    client.api_client.do(
        "POST",
        "/api/2.2/jobs/update",
        body={"job_id": job_id, "new_settings": {"max_concurrent_runs": 9}},
    )
    plan = bundle("plan")
    assert "max_concurrent_runs: 9 -> 4 (changed outside the bundle)" in plan.out
    bundle("deploy")
    assert client.jobs.get(job_id).settings.max_concurrent_runs == 4
    client.jobs.delete(job_id)
    assert "create jobs.hello" in bundle("plan").out
    bundle("deploy")
    assert len(ours(client, bundle)) == 2


@pytest.mark.documented
@pytest.mark.slow
def test_a_job_runs_and_its_output_is_shown(bundle: BundleUnderTest) -> None:
    bundle("deploy")
    ran = bundle("run", "hello", "--params", "whom=you")
    assert "hello you" in ran.out
    assert "Run URL:" in ran.err
    assert "TERMINATED SUCCESS" in ran.err
    (bundle.folder / "src" / "hello.py").write_text("raise ValueError('no greeting today')\n")
    assert "Files: 1 uploaded" in bundle("deploy").err
    failed = bundle("run", "hello", code=1)
    assert "no greeting today" in failed.err
    assert "Traceback (most recent call last)" not in failed.err.split("Run URL")[0]
    refused = bundle("run", "hello", "--params", "who=you", code=1)
    assert "The job has no parameter who" in refused.err


@pytest.mark.belief
def test_a_second_clone_uploads_nothing_and_changes_nothing(
    bundle: BundleUnderTest, tmp_path: Path
) -> None:
    bundle("deploy")
    clone = write_bundle(tmp_path / "clone", bundle.name, bundle.environment)
    again = clone("deploy")
    assert "0 created, 0 changed, 0 deleted" in again.err


@pytest.mark.documented
def test_the_state_is_in_the_official_format(bundle: BundleUnderTest, client: Any) -> None:
    bundle("deploy")
    root = bundle("summary", "-o", "json").data["workspace"]["state_path"]
    with client.workspace.download(f"{root}/resources.json") as file:
        state = json.loads(file.read())
    assert (state["state_version"], state["serial"]) == (2, 1)
    caller = state["state"]["resources.jobs.caller"]
    assert caller["depends_on"] == [
        {"node": "resources.jobs.hello", "label": "${resources.jobs.hello.id}"}
    ]
    hello = state["state"]["resources.jobs.hello"]["__id__"]
    assert caller["state"]["tasks"][0]["run_job_task"]["job_id"] == int(hello)
    names = {item.path.rpartition("/")[2] for item in client.workspace.list(root)}
    assert {"resources.json", "metadata.json", "deployment.json"} <= names
    assert "deploy.lock" not in names


@pytest.mark.belief
@pytest.mark.slow
def test_a_deploy_killed_at_any_time_is_finished_by_the_next(
    bundle: BundleUnderTest, client: Any
) -> None:
    began = time.monotonic()
    bundle("deploy")
    whole = time.monotonic() - began
    bundle("destroy", "--auto-approve")
    for part in (0.35, 0.5, 0.6, 0.7, 0.8, 0.9):
        bundle.killed_after(whole * part, "deploy")
        bundle("deploy")
        assert len(ours(client, bundle)) == 2, f"killed after {part} of the time"
        bundle("plan", "--detailed-exitcode")
        bundle.killed_after(whole * part, "destroy", "--auto-approve")
        bundle("destroy", "--auto-approve")
        assert ours(client, bundle) == []


@pytest.mark.belief
def test_a_target_without_a_host_goes_to_the_embedded_workspace_of_its_environment(
    tmp_path: Path, workspace: Any
) -> None:
    name = f"shop_{uuid.uuid4().hex[:8]}"
    bundle = write_bundle(tmp_path / "bundle", name, workspace.environment())
    deployed = bundle("deploy", "-t", "staging", "-o", "json").data
    assert deployed["host"] == workspace.host("staging")
    assert deployed["failures"] == []
    assert len(ours(workspace.client("staging"), bundle)) == 2
    assert ours(workspace.client("dev"), bundle) == []
    bundle("destroy", "-t", "staging", "--auto-approve")


@pytest.mark.documented
def test_a_wrong_token_is_said_clearly_with_a_way_out(bundle: BundleUnderTest) -> None:
    stranger = replace(
        bundle, environment={**bundle.environment, "DATABRICKS_TOKEN": "dapi-not-a-token"}
    )
    refused = stranger("deploy", code=1)
    assert refused.err.startswith("Error: Invalid access token.")
    assert "renew DATABRICKS_TOKEN" in refused.err
    assert "Traceback" not in refused.err
    assert "dapi-not-a-token" not in refused.err


def _user() -> str:
    return getpass.getuser()
