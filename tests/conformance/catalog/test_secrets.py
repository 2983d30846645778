"""Secrets of Unity Catalog: kept, granted, sealed at rest; their value for few."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service.catalog import Secret

VALUE = "s3cret-" + uuid.uuid4().hex


@pytest.fixture
def wanted(workspace: Any) -> Any:
    schema = f"s_{uuid.uuid4().hex[:8]}"
    client = workspace.client("dev")
    client.schemas.create(schema, "dev")
    yield Secret(name="Token", catalog_name="dev", schema_name=schema, value=VALUE, comment="c")
    client.schemas.delete(f"dev.{schema}", force=True)


def grant(client: WorkspaceClient, kind: str, name: str, who: str, *privileges: str) -> None:
    """The SDK's list of privileges does not have those of secrets."""
    body = {"changes": [{"principal": who, "add": list(privileges)}]}
    client.api_client.do("PATCH", f"/api/2.1/unity-catalog/permissions/{kind}/{name}", body=body)


@pytest.mark.documented
def test_a_secret_is_kept_changed_and_deleted(workspace: Any, wanted: Secret) -> None:
    client, me = workspace.client("dev"), workspace.user("dev")
    made = client.secrets_uc.create_secret(wanted)
    name = f"dev.{wanted.schema_name}.token"
    assert (made.full_name, made.effective_owner, made.created_by) == (name, me, me)
    got = client.secrets_uc.get_secret(name)
    assert got == made
    assert (got.value, got.effective_value, got.comment) == (None, None, "c")
    assert client.secrets_uc.get_secret(name, include_value=True).effective_value == VALUE
    listed = list(
        client.secrets_uc.list_secrets(catalog_name="dev", schema_name=wanted.schema_name)
    )
    assert [one.full_name for one in listed] == [name]
    assert VALUE not in str([one.as_dict() for one in listed])

    other = replace(wanted, value=VALUE + "2", comment="d")
    client.secrets_uc.update_secret(name, other, FieldMask(["comment"]))
    got = client.secrets_uc.get_secret(name, include_value=True)
    assert (got.comment, got.effective_value) == ("d", VALUE)
    changed = client.secrets_uc.update_secret(name, other, FieldMask(["*"]))
    assert (changed.value, changed.effective_value) == (None, None)
    got = client.secrets_uc.get_secret(name, include_value=True)
    assert got.effective_value == VALUE + "2"

    with pytest.raises(ResourceAlreadyExists):
        client.secrets_uc.create_secret(wanted)
    with pytest.raises(InvalidParameterValue) as refused:
        client.secrets_uc.create_secret(replace(wanted, name="big", value=VALUE * 2000))
    assert VALUE not in str(refused.value)
    client.secrets_uc.delete_secret(name)
    with pytest.raises(NotFound):
        client.secrets_uc.get_secret(name)
    with pytest.raises(NotFound):
        client.secrets_uc.delete_secret(name)


@pytest.mark.belief
def test_a_value_is_for_who_may_read_it(
    workspace: Any, wanted: Secret, somebody: Callable[..., WorkspaceClient]
) -> None:
    client, other = workspace.client("dev"), somebody()
    who, schema = str(other.current_user.me().user_name), f"dev.{wanted.schema_name}"
    name = str(client.secrets_uc.create_secret(wanted).full_name)
    with pytest.raises(PermissionDenied):
        other.secrets_uc.get_secret(name)
    with pytest.raises(PermissionDenied, match="CREATE SECRET"):
        other.secrets_uc.create_secret(replace(wanted, name="theirs"))
    grant(client, "secret", name, who, "MANAGE")
    assert other.secrets_uc.get_secret(name, include_value=True).effective_value is None
    with pytest.raises(PermissionDenied, match="Only the owner"):
        other.secrets_uc.update_secret(name, wanted, FieldMask(["value"]))
    grant(client, "schema", schema, who, "READ_SECRET", "CREATE_SECRET")
    assert other.secrets_uc.get_secret(name, include_value=True).effective_value == VALUE
    theirs = other.secrets_uc.create_secret(replace(wanted, name="theirs"))
    assert theirs.owner == who
    # Whoever administers the metastore may take a secret over.
    mine = str(theirs.full_name)
    with pytest.raises(PermissionDenied, match="Only the owner"):
        client.secrets_uc.update_secret(mine, wanted, FieldMask(["comment"]))
    client.secrets_uc.update_secret(
        mine, replace(wanted, owner=workspace.user("dev")), FieldMask(["owner"])
    )
    assert client.secrets_uc.get_secret(mine).owner == workspace.user("dev")


@pytest.mark.belief
def test_values_are_sealed_at_rest(workspace: Any, wanted: Secret) -> None:
    workspace.client("dev").secrets_uc.create_secret(wanted)
    for file in workspace.home.glob("brickyard.db*"):
        assert VALUE.encode() not in file.read_bytes()
    for file in (workspace.home / "logs").glob("*.log"):
        assert VALUE.encode() not in file.read_bytes()
