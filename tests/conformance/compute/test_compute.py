"""Clusters, instance pools and cluster policies through the SDK: kept, ordered, permitted."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    InvalidState,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service.compute import AutoScale, State
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

pytestmark = pytest.mark.documented

SMALL: dict[str, Any] = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge"}


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    return workspace.client("dev")


@pytest.fixture
def name() -> str:
    return f"compute {uuid.uuid4().hex[:8]}"


def test_a_cluster_goes_through_its_states(client: WorkspaceClient, name: str) -> None:
    made = client.clusters.create_and_wait(cluster_name=name, num_workers=1, **SMALL)
    assert (made.state, made.cluster_name, made.num_workers) == (State.RUNNING, name, 1)
    assert made.driver_node_type_id == "i3.xlarge"
    client.clusters.start(made.cluster_id)  # nothing happens to one that runs
    scale = AutoScale(min_workers=1, max_workers=3)
    grown = client.clusters.resize_and_wait(made.cluster_id, autoscale=scale)
    assert (grown.autoscale, grown.num_workers) == (scale, None)

    ended = client.clusters.delete_and_wait(made.cluster_id)
    assert ended.state is State.TERMINATED
    with pytest.raises(InvalidState, match="unexpected state Terminated"):
        client.clusters.resize(made.cluster_id, num_workers=2)
    client.clusters.edit(made.cluster_id, cluster_name=name + " 2", num_workers=2, **SMALL)
    edited = client.clusters.get(made.cluster_id)
    assert (edited.cluster_name, edited.num_workers, edited.state) == (
        name + " 2",
        2,
        State.TERMINATED,
    )
    client.clusters.ensure_cluster_is_running(made.cluster_id)
    events = [one.type.value for one in client.clusters.events(made.cluster_id)]
    assert events[:2] == ["RUNNING", "STARTING"]
    assert events[-1] == "CREATING"

    assert made.cluster_id in {one.cluster_id for one in client.clusters.list()}
    client.clusters.permanent_delete(made.cluster_id)
    with pytest.raises(ResourceDoesNotExist, match=f"Cluster {made.cluster_id} does not exist"):
        client.clusters.get(made.cluster_id)
    with pytest.raises(InvalidParameterValue):
        client.clusters.permanent_delete(made.cluster_id)


def test_the_sdk_finds_a_runtime_and_a_node_type(client: WorkspaceClient) -> None:
    assert client.clusters.select_spark_version(long_term_support=True, latest=True)
    assert client.clusters.select_spark_version(ml=True, long_term_support=True)
    assert client.clusters.select_node_type(local_disk=True, min_cores=4)


def test_a_pool_is_kept_edited_and_named_by_clusters(client: WorkspaceClient, name: str) -> None:
    made = client.instance_pools.create(name, "i3.xlarge", custom_tags={"team": "data"})
    pool = client.instance_pools.get(made.instance_pool_id)
    assert (pool.instance_pool_name, pool.idle_instance_autotermination_minutes) == (name, 60)
    with pytest.raises(InvalidParameterValue, match="already exists"):
        client.instance_pools.create(name, "i3.xlarge")
    with pytest.raises(InvalidParameterValue, match="node type"):
        client.instance_pools.edit(made.instance_pool_id, name, "m5d.large")
    client.instance_pools.edit(made.instance_pool_id, name, "i3.xlarge", max_capacity=3)
    edited = client.instance_pools.get(made.instance_pool_id)
    assert (edited.max_capacity, edited.custom_tags) == (3, None)
    with pytest.raises(ResourceDoesNotExist):
        client.clusters.create(
            spark_version="15.4.x-scala2.12", instance_pool_id="none", num_workers=1
        )
    client.instance_pools.delete(made.instance_pool_id)
    assert made.instance_pool_id not in {
        one.instance_pool_id for one in client.instance_pools.list()
    }


def test_a_policy_is_kept_and_holds(client: WorkspaceClient, name: str) -> None:
    rules = {
        "num_workers": {"type": "range", "maxValue": 2},
        "custom_tags.team": {"type": "fixed", "value": "data"},
    }
    with pytest.raises(InvalidParameterValue, match="not valid JSON"):
        client.cluster_policies.create(name=name, definition="{")
    made = client.cluster_policies.create(name=name, definition=json.dumps(rules))
    with pytest.raises(InvalidParameterValue, match="Validation failed for num_workers"):
        client.clusters.create(policy_id=made.policy_id, num_workers=5, **SMALL)
    cluster = client.clusters.create(policy_id=made.policy_id, num_workers=2, **SMALL)
    assert client.clusters.get(cluster.cluster_id).custom_tags == {"team": "data"}
    client.clusters.permanent_delete(cluster.cluster_id)
    client.cluster_policies.edit(made.policy_id, name=name + " 2", definition="{}")
    found = {one.policy_id: one.name for one in client.cluster_policies.list()}
    assert found[made.policy_id] == name + " 2"
    client.cluster_policies.delete(made.policy_id)
    with pytest.raises(ResourceDoesNotExist):
        client.cluster_policies.get(made.policy_id)


def test_only_who_may_use_compute_uses_it(
    client: WorkspaceClient, somebody: Any, name: str
) -> None:
    other: WorkspaceClient = somebody("dev")
    me = other.current_user.me().user_name
    made = client.clusters.create(cluster_name=name, num_workers=1, **SMALL).response
    assert made.cluster_id not in {one.cluster_id for one in other.clusters.list()}
    for refused in (
        lambda: other.clusters.get(made.cluster_id),
        lambda: other.clusters.create(num_workers=1, **SMALL),
        lambda: other.instance_pools.create(name, "i3.xlarge"),
        lambda: other.cluster_policies.create(name=name, definition="{}"),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    allowed = AccessControlRequest(
        service_principal_name=me, permission_level=PermissionLevel.CAN_RESTART
    )
    client.permissions.update("clusters", made.cluster_id, access_control_list=[allowed])
    other.clusters.restart(made.cluster_id)
    with pytest.raises(PermissionDenied):
        other.clusters.resize(made.cluster_id, num_workers=2)

    policy = client.cluster_policies.create(name=name, definition="{}")
    usable = AccessControlRequest(
        service_principal_name=me, permission_level=PermissionLevel.CAN_USE
    )
    client.permissions.update("cluster-policies", policy.policy_id, access_control_list=[usable])
    own = other.clusters.create(policy_id=policy.policy_id, num_workers=1, **SMALL)
    other.clusters.permanent_delete(own.cluster_id)
