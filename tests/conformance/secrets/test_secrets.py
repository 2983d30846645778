"""Secret scopes, driven by the official SDK."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import AclPermission


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


def value(client: WorkspaceClient, scope: str, key: str) -> bytes:
    return base64.b64decode(client.secrets.get_secret(scope, key).value or "")


@pytest.mark.documented
def test_text_and_bytes_come_back(client: WorkspaceClient, scope: str) -> None:
    client.secrets.put_secret(scope, "text", string_value="schön")
    binary = bytes(range(256))
    client.secrets.put_secret(scope, "bytes", bytes_value=base64.b64encode(binary).decode())
    assert value(client, scope, "text") == "schön".encode()
    assert value(client, scope, "bytes") == binary
    listed = list(client.secrets.list_secrets(scope))
    assert [one.key for one in listed] == ["bytes", "text"]
    client.secrets.delete_secret(scope, "text")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.get_secret(scope, "text")


@pytest.mark.documented
def test_a_value_is_wanted(client: WorkspaceClient, scope: str) -> None:
    with pytest.raises(BadRequest):
        client.secrets.put_secret(scope, "nothing")


@pytest.mark.documented
def test_scopes_exist_once_and_are_missed(client: WorkspaceClient, scope: str) -> None:
    with pytest.raises(DatabricksError, match=f"Scope {scope} already exists"):
        client.secrets.create_scope(scope)
    assert scope in {one.name for one in client.secrets.list_scopes()}
    with pytest.raises(ResourceDoesNotExist):
        list(client.secrets.list_secrets("no-such-scope"))


@pytest.mark.documented
def test_rights_on_a_scope_are_levels(client: WorkspaceClient, scope: str, somebody: Any) -> None:
    client.secrets.put_secret(scope, "k", string_value="v")
    robot = somebody()
    who = robot.current_user.me().user_name
    with pytest.raises(PermissionDenied):
        robot.secrets.get_secret(scope, "k")
    assert scope not in {one.name for one in robot.secrets.list_scopes()}
    client.secrets.put_acl(scope, who, AclPermission.READ)
    assert value(robot, scope, "k") == b"v"
    with pytest.raises(PermissionDenied):
        robot.secrets.put_secret(scope, "k", string_value="w")
    client.secrets.put_acl(scope, who, AclPermission.WRITE)
    robot.secrets.put_secret(scope, "k", string_value="w")
    with pytest.raises(PermissionDenied):
        robot.secrets.put_acl(scope, who, AclPermission.MANAGE)
    client.secrets.delete_acl(scope, who)
    with pytest.raises(PermissionDenied):
        robot.secrets.get_secret(scope, "k")


@pytest.mark.documented
def test_a_scope_belongs_to_its_workspace(
    workspace: Any, client: WorkspaceClient, scope: str
) -> None:
    client.secrets.put_secret(scope, "k", string_value="v")
    with pytest.raises(ResourceDoesNotExist):
        workspace.client("prod").secrets.get_secret(scope, "k")
