"""Database instances, by the official SDK: settings, children, roles, rights, credentials."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, BadRequest, NotFound, PermissionDenied
from databricks.sdk.service.database import (
    CustomTag,
    DatabaseInstance,
    DatabaseInstanceRef,
    DatabaseInstanceRole,
    DatabaseInstanceRoleAttributes,
    DatabaseInstanceRoleIdentityType,
)
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def name() -> str:
    return f"home-{uuid.uuid4().hex[:8]}"


@pytest.mark.documented
def test_an_instance_is_available_at_once_and_has_the_services_defaults(
    client: WorkspaceClient, name: str
) -> None:
    tags = [CustomTag(key="of", value="us")]
    wanted = DatabaseInstance(name=name, capacity="CU_2", custom_tags=tags)
    made = client.database.create_database_instance_and_wait(wanted)
    assert (made.state.value, made.capacity, made.effective_capacity) == (
        "AVAILABLE",
        "CU_2",
        "CU_2",
    )
    assert (made.effective_node_count, made.effective_retention_window_in_days) == (1, 7)
    assert (made.effective_stopped, made.effective_enable_pg_native_login) == (False, False)
    assert made.pg_version == "PG_VERSION_16"
    assert made.creator == client.current_user.me().user_name
    assert made.read_write_dns
    assert made.read_only_dns is None
    assert client.database.find_database_instance_by_uid(uid=made.uid).name == name
    assert name in {one.name for one in client.database.list_database_instances()}
    with pytest.raises(AlreadyExists):
        client.database.create_database_instance(wanted)

    changed = client.database.update_database_instance(
        name, DatabaseInstance(name=name, stopped=True, capacity="CU_4"), "*"
    )
    assert (changed.state.value, changed.capacity, changed.uid) == ("STOPPED", "CU_4", made.uid)
    assert changed.effective_custom_tags == tags
    client.database.update_database_instance(
        name, DatabaseInstance(name=name, stopped=False, capacity="CU_8"), "stopped"
    )
    seen = client.database.get_database_instance(name)
    assert (seen.state.value, seen.capacity) == ("AVAILABLE", "CU_4")

    client.database.delete_database_instance(name, purge=True)
    for gone in (client.database.get_database_instance, client.database.delete_database_instance):
        with pytest.raises(NotFound):
            gone(name)


@pytest.mark.documented
def test_an_instance_made_from_another_keeps_it_from_being_deleted(
    client: WorkspaceClient, name: str
) -> None:
    make = client.database.create_database_instance_and_wait
    parent = make(DatabaseInstance(name=name))
    ref = DatabaseInstanceRef(name=name)
    assert (parent.capacity, parent.effective_capacity) == (None, "CU_1")
    child = make(DatabaseInstance(name=f"{name}-child", parent_instance_ref=ref))
    assert child.parent_instance_ref.uid == parent.uid
    refs = client.database.get_database_instance(name).child_instance_refs
    assert [(one.name, one.uid) for one in refs] == [(child.name, child.uid)]
    with pytest.raises(BadRequest, match="force=true"):
        client.database.delete_database_instance(name)
    with pytest.raises(BadRequest, match="purge"):
        client.database.delete_database_instance(name, purge=False)
    client.database.delete_database_instance(name, force=True)
    with pytest.raises(NotFound):
        client.database.get_database_instance(child.name)


@pytest.mark.documented
def test_roles_are_kept_in_their_instance(client: WorkspaceClient, name: str) -> None:
    client.database.create_database_instance(DatabaseInstance(name=name))
    role = DatabaseInstanceRole(
        name="app",
        identity_type=DatabaseInstanceRoleIdentityType.PG_ONLY,
        attributes=DatabaseInstanceRoleAttributes(createdb=True),
    )
    made = client.database.create_database_instance_role(name, role)
    assert (made.effective_attributes.createdb, made.effective_attributes.bypassrls) == (
        True,
        False,
    )
    assert client.database.get_database_instance_role(name, "app") == made
    assert [one.name for one in client.database.list_database_instance_roles(name)] == ["app"]
    with pytest.raises(AlreadyExists):
        client.database.create_database_instance_role(name, role)
    client.database.delete_database_instance_role(name, "app")
    client.database.delete_database_instance_role(name, "app", allow_missing=True)
    with pytest.raises(NotFound):
        client.database.delete_database_instance_role(name, "app")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (DatabaseInstance(name="1st"), "name"),
        (DatabaseInstance(name="a--b"), "name"),
        (DatabaseInstance(name="fine", capacity="CU_3"), "capacity"),
        (DatabaseInstance(name="fine", retention_window_in_days=1), "between 2 and 35"),
    ],
)
def test_what_an_instance_cannot_have_is_refused(
    client: WorkspaceClient, wrong: DatabaseInstance, said: str
) -> None:
    with pytest.raises(BadRequest, match=said):
        client.database.create_database_instance(wrong)


@pytest.mark.documented
def test_an_instance_is_its_makers_until_it_is_shared(
    client: WorkspaceClient, name: str, somebody: Any
) -> None:
    robot = somebody()
    client.database.create_database_instance(DatabaseInstance(name=name))
    with pytest.raises(PermissionDenied):
        robot.database.get_database_instance(name)
    assert name not in {one.name for one in robot.database.list_database_instances()}
    entry = AccessControlRequest(
        service_principal_name=robot.current_user.me().user_name,
        permission_level=PermissionLevel.CAN_USE,
    )
    client.permissions.update("database-instances", name, access_control_list=[entry])
    assert robot.database.get_database_instance(name).name == name
    with pytest.raises(PermissionDenied, match="CAN_MANAGE"):
        robot.database.delete_database_instance(name)
    with pytest.raises(PermissionDenied, match="No PostgreSQL runs"):
        robot.database.generate_database_credential(instance_names=[name])


@pytest.mark.belief
def test_rights_on_an_instance_end_with_it(
    client: WorkspaceClient, name: str, somebody: Any
) -> None:
    robot = somebody()
    robot.database.create_database_instance(DatabaseInstance(name=name))
    assert robot.database.get_database_instance(name).name == name
    robot.database.delete_database_instance(name)
    client.database.create_database_instance(DatabaseInstance(name=name))
    with pytest.raises(PermissionDenied):
        robot.database.get_database_instance(name)
