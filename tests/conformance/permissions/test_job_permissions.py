"""Levels, owners and unknown names on jobs, as every type with an owner has them."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, DatabricksError, NotFound, PermissionDenied
from databricks.sdk.service import jobs
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.workspace import ImportFormat

pytestmark = pytest.mark.documented
Level = PermissionLevel


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def job(client: WorkspaceClient) -> Iterator[int]:
    path = f"/Shared/{uuid.uuid4().hex[:8]}.py"
    client.workspace.upload(path, io.BytesIO(b"print('ran')\n"), format=ImportFormat.RAW)
    task = jobs.Task(task_key="a", spark_python_task=jobs.SparkPythonTask(python_file=path))
    made = client.jobs.create(name="permitted", tasks=[task])
    yield int(made.job_id or 0)
    client.jobs.delete(int(made.job_id or 0))


def entry(who: str, level: Level) -> AccessControlRequest:
    return AccessControlRequest(service_principal_name=who, permission_level=level)


def held(client: WorkspaceClient, job: int) -> dict[str, list[tuple[Level, bool]]]:
    """Who has what: level and whether it is inherited."""
    found = client.permissions.get("jobs", str(job))
    assert (found.object_id, found.object_type) == (f"/jobs/{job}", "job")
    return {
        str(one.user_name or one.service_principal_name or one.group_name): [
            (level.permission_level, bool(level.inherited)) for level in one.all_permissions or ()
        ]
        for one in found.access_control_list or ()
    }


def test_each_level_allows_what_it_says(
    client: WorkspaceClient, job: int, somebody: Callable[..., WorkspaceClient]
) -> None:
    robot = somebody()
    who = robot.current_user.me().user_name
    with pytest.raises(PermissionDenied):
        robot.jobs.get(job)
    assert job not in {one.job_id for one in robot.jobs.list()}
    client.permissions.update("jobs", str(job), access_control_list=[entry(who, Level.CAN_VIEW)])
    assert robot.jobs.get(job).settings.name == "permitted"
    with pytest.raises(PermissionDenied):
        robot.jobs.run_now(job)
    client.permissions.update(
        "jobs", str(job), access_control_list=[entry(who, Level.CAN_MANAGE_RUN)]
    )
    run = robot.jobs.run_now(job).result()
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    with pytest.raises(PermissionDenied):
        robot.jobs.update(job, new_settings=jobs.JobSettings(name="mine"))
    with pytest.raises(PermissionDenied):
        robot.permissions.update(
            "jobs", str(job), access_control_list=[entry(who, Level.CAN_MANAGE)]
        )
    client.permissions.update("jobs", str(job), access_control_list=[entry(who, Level.CAN_MANAGE)])
    robot.jobs.update(job, new_settings=jobs.JobSettings(name="mine"))
    assert client.jobs.get(job).settings.name == "mine"


def test_put_replaces_patch_merges_and_one_owner_stays(
    client: WorkspaceClient, job: int, somebody: Callable[..., WorkspaceClient]
) -> None:
    me = str(client.current_user.me().user_name)
    one, other = (str(somebody().current_user.me().user_name) for _ in range(2))
    mine = AccessControlRequest(user_name=me, permission_level=Level.IS_OWNER)
    assert held(client, job)[me] == [(Level.IS_OWNER, False)]
    assert (Level.CAN_MANAGE, True) in held(client, job)["admins"]
    client.permissions.update("jobs", str(job), access_control_list=[entry(one, Level.CAN_VIEW)])
    client.permissions.update("jobs", str(job), access_control_list=[entry(other, Level.CAN_VIEW)])
    assert {me, one, other} <= set(held(client, job))
    client.permissions.set(
        "jobs", str(job), access_control_list=[mine, entry(one, Level.CAN_MANAGE)]
    )
    assert held(client, job)[one] == [(Level.CAN_MANAGE, False)]
    assert other not in held(client, job)
    with pytest.raises(BadRequest, match="exactly one owner"):
        client.permissions.set("jobs", str(job), access_control_list=[entry(one, Level.CAN_VIEW)])
    with pytest.raises(BadRequest, match="exactly one owner"):
        client.permissions.set(
            "jobs", str(job), access_control_list=[mine, entry(one, Level.IS_OWNER)]
        )
    group = AccessControlRequest(group_name="users", permission_level=Level.IS_OWNER)
    with pytest.raises(BadRequest, match="group"):
        client.permissions.set("jobs", str(job), access_control_list=[group])
    client.permissions.update("jobs", str(job), access_control_list=[entry(one, Level.IS_OWNER)])
    assert held(client, job)[one] == [(Level.IS_OWNER, False)]
    assert me not in held(client, job)


def test_what_does_not_exist_is_told(client: WorkspaceClient, job: int) -> None:
    ghost = AccessControlRequest(
        user_name="nobody@example.com", permission_level=PermissionLevel.CAN_VIEW
    )
    with pytest.raises(BadRequest, match=r"nobody@example\.com"):
        client.permissions.update("jobs", str(job), access_control_list=[ghost])
    crowd = AccessControlRequest(group_name="no-such-group", permission_level=Level.CAN_VIEW)
    with pytest.raises(BadRequest, match="no-such-group"):
        client.permissions.update("jobs", str(job), access_control_list=[crowd])
    wrong = AccessControlRequest(group_name="users", permission_level=Level.CAN_ATTACH_TO)
    with pytest.raises(BadRequest, match="CAN_MANAGE_RUN"):
        client.permissions.update("jobs", str(job), access_control_list=[wrong])
    nobody = AccessControlRequest(permission_level=Level.CAN_VIEW)
    with pytest.raises(BadRequest, match="exactly one"):
        client.permissions.update("jobs", str(job), access_control_list=[nobody])
    with pytest.raises(NotFound):
        client.permissions.get("jobs", "123456789")
    with pytest.raises(DatabricksError):
        client.permissions.get("no-such-type", "1")
    levels = client.permissions.get_permission_levels("jobs", str(job)).permission_levels
    assert [one.permission_level for one in levels or ()] == [
        Level.CAN_VIEW,
        Level.CAN_MANAGE_RUN,
        Level.CAN_MANAGE,
        Level.IS_OWNER,
    ]


def test_a_group_shares_its_level_with_its_members(
    client: WorkspaceClient, job: int, somebody: Callable[..., WorkspaceClient]
) -> None:
    everybody = AccessControlRequest(group_name="users", permission_level=Level.CAN_VIEW)
    client.permissions.update("jobs", str(job), access_control_list=[everybody])
    assert somebody().jobs.get(job).job_id == job
