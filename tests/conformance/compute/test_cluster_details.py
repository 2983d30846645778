"""Clusters through the SDK: masks, filters, pages of events, pins, libraries, who may make one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    InvalidState,
    PermissionDenied,
)
from databricks.sdk.service.compute import (
    ClusterSource,
    DataSecurityMode,
    Library,
    LibraryInstallStatus,
    ListClustersFilterBy,
    PythonPyPiLibrary,
    State,
    UpdateClusterResource,
)
from databricks.sdk.service.iam import Patch, PatchOp, PatchSchema

pytestmark = pytest.mark.documented

SMALL: dict[str, Any] = {
    "spark_version": "15.4.x-scala2.12",
    "node_type_id": "i3.xlarge",
    "num_workers": 1,
}


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def cluster(client: WorkspaceClient) -> Iterator[str]:
    name = f"compute {uuid.uuid4().hex[:8]}"
    mode = DataSecurityMode.DATA_SECURITY_MODE_DEDICATED
    made = client.clusters.create(
        cluster_name=name, data_security_mode=mode, apply_policy_default_values=True, **SMALL
    )
    yield str(made.cluster_id)
    client.clusters.permanent_delete(made.cluster_id)


def test_a_mask_names_what_changes(client: WorkspaceClient, cluster: str) -> None:
    before = client.clusters.get(cluster)
    me = client.current_user.me().user_name
    assert (before.data_security_mode, before.single_user_name) == (
        DataSecurityMode.SINGLE_USER,
        me,
    )
    assert (before.creator_user_name, before.spec.apply_policy_default_values) == (me, True)
    wanted = UpdateClusterResource(num_workers=5, spark_conf={"a": "b"}, cluster_name="not this")
    client.clusters.update(cluster, "num_workers,spark_conf", cluster=wanted)
    after = client.clusters.get(cluster)
    assert (after.num_workers, after.spark_conf) == (5, {"a": "b"})
    assert after.cluster_name == before.cluster_name
    assert after.last_restarted_time
    with pytest.raises(InvalidParameterValue, match="no field state"):
        client.clusters.update(cluster, "state")


def test_lists_are_filtered_and_have_pages(client: WorkspaceClient, cluster: str) -> None:
    def listed(**by: Any) -> set[str | None]:
        found = client.clusters.list(filter_by=ListClustersFilterBy(**by), page_size=1)
        return {one.cluster_id for one in found}

    assert cluster in listed(cluster_sources=[ClusterSource.UI, ClusterSource.API])
    assert cluster not in listed(cluster_sources=[ClusterSource.JOB])
    assert cluster not in listed(cluster_states=[State.TERMINATED])
    assert cluster not in listed(is_pinned=True)
    client.clusters.pin(cluster)
    assert cluster in listed(is_pinned=True)
    client.clusters.unpin(cluster)
    old = client.api_client.do("GET", "/api/2.0/clusters/list")
    assert cluster in {one["cluster_id"] for one in old["clusters"]}

    types = ["CREATING", "RUNNING", "PINNED", "UNPINNED"]
    for paged in ({"limit": 1}, {"page_size": 1}):
        found = [one.type.value for one in client.clusters.events(cluster, **paged)]
        assert found == types[::-1]


def test_another_owner_is_named_while_it_is_stopped(client: WorkspaceClient, cluster: str) -> None:
    me = str(client.current_user.me().user_name)
    with pytest.raises(InvalidState):
        client.clusters.change_owner(cluster, me)
    stopped = client.clusters.delete_and_wait(cluster)
    assert stopped.termination_reason.parameters == {"username": me}
    with pytest.raises(InvalidParameterValue, match="nobody@localhost"):
        client.clusters.change_owner(cluster, "nobody@localhost")
    client.clusters.change_owner(cluster, me)
    assert client.clusters.get(cluster).creator_user_name == me


@pytest.mark.belief
def test_libraries_are_kept_and_said_to_be_skipped(client: WorkspaceClient, cluster: str) -> None:
    faker = Library(pypi=PythonPyPiLibrary(package="faker"))
    wheel = Library(whl="/Volumes/dev/a/b/c.whl")
    client.libraries.install(cluster, [faker, wheel])
    client.libraries.install(cluster, [faker])

    def statuses() -> dict[str, Any]:
        found = client.libraries.cluster_status(cluster)
        return {str(one.library.as_dict()): one.status for one in found}

    wanted = {str(one.as_dict()): LibraryInstallStatus.SKIPPED for one in (wheel, faker)}
    assert statuses() == wanted
    listed = {one.cluster_id for one in client.libraries.all_cluster_statuses()}
    assert cluster in listed
    client.libraries.uninstall(cluster, [faker])
    assert statuses()[str(faker.as_dict())] is LibraryInstallStatus.UNINSTALL_ON_RESTART
    client.clusters.restart(cluster)
    assert set(statuses()) == {str(wheel.as_dict())}
    with pytest.raises(InvalidParameterValue, match="exactly one of"):
        client.libraries.install(cluster, [Library()])


def test_without_a_policy_it_takes_an_entitlement(client: WorkspaceClient, somebody: Any) -> None:
    robot: WorkspaceClient = somebody()
    with pytest.raises(PermissionDenied, match="allow-cluster-create"):
        robot.clusters.create(**SMALL)
    client.service_principals.patch(
        str(robot.current_user.me().id),
        operations=[
            Patch(op=PatchOp.ADD, path="entitlements", value=[{"value": "allow-cluster-create"}])
        ],
        schemas=[PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    made = robot.clusters.create(**SMALL)
    robot.clusters.permanent_delete(made.cluster_id)


def test_commands_on_a_cluster_are_refused(client: WorkspaceClient, cluster: str) -> None:
    with pytest.raises(PermissionDenied, match="runs no commands"):
        client.command_execution.create(cluster_id=cluster)
