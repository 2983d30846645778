"""`bundle config-remote-sync`: what was changed in the workspace comes into the files."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest, write_bundle
from databricks.sdk.service.jobs import JobSettings


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"crs_{uuid.uuid4().hex[:8]}"
    made = write_bundle(tmp_path / "bundle", name, workspace.environment("dev"))
    yield made
    made("destroy", "--auto-approve", code=None)


@pytest.mark.documented
def test_what_was_changed_in_the_workspace_is_written_into_the_files(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client = workspace.client("dev")
    bundle("deploy")
    assert bundle("bundle", "config-remote-sync").out == "No changes detected.\n\n"
    summary = bundle("summary", "-o", "json").data
    id = int(summary["resources"]["jobs"]["hello"]["id"])
    name = client.jobs.get(id).settings.name
    settings = JobSettings(name=f"{name} again", description="changed: by hand")
    client.jobs.update(id, new_settings=settings)

    before = (bundle.folder / "databricks.yml").read_text()
    seen = bundle("bundle", "config-remote-sync", "-o", "json").data
    assert seen["changes"] == {
        "resources.jobs.hello": {
            "description": {"operation": "add", "value": "changed: by hand"},
            "name": {"operation": "replace", "value": "hello again"},
        }
    }
    assert [one["originalContent"] for one in seen["files"]] == [before]
    assert (bundle.folder / "databricks.yml").read_text() == before
    none = bundle("bundle", "config-remote-sync", "--select-ids", "jobs:1", code=1)
    assert "no deployed jobs resource with id 1" in none.err

    chosen = ("--select-ids", f"jobs:{id}", "--save")
    told = bundle("bundle", "config-remote-sync", *chosen).out
    assert told.splitlines()[2:] == [
        "Resource: resources.jobs.hello",
        "  description: add",
        "  name: replace",
        "",
        "",
    ]
    after = (bundle.folder / "databricks.yml").read_text()
    assert after == seen["files"][0]["modifiedContent"]
    assert "      name: hello again\n" in after
    assert "      description: 'changed: by hand'\n" in after
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    plan = json.loads(bundle("plan", "-o", "json").out)["plan"]
    assert {node["action"] for node in plan.values()} == {"skip"}
