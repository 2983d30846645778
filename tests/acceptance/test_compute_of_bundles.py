"""Compute that bundles name: found by look-ups, referred to by jobs, stopped and resized."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest
from databricks.sdk.service.compute import State

pytestmark = [pytest.mark.documented]

BUNDLE = """\
bundle:
  name: {name}
variables:
  house: {{lookup: {{cluster: {name}}}}}
  rules: {{lookup: {{cluster_policy: {name}}}}}
  pool: {{lookup: {{instance_pool: {name}}}}}
resources:
  clusters:
    own:
      cluster_name: {name} own
      spark_version: 15.4.x-scala2.12
      node_type_id: i3.xlarge
      num_workers: {workers}
      policy_id: ${{var.rules}}
      lifecycle: {{started: {started}}}
  jobs:
    report:
      name: {name}
      tasks:
        - task_key: on_one
          existing_cluster_id: ${{var.house}}
          spark_python_task: {{python_file: /Workspace/Shared/x.py}}
        - task_key: on_own
          existing_cluster_id: ${{resources.clusters.own.id}}
          spark_python_task: {{python_file: /Workspace/Shared/x.py}}
        - task_key: from_pool
          spark_python_task: {{python_file: /Workspace/Shared/x.py}}
          new_cluster:
            spark_version: 15.4.x-scala2.12
            instance_pool_id: ${{var.pool}}
            policy_id: ${{var.rules}}
            num_workers: 1
"""


@pytest.fixture
def client(workspace: Any) -> Any:
    return workspace.client("dev")


@pytest.fixture
def name() -> str:
    return f"compute-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any, name: str) -> Iterator[BundleUnderTest]:
    made = BundleUnderTest(folder=tmp_path, name=name, environment=workspace.environment("dev"))
    yield made
    made("destroy", "--auto-approve", code=None)


def test_look_ups_find_compute_and_a_cluster_follows_its_bundle(
    bundle: BundleUnderTest, client: Any, name: str
) -> None:
    def write(workers: int, started: str) -> None:
        text = BUNDLE.format(name=name, workers=workers, started=started)
        (bundle.folder / "databricks.yml").write_text(text)

    write(1, "true")
    missing = bundle("validate", code=1)
    assert f"named '{name}' does not exist" in missing.err

    pool = client.instance_pools.create(name, "i3.xlarge").instance_pool_id
    rules = client.cluster_policies.create(name=name, definition="{}").policy_id
    house = client.clusters.create(
        cluster_name=name, spark_version="15.4.x-scala2.12", instance_pool_id=pool, num_workers=1
    ).cluster_id

    bundle("deploy")
    made = bundle("summary", "-o", "json").data["resources"]
    own = made["clusters"]["own"]["id"]
    job = client.jobs.get(int(made["jobs"]["report"]["id"])).settings
    tasks = {one.task_key: one for one in job.tasks}
    assert tasks["on_one"].existing_cluster_id == house
    assert tasks["on_own"].existing_cluster_id == own
    assert tasks["from_pool"].new_cluster.instance_pool_id == pool
    assert tasks["from_pool"].new_cluster.policy_id == rules
    assert bundle("plan", "--detailed-exitcode").code == 0

    write(3, "true")
    planned = bundle("plan", "-o", "json").data["plan"]["resources.clusters.own"]
    assert planned["action"] == "resize"
    bundle("deploy")
    grown = client.clusters.get(own)
    assert (grown.num_workers, grown.state) == (3, State.RUNNING)

    write(3, "false")
    bundle("deploy")
    assert client.clusters.get(own).state is State.TERMINATED
    assert bundle("plan", "--detailed-exitcode").code == 0
    bundle("destroy", "--auto-approve")
    assert own not in {one.cluster_id for one in client.clusters.list()}
    client.clusters.permanent_delete(house)
    client.cluster_policies.delete(rules)
    client.instance_pools.delete(pool)
