"""Resources that only Databricks can make, on the embedded workspace: refused before anything."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest
from databricks.sdk.errors import NotFound

pytestmark = pytest.mark.documented


def test_nothing_is_changed_when_part_of_it_cannot_be_made(tmp_path: Path, workspace: Any) -> None:
    name = f"parts_{uuid.uuid4().hex[:8]}"
    (tmp_path / "databricks.yml").write_text(
        f"bundle: {{name: {name}}}\n"
        "resources:\n"
        f"  schemas: {{s: {{name: {name}, catalog_name: dev}}}}\n"
        "  clusters:\n"
        "    c: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, num_workers: 1}\n"
    )
    bundle = BundleUnderTest(folder=tmp_path, name=name, environment=workspace.environment("dev"))
    planned = bundle("plan", "-o", "json")
    assert set(planned.data["plan"]) == {"resources.schemas.s", "resources.clusters.c"}
    assert "Warning: the embedded workspace has no service that makes a cluster" in planned.err
    assert "databricks.yml:5:8" in planned.err
    refused = bundle("deploy", code=1).err
    assert "Error: the embedded workspace has no service that makes a cluster" in refused
    with pytest.raises(NotFound):
        workspace.client("dev").schemas.get(f"dev.{name}")
    assert "Resources: 1 created" in bundle("deploy", "--select", "s").err
    assert "Destroy: 1 deleted" in bundle("destroy", "--auto-approve").err
