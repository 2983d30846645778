"""Object permissions on folders, files and notebooks, driven by the official SDK."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.workspace import ImportFormat


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def folder(client: WorkspaceClient) -> str:
    path = f"/Users/{client.current_user.me().user_name}/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(path)
    client.workspace.upload(f"{path}/x.txt", b"x", format=ImportFormat.AUTO)
    return path


def identifier(client: WorkspaceClient, path: str) -> str:
    return str(client.workspace.get_status(path).object_id)


def grant(robot: WorkspaceClient, level: PermissionLevel) -> AccessControlRequest:
    name = robot.current_user.me().user_name
    return AccessControlRequest(service_principal_name=name, permission_level=level)


@pytest.mark.documented
def test_rights_on_a_folder_reach_what_is_in_it(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    robot = somebody()
    with pytest.raises(PermissionDenied):
        robot.workspace.get_status(f"{folder}/x.txt")
    entry = grant(robot, PermissionLevel.CAN_READ)
    client.permissions.update(
        "directories", identifier(client, folder), access_control_list=[entry]
    )
    with robot.workspace.download(f"{folder}/x.txt") as file:
        assert file.read() == b"x"
    with pytest.raises(PermissionDenied):
        robot.workspace.upload(f"{folder}/x.txt", b"y", format=ImportFormat.AUTO, overwrite=True)
    shown = client.permissions.get("files", identifier(client, f"{folder}/x.txt"))
    mine = next(
        one
        for one in shown.access_control_list
        if one.service_principal_name == entry.service_principal_name
    )
    assert [(one.permission_level, one.inherited) for one in mine.all_permissions] == [
        (PermissionLevel.CAN_READ, True)
    ]


@pytest.mark.documented
def test_who_may_edit_may_write_and_owns_what_they_make(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    robot = somebody()
    entry = grant(robot, PermissionLevel.CAN_EDIT)
    client.permissions.update(
        "directories", identifier(client, folder), access_control_list=[entry]
    )
    robot.workspace.upload(f"{folder}/theirs.txt", b"1", format=ImportFormat.AUTO)
    with pytest.raises(PermissionDenied):
        robot.workspace.delete(f"{folder}/x.txt")
    robot.workspace.delete(f"{folder}/theirs.txt")
    with pytest.raises(PermissionDenied):
        robot.permissions.update(
            "directories", identifier(client, folder), access_control_list=[entry]
        )


@pytest.mark.documented
def test_set_replaces_and_update_merges(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    one, other = somebody(), somebody()
    subject = identifier(client, folder)
    client.permissions.update(
        "directories", subject, access_control_list=[grant(one, PermissionLevel.CAN_RUN)]
    )
    client.permissions.update(
        "directories", subject, access_control_list=[grant(other, PermissionLevel.CAN_READ)]
    )
    client.workspace.get_status(folder)
    one.workspace.get_status(folder)
    client.permissions.set(
        "directories", subject, access_control_list=[grant(other, PermissionLevel.CAN_READ)]
    )
    other.workspace.get_status(folder)
    with pytest.raises(PermissionDenied):
        one.workspace.get_status(folder)


@pytest.mark.documented
def test_administrators_manage_everything_by_inheritance(
    client: WorkspaceClient, folder: str
) -> None:
    shown = client.permissions.get("directories", identifier(client, folder))
    admins = next(one for one in shown.access_control_list if one.group_name == "admins")
    assert (PermissionLevel.CAN_MANAGE, True) in {
        (one.permission_level, one.inherited) for one in admins.all_permissions
    }
    assert shown.object_id == f"/directories/{identifier(client, folder)}"


@pytest.mark.documented
def test_levels_are_listed_and_others_refused(client: WorkspaceClient, folder: str) -> None:
    subject = identifier(client, folder)
    listed = client.permissions.get_permission_levels("directories", subject)
    assert {one.permission_level.value for one in listed.permission_levels} == {
        "CAN_READ",
        "CAN_RUN",
        "CAN_EDIT",
        "CAN_MANAGE",
    }
    wrong = AccessControlRequest(group_name="users", permission_level=PermissionLevel.CAN_BIND)
    with pytest.raises(BadRequest):
        client.permissions.update("directories", subject, access_control_list=[wrong])


@pytest.mark.documented
def test_unknown_principals_and_objects_are_refused(client: WorkspaceClient, folder: str) -> None:
    ghost = AccessControlRequest(
        user_name="nobody@example.com", permission_level=PermissionLevel.CAN_READ
    )
    with pytest.raises(BadRequest, match="does not exist"):
        client.permissions.update(
            "directories", identifier(client, folder), access_control_list=[ghost]
        )
    with pytest.raises(NotFound):
        client.permissions.get("directories", "123456789")


@pytest.mark.belief
def test_a_folder_made_again_has_none_of_the_old_rights(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    robot = somebody()
    entry = grant(robot, PermissionLevel.CAN_READ)
    client.permissions.update(
        "directories", identifier(client, folder), access_control_list=[entry]
    )
    client.workspace.delete(folder, recursive=True)
    client.workspace.mkdirs(folder)
    with pytest.raises(PermissionDenied):
        robot.workspace.get_status(folder)
