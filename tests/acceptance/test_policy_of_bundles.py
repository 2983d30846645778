"""The data policy with a workspace: what identities could do, what a run really did; and making
environments as they are declared."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest
from databricks.sdk.service.catalog import (
    CatalogIsolationMode,
    PermissionsChange,
    Privilege,
    WorkspaceBinding,
    WorkspaceBindingBindingType,
)

pytestmark = pytest.mark.documented
BUNDLE = """\
bundle: {{name: {name}}}
variables:
  catalog: {{default: dev}}
targets:
  dev: {{default: true, mode: development}}
  staging: {{}}
  prod: {{}}
resources:
  schemas:
    made: {{catalog_name: "${{var.catalog}}", name: {name}}}
  jobs:
    copy:
      name: {name}
      parameters:
        - {{name: target, default: "${{resources.schemas.made.id}}.copied"}}
      tasks:
        - task_key: copy
          environment_key: plain
          spark_python_task:
            python_file: copy_rows.py
            parameters: ["{{{{job.parameters.target}}}}"]
      environments: [{{environment_key: plain, spec: {{environment_version: "4"}}}}]
"""
CODE = """\
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sql(f"CREATE TABLE {sys.argv[1]} AS SELECT 1 AS a")
print(spark.table(sys.argv[1]).count())
"""


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"policy_{uuid.uuid4().hex[:8]}"
    (tmp_path / "databricks.yml").write_text(BUNDLE.format(name=name))
    (tmp_path / "copy_rows.py").write_text(CODE)
    made = BundleUnderTest(folder=tmp_path, name=name, environment=workspace.environment())
    yield made
    made("destroy", "--auto-approve", code=None)


def checked(bundle: BundleUnderTest, *evidence: str, code: int | None = None) -> dict[str, Any]:
    asked = ("--evidence", ",".join(evidence)) if evidence else ()
    ended = bundle("policy", "check", *asked, "-o", "json", code=code)
    found: dict[str, Any] = json.loads(ended.out)
    return found


def test_what_a_run_really_did_is_evidence(bundle: BundleUnderTest) -> None:
    assert checked(bundle, "observed")["evidence"] == {"static": "asked", "observed": "asked"}
    bundle("deploy")
    bundle("run", "copy")
    observed = [one for one in checked(bundle, "all")["accesses"] if one["evidence"] == "observed"]
    seen = {(one["mode"], one["verdict"], one["resource"]) for one in observed}
    assert ("write", "ok", "resources.jobs.copy") in seen
    assert any(one["full_name"].endswith(".copied") for one in observed)
    assert {one["file"] for one in observed} == {"databricks.yml"}


def test_what_an_identity_could_do_beyond_the_policy_is_a_violation(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client, name = workspace.client("dev"), f"other_{uuid.uuid4().hex[:8]}"
    client.catalogs.create(name)
    held = [one for one in checked(bundle, "grants")["accesses"] if one["evidence"] == "grants"]
    broken = {(one["full_name"], one["mode"]) for one in held if one["verdict"] == "violation"}
    assert {(name, "read"), (name, "write")} <= broken
    assert ("prod", "write") not in broken  # bound read-only, whatever is granted
    assert ("ok", "prod", "read") in {(o["verdict"], o["full_name"], o["mode"]) for o in held}
    assert all(workspace.user("dev") in one["reason"] for one in held if one["reason"])
    # Without --evidence it is joined and shown, and the exit code is that of the bundle itself.
    (bundle.folder / "brickyard.yml").write_text("policy: {mode: enforce}\n")
    joined = checked(bundle, code=0)
    assert joined["evidence"] == dict.fromkeys(("static", "grants", "observed"), "asked")
    assert joined["rules"]["writes-only-its-own-catalog"] == "broken"
    assert "of them are known from the workspace only" in bundle("policy", "check").out
    assert checked(bundle, "all", code=1)["rules"] == joined["rules"]
    assert checked(bundle, "static", code=0)["rules"]["writes-only-its-own-catalog"] != "broken"
    client.catalogs.delete(name, force=True)


def test_what_no_workspace_could_say_is_said(bundle: BundleUnderTest, tmp_path: Path) -> None:
    nobody = dataclasses.replace(
        bundle, environment={**bundle.environment, "BRICKYARD_HOME": str(tmp_path / "nowhere")}
    )
    found = checked(nobody, code=0)
    assert found["evidence"]["static"] == "asked"
    for kind in ("grants", "observed"):
        assert "embedded workspace of dev does not answer" in found["evidence"][kind]
    silent = {**bundle.environment, "DATABRICKS_HOST": "http://127.0.0.1:9"}
    refused = dataclasses.replace(bundle, environment=silent | {"DATABRICKS_TOKEN": "x"})
    told = checked(refused, code=0)["evidence"]
    assert told["grants"] == told["observed"]
    assert "does not tell" in told["grants"]


def test_environments_are_made_as_declared_and_nothing_is_widened_unasked(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client = workspace.client("dev")
    catalog, group = (f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("lab", "makers"))
    client.groups.create(display_name=group)
    (bundle.folder / "brickyard.yml").write_text(
        f"environments:\n"
        f"  dev: {{catalog: {catalog}, personas: {{ds: {{access: write, members: [{group}]}}}}}}\n"
        f"  staging: {{reads: [prod, {catalog}]}}\n"
        f"  prod: {{personas: {{ghosts: read, ds: {{access: read, members: [{group}]}}}}}}\n"
    )
    shown = bundle("environments", "show").out
    assert "ghosts is in none of these workspaces" in shown
    assert f"{group} is in none" not in shown, "the workspace of development knows it"
    refused = bundle("environments", "apply", code=1)
    assert "nobody to ask" in refused.err
    first = bundle("environments", "apply", "--auto-approve")
    assert f"make the catalog {catalog}" in first.out
    assert "were left out; --widen" in first.out
    made = client.catalogs.get(catalog)
    assert made.isolation_mode.value == "ISOLATED"
    assert not grants(client, catalog, group)
    bindings = {
        one.workspace_id: one.binding_type.value
        for one in client.workspace_bindings.get_bindings("catalog", catalog)
    }
    assert sorted(bindings.values()) == ["BINDING_TYPE_READ_ONLY", "BINDING_TYPE_READ_WRITE"]
    bundle("environments", "apply", "--auto-approve", "--widen")
    assert "MODIFY" in grants(client, catalog, group)
    again = bundle("environments", "apply", "--auto-approve", "--widen")
    assert "The environments are as declared." in again.out
    client.grants.update(
        "catalog",
        catalog,
        changes=[PermissionsChange(principal=group, add=[Privilege.MANAGE])],
    )
    narrowed = bundle("environments", "apply", "--auto-approve")
    assert f"take MANAGE on {catalog} from {group}" in narrowed.out
    assert "MANAGE" not in grants(client, catalog, group)
    told = json.loads(bundle("environments", "show", "-o", "json").out)
    by_name = {one["name"]: one for one in told["environments"]}
    assert by_name["dev"]["declared"]["writes"] == [catalog]
    assert by_name["dev"]["actual"]["reachable"]
    assert not told["steps"]
    client.catalogs.delete(catalog, force=True)


def test_a_catalog_that_is_there_but_not_shown_is_not_made(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    dev, prod = workspace.client("dev"), workspace.client("prod")
    catalog = dev.catalogs.create(f"lab_{uuid.uuid4().hex[:8]}").name
    dev.catalogs.update(catalog, isolation_mode=CatalogIsolationMode.ISOLATED)
    both = WorkspaceBindingBindingType.BINDING_TYPE_READ_WRITE
    here, elsewhere = (
        WorkspaceBinding(workspace_id=one.get_workspace_id(), binding_type=both)
        for one in (dev, prod)
    )
    dev.workspace_bindings.update_bindings("catalog", catalog, add=[elsewhere], remove=[here])
    (bundle.folder / "brickyard.yml").write_text(f"environments:\n  dev: {{catalog: {catalog}}}\n")
    refused = bundle("environments", "apply", "--auto-approve", code=1)
    assert f"cannot make the catalog {catalog}" in refused.err
    assert "It is there, but not shown to" in refused.err


def grants(client: Any, catalog: str, principal: str) -> set[str]:
    found = client.grants.get("catalog", catalog).privilege_assignments or []
    return {p.value for one in found if one.principal == principal for p in one.privileges}
