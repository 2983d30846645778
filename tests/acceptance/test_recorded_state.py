"""Parts of a bundle by `--select`, and what is recorded without a deploy: bind, unbind, renames."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest, write_bundle


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"parts_{uuid.uuid4().hex[:8]}"
    made = write_bundle(tmp_path / "bundle", name, workspace.environment("dev"))
    yield made
    made("destroy", "--auto-approve", code=None)


@pytest.mark.documented
def test_a_selection_is_deployed_with_what_it_needs_and_destroyed_alone(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    plan = bundle("plan", "--select", "landing", "-o", "json").data
    assert sorted(plan["plan"]) == ["resources.schemas.sales", "resources.volumes.landing"]
    assert plan["not_selected"] > 0
    done = bundle("deploy", "--select", "volumes.landing").err
    assert "Resources: 2 created" in done
    assert "not selected" in done
    refused = bundle("destroy", "--select", "sales", "--auto-approve", code=1).err
    assert "resources.volumes.landing needs resources.schemas.sales" in refused
    assert "Destroy: 1 deleted" in bundle("destroy", "--select", "landing", "--auto-approve").err
    # What is left is still recorded, in the workspace too: another clone plans no second schema.
    for state in (bundle.folder / ".databricks").rglob("resources.json"):
        state.unlink()
    left = bundle("plan", "--select", "sales", "-o", "json").data["plan"]
    assert [node["action"] for node in left.values()] == ["skip"]
    unknown = bundle("plan", "--select", "nothing", code=1).err
    assert "no such resource: nothing" in unknown


@pytest.mark.documented
def test_an_existing_object_is_bound_renamed_and_let_go(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client = workspace.client("dev")
    resources = bundle("validate", "-o", "json").data["resources"]
    name = resources["schemas"]["sales"]["name"]
    client.schemas.create(name, "dev", comment="made by hand")
    refused = bundle("deploy", "--select", "sales", code=1).err
    assert f"deployment bind sales dev.{name}" in refused
    missing = bundle("deployment", "bind", "sales", "dev.nowhere", "--auto-approve", code=1).err
    assert "schema with an id 'dev.nowhere' is not found" in missing
    bound = bundle("bundle", "deployment", "bind", "sales", f"dev.{name}", "--auto-approve").err
    assert "Successfully bound schema with an id" in bound
    again = bundle("deployment", "bind", "sales", f"dev.{name}", code=1).err
    assert "Resource already managed" in again
    bundle("deploy", "--select", "landing")
    assert client.schemas.get(f"dev.{name}").comment == "Orders and customers."

    file = bundle.folder / "databricks.yml"
    text = file.read_text().replace("    sales:", "    orders:")
    file.write_text(text.replace("resources.schemas.sales", "resources.schemas.orders"))
    assert "2 to add" not in bundle("plan", "--select", "landing").out
    bundle("state", "mv", "sales", "orders")
    moved = bundle("plan", "--select", "landing", "-o", "json").data["plan"]
    assert {name: node["action"] for name, node in moved.items()} == {
        "resources.schemas.orders": "skip",
        "resources.volumes.landing": "skip",
    }
    bundle("deployment", "unbind", "landing")
    kept = client.volumes.read(f"dev.{name}.landing")
    assert kept.name == "landing"
    recorded = next((bundle.folder / ".databricks").rglob("resources.json"))
    assert "resources.volumes.landing" not in json.loads(recorded.read_text())["state"]
    client.volumes.delete(f"dev.{name}.landing")
