"""External locations and storage credentials: kept, owned and granted; no data lies there."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceConflict,
)
from databricks.sdk.service.catalog import (
    AwsIamRoleRequest,
    AzureServicePrincipal,
    PermissionsChange,
    Privilege,
)

pytestmark = pytest.mark.documented

ROLE = AwsIamRoleRequest(role_arn="arn:aws:iam::123456789012:role/files")


@pytest.fixture
def names() -> tuple[str, str]:
    suffix = uuid.uuid4().hex[:8]
    return f"signer_{suffix}", f"files-{suffix}"


def test_a_location_is_found_changed_and_deleted(workspace: Any, names: tuple[str, str]) -> None:
    client, (signer, place) = workspace.client("dev"), names
    client.storage_credentials.create(signer, aws_iam_role=ROLE)
    url = f"s3://{place}/in"
    made = client.external_locations.create(place, url, signer, comment="arrivals")
    assert made == client.external_locations.get(place)
    assert (made.url, made.credential_name, made.owner) == (url, signer, workspace.user("dev"))
    assert made.credential_id == client.storage_credentials.get(signer).id
    assert place in {one.name for one in client.external_locations.list()}

    changed = client.external_locations.update(place, read_only=True, new_name=place + "-2")
    assert (changed.name, changed.read_only, changed.comment) == (place + "-2", True, "arrivals")
    with pytest.raises(BadRequest, match="is used by external location"):
        client.storage_credentials.delete(signer)
    client.storage_credentials.update(signer, new_name=signer + "_2")
    assert client.external_locations.get(place + "-2").credential_name == signer + "_2"

    client.external_locations.delete(place + "-2")
    with pytest.raises(NotFound):
        client.external_locations.get(place + "-2")
    client.storage_credentials.delete(signer + "_2")


def test_what_cannot_be_a_location_is_refused(workspace: Any, names: tuple[str, str]) -> None:
    client, (signer, place) = workspace.client("dev"), names
    with pytest.raises(NotFound, match=signer):
        client.external_locations.create(place, f"s3://{place}/a", signer)
    client.storage_credentials.create(signer, aws_iam_role=ROLE)
    with pytest.raises(InvalidParameterValue, match="cloud storage URL"):
        client.external_locations.create(place, "/etc", signer)
    client.external_locations.create(place, f"s3://{place}/a", signer)
    with pytest.raises(ResourceConflict, match="already exists"):
        client.external_locations.create(place, f"s3://{place}/b", signer)
    with pytest.raises(InvalidParameterValue, match="overlaps"):
        client.external_locations.create(place + "-2", f"s3://{place}/a/b", signer)


def test_rights_are_granted_and_asked_for(
    workspace: Any, somebody: Any, names: tuple[str, str]
) -> None:
    client, other, (signer, place) = workspace.client("dev"), somebody("dev"), names
    client.storage_credentials.create(signer, aws_iam_role=ROLE)
    client.external_locations.create(place, f"s3://{place}/a", signer)
    who = other.current_user.me().user_name
    with pytest.raises(PermissionDenied):
        other.external_locations.get(place)
    with pytest.raises(PermissionDenied, match="CREATE STORAGE CREDENTIAL"):
        other.storage_credentials.create(signer + "_2", aws_iam_role=ROLE)
    assert place not in {one.name for one in other.external_locations.list()}

    change = PermissionsChange(principal=who, add=[Privilege.READ_FILES])
    client.grants.update("external_location", place, changes=[change])
    assert other.external_locations.get(place).url == f"s3://{place}/a"
    with pytest.raises(PermissionDenied, match="MANAGE"):
        other.external_locations.update(place, comment="mine")


def test_a_credentials_secret_is_not_kept(workspace: Any, names: tuple[str, str]) -> None:
    client, (signer, _) = workspace.client("dev"), names
    client.storage_credentials.create(
        signer,
        azure_service_principal=AzureServicePrincipal(
            directory_id="d", application_id="a", client_secret="never-kept-4711"
        ),
    )
    shown = client.storage_credentials.get(signer).azure_service_principal
    assert (shown.directory_id, shown.application_id) == ("d", "a")
    for part in ("", "-wal"):
        path = workspace.home / f"brickyard.db{part}"
        assert not path.exists() or b"never-kept-4711" not in path.read_bytes()
