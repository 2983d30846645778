"""Users, groups and service principals, driven by the official SDK."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, DatabricksError, NotFound, PermissionDenied
from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp, PatchSchema

SCHEMA = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]


def name() -> str:
    return f"user-{uuid.uuid4().hex[:8]}@example.com"


@pytest.mark.documented
def test_the_default_identities_deploy_to_their_own_workspaces(workspace: Any) -> None:
    person = workspace.client("dev").current_user.me()
    assert person.user_name.endswith("@localhost")
    for environment in ("staging", "prod"):
        client = workspace.client(environment)
        me = client.current_user.me()
        expected = uuid.uuid5(uuid.NAMESPACE_DNS, f"deployer.{environment}.brickyard.localhost")
        assert (me.user_name, me.display_name) == (str(expected), f"deployer-{environment}")
        assert {group.display for group in me.groups} == {"admins", "users"}
        robots = {one.display_name for one in client.service_principals.list()}
        assert robots == {f"deployer-{environment}"}
        assert person.user_name in {one.user_name for one in client.users.list()}


@pytest.mark.documented
def test_a_user_is_created_found_changed_and_removed(workspace: Any) -> None:
    users = workspace.client("dev").users
    made = users.create(user_name=name(), display_name="Ada Lovelace", active=True)
    assert users.get(made.id).display_name == "Ada Lovelace"
    found = list(users.list(filter=f'userName eq "{made.user_name}"'))
    assert [one.id for one in found] == [made.id]
    patch = [Patch(op=PatchOp.REPLACE, path="displayName", value="Ada")]
    users.patch(made.id, operations=patch, schemas=SCHEMA)
    assert users.get(made.id).display_name == "Ada"
    users.delete(made.id)
    with pytest.raises(NotFound):
        users.get(made.id)


@pytest.mark.documented
def test_a_second_user_of_the_same_name_is_refused(workspace: Any) -> None:
    users = workspace.client("dev").users
    made = users.create(user_name=name())
    with pytest.raises(DatabricksError, match="already exists"):
        users.create(user_name=made.user_name)
    users.delete(made.id)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('displayName sw "filter-"', {"filter-a", "filter-b"}),
        ('displayName co "ilter-A"', {"filter-a"}),
        ('displayName eq "filter-a" or displayName eq "filter-b"', {"filter-a", "filter-b"}),
        ('displayName sw "filter-" and not (displayName ew "a")', {"filter-b"}),
        ('displayName eq "nobody"', set()),
    ],
)
def test_lists_are_filtered(workspace: Any, text: str, matches: set[str]) -> None:
    groups = workspace.client("dev").groups
    made = [groups.create(display_name=one) for one in ("filter-a", "filter-b")]
    try:
        assert {one.display_name for one in groups.list(filter=text)} == matches
    finally:
        for one in made:
            groups.delete(one.id)


@pytest.mark.documented
def test_a_filter_that_cannot_be_read_is_refused(workspace: Any) -> None:
    with pytest.raises(BadRequest, match="Invalid filter"):
        list(workspace.client("dev").users.list(filter="userName is ada"))


@pytest.mark.belief
@pytest.mark.parametrize("name", ["..", ".", "a/../b", "x" * 300, "a\x00b", "a\nb"])
def test_a_name_that_no_folder_can_have_is_refused(workspace: Any, name: str) -> None:
    client = workspace.client("dev")
    with pytest.raises(BadRequest, match="userName cannot be"):
        client.users.create(user_name=name)
    with pytest.raises(BadRequest, match="applicationId cannot be"):
        client.service_principals.create(application_id=name, display_name="odd")


@pytest.mark.documented
def test_members_join_and_leave_a_group_by_patches(workspace: Any) -> None:
    client = workspace.client("dev")
    user = client.users.create(user_name=name())
    inner = client.groups.create(display_name=f"inner-{uuid.uuid4().hex[:6]}")
    outer = client.groups.create(
        display_name=f"outer-{uuid.uuid4().hex[:6]}", members=[ComplexValue(value=inner.id)]
    )
    joined = [Patch(op=PatchOp.ADD, path="members", value=[{"value": user.id}])]
    client.groups.patch(inner.id, operations=joined, schemas=SCHEMA)
    assert [one.value for one in client.groups.get(inner.id).members] == [user.id]
    assert inner.display_name in {one.display for one in client.users.get(user.id).groups}
    circle = [Patch(op=PatchOp.ADD, path="members", value=[{"value": outer.id}])]
    with pytest.raises(BadRequest, match="cannot contain itself"):
        client.groups.patch(inner.id, operations=circle, schemas=SCHEMA)
    left = [Patch(op=PatchOp.REMOVE, path=f'members[value eq "{user.id}"]')]
    client.groups.patch(inner.id, operations=left, schemas=SCHEMA)
    assert not client.groups.get(inner.id).members
    for one in (inner, outer):
        client.groups.delete(one.id)
    client.users.delete(user.id)


@pytest.mark.documented
def test_pages_cover_the_list_once(workspace: Any) -> None:
    groups = workspace.client("dev").groups
    made = [groups.create(display_name=f"page-{number}") for number in range(5)]
    listed = [one.display_name for one in groups.list(filter='displayName sw "page-"', count=2)]
    assert listed == [f"page-{number}" for number in range(5)]
    for one in made:
        groups.delete(one.id)


@pytest.mark.documented
def test_only_administrators_change_identities(somebody: Any) -> None:
    robot = somebody()
    with pytest.raises(PermissionDenied):
        robot.users.create(user_name=name())
    with pytest.raises(PermissionDenied):
        robot.groups.create(display_name="mine")
    assert list(robot.users.list())


@pytest.mark.belief
def test_a_group_is_changed_only_from_the_workspace_that_made_it(workspace: Any) -> None:
    made = workspace.client("prod").groups.create(display_name=f"g-{uuid.uuid4().hex[:6]}")
    dev = workspace.client("dev")
    assert dev.groups.get(made.id).display_name == made.display_name
    with pytest.raises(PermissionDenied, match="managed from the workspace 'prod'"):
        dev.groups.delete(made.id)
    workspace.client("prod").groups.delete(made.id)


@pytest.mark.belief
def test_the_last_administrator_stays(workspace: Any) -> None:
    client = workspace.client("dev")
    admins = next(iter(client.groups.list(filter='displayName eq "admins"')))
    emptied = [Patch(op=PatchOp.REMOVE, path="members")]
    with pytest.raises(BadRequest, match="administrator"):
        client.groups.patch(admins.id, operations=emptied, schemas=SCHEMA)
    with pytest.raises(BadRequest, match="administrator"):
        client.users.delete(client.current_user.me().id)


@pytest.mark.documented
def test_a_deactivated_identity_is_refused_at_once(workspace: Any, somebody: Any) -> None:
    robot = somebody()
    me = robot.current_user.me()
    stop = [Patch(op=PatchOp.REPLACE, path="active", value=False)]
    principals = workspace.client("dev").service_principals
    principals.patch(me.id, operations=stop, schemas=SCHEMA)
    with pytest.raises(PermissionDenied, match="deactivated"):
        robot.current_user.me()


@pytest.mark.belief
def test_an_administrator_of_one_workspace_cannot_become_one_of_another(
    workspace: Any, somebody: Any
) -> None:
    admin = workspace.client("dev")
    robot = somebody()
    admins = next(iter(admin.groups.list(filter='displayName eq "admins"')))
    me = robot.current_user.me()
    joined = [Patch(op=PatchOp.ADD, path="members", value=[{"value": me.id}])]
    admin.groups.patch(admins.id, operations=joined, schemas=SCHEMA)
    deployer = workspace.client("prod").current_user.me()
    added = robot.service_principals.create(application_id=deployer.user_name)
    try:
        with pytest.raises(PermissionDenied, match="administrator of every workspace"):
            robot.service_principal_secrets_proxy.create(added.id)
        stop = [Patch(op=PatchOp.REPLACE, path="active", value=False)]
        with pytest.raises(PermissionDenied, match="other workspaces"):
            robot.service_principals.patch(added.id, operations=stop, schemas=SCHEMA)
    finally:
        robot.service_principals.delete(added.id)
    assert workspace.client("prod").current_user.me().active
    left = [Patch(op=PatchOp.REMOVE, path=f'members[value eq "{me.id}"]')]
    admin.groups.patch(admins.id, operations=left, schemas=SCHEMA)
