"""Rules of scopes, keys and access lists, driven by the official SDK."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, DatabricksError, ResourceDoesNotExist
from databricks.sdk.service.workspace import AclPermission, ScopeBackendType

pytestmark = pytest.mark.documented


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def scope(client: WorkspaceClient) -> Iterator[str]:
    name = f"scope-{uuid.uuid4().hex[:8]}"
    client.secrets.create_scope(name)
    yield name
    client.secrets.delete_scope(name)


def test_who_makes_a_scope_manages_it_and_its_list_is_kept(
    client: WorkspaceClient, scope: str, somebody: Callable[..., WorkspaceClient]
) -> None:
    me, robot = client.current_user.me().user_name, somebody()
    who = robot.current_user.me().user_name
    assert client.secrets.get_acl(scope, me).permission is AclPermission.MANAGE
    client.secrets.put_acl(scope, who, AclPermission.READ)
    client.secrets.put_acl(scope, who, AclPermission.MANAGE)
    listed = {one.principal: one.permission for one in client.secrets.list_acls(scope)}
    assert listed == {me: AclPermission.MANAGE, who: AclPermission.MANAGE}
    robot.secrets.put_secret(scope, "k", string_value="theirs")
    robot.secrets.delete_acl(scope, who)
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.get_acl(scope, who)
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.put_acl(scope, "nobody@example.com", AclPermission.READ)


def test_a_scope_may_be_managed_by_everybody(
    client: WorkspaceClient, somebody: Callable[..., WorkspaceClient]
) -> None:
    name = f"scope-{uuid.uuid4().hex[:8]}"
    client.secrets.create_scope(name, initial_manage_principal="users")
    robot = somebody()
    robot.secrets.put_secret(name, "k", string_value="v")
    robot.secrets.delete_scope(name)
    with pytest.raises(BadRequest):
        client.secrets.create_scope(name, initial_manage_principal="admins")


def test_a_group_is_given_rights_for_all_its_members(
    client: WorkspaceClient, scope: str, somebody: Callable[..., WorkspaceClient]
) -> None:
    robot = somebody()
    client.secrets.put_secret(scope, "k", string_value="v")
    client.secrets.put_acl(scope, "users", AclPermission.READ)
    got = robot.secrets.get_secret(scope, "k").value
    assert base64.b64decode(got or "") == b"v"


@pytest.mark.parametrize("name", ["", "a/b", "x" * 129, "ä!"])
def test_names_have_their_alphabet(client: WorkspaceClient, scope: str, name: str) -> None:
    with pytest.raises(BadRequest):
        client.secrets.create_scope(name)
    with pytest.raises(BadRequest):
        client.secrets.put_secret(scope, name, string_value="v")


def test_a_value_has_a_largest_size_and_may_be_written_again(
    client: WorkspaceClient, scope: str
) -> None:
    client.secrets.put_secret(scope, "k", string_value="x" * 128 * 1024)
    with pytest.raises(DatabricksError, match="128 KB"):
        client.secrets.put_secret(scope, "k", string_value="x" * (128 * 1024 + 1))
    client.secrets.put_secret(scope, "k", string_value="short")
    assert base64.b64decode(client.secrets.get_secret(scope, "k").value or "") == b"short"
    assert len(list(client.secrets.list_secrets(scope))) == 1
    with pytest.raises(BadRequest, match="base64"):
        client.secrets.put_secret(scope, "k", bytes_value="not base64!")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.delete_secret(scope, "nothing")


def test_scopes_of_other_stores_are_refused(client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="DATABRICKS"):
        client.secrets.create_scope("vault", scope_backend_type=ScopeBackendType.AZURE_KEYVAULT)


@pytest.mark.belief
def test_a_value_is_nowhere_on_disk_in_the_clear(
    workspace: Any, client: WorkspaceClient, scope: str
) -> None:
    value = f"hunter2-{uuid.uuid4().hex}"
    client.secrets.put_secret(scope, "k", string_value=value)
    files = [path for path in workspace.home.rglob("*") if path.is_file()]
    needles = (value.encode(), base64.b64encode(value.encode()))
    assert files
    for path in files:
        content = path.read_bytes() if path.stat().st_size < 50_000_000 else b""
        assert not any(needle in content for needle in needles), path
