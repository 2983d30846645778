"""Genie spaces, driven by the official SDK: what is kept, etags, rights, what is refused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import Aborted, BadRequest, NotFound, PermissionDenied
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

TEXT = '{"version": 2, "data_sources": {"tables": [{"identifier": "dev.s.t"}]}}'


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def folder(client: WorkspaceClient) -> str:
    path = f"/Users/{client.current_user.me().user_name}/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(path)
    return path


@pytest.mark.recorded
def test_a_space_is_kept_and_its_etag_counts_its_text(client: WorkspaceClient, folder: str) -> None:
    first = client.genie.create_space("abc", TEXT, title="Sales", parent_path=f"/Workspace{folder}")
    id = first.space_id
    assert (first.title, first.parent_path, first.warehouse_id) == ("Sales", folder, "abc")
    assert client.genie.get_space(id, include_serialized_space=True) == first
    plain = client.genie.get_space(id)
    assert (plain.etag, plain.serialized_space) == (None, None)
    listed = {one.space_id: one for one in client.genie.list_spaces().spaces or []}
    assert listed[id].title == "Sales"

    renamed = client.genie.update_space(id, title="Sold", description="d", etag=first.etag)
    assert (renamed.title, renamed.description, renamed.etag) == ("Sold", "d", first.etag)
    other = client.genie.update_space(id, serialized_space='{"version":1}', etag=first.etag)
    assert (other.serialized_space, other.etag) == ('{"data_sources":{},"version":2}', "2")
    with pytest.raises(Aborted, match="Etag mismatch"):
        client.genie.update_space(id, title="Lost", etag=first.etag)

    client.genie.trash_space(id)
    for gone in (client.genie.get_space, client.genie.trash_space):
        with pytest.raises(NotFound):
            gone(id)


@pytest.mark.documented
def test_what_cannot_be_kept_is_refused(client: WorkspaceClient, folder: str) -> None:
    with pytest.raises(NotFound, match="doesn't exist"):
        client.genie.create_space("abc", TEXT, parent_path=f"{folder}/none")
    with pytest.raises(BadRequest, match="not valid JSON"):
        client.genie.create_space("abc", "{", parent_path=folder)
    with pytest.raises(BadRequest, match="warehouse_id"):
        client.genie.create_space("", TEXT, parent_path=folder)


@pytest.mark.documented
def test_rights_are_the_spaces_own_and_its_folders(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    robot = somebody()
    id = client.genie.create_space("abc", TEXT, title="Sales", parent_path=folder).space_id
    with pytest.raises(PermissionDenied):
        robot.genie.get_space(id)
    assert id not in {one.space_id for one in robot.genie.list_spaces().spaces or []}
    with pytest.raises(PermissionDenied):
        robot.genie.create_space("abc", TEXT, parent_path=folder)
    name = robot.current_user.me().user_name

    def grant(kind: str, subject: str, level: PermissionLevel) -> None:
        entry = AccessControlRequest(service_principal_name=name, permission_level=level)
        client.permissions.update(kind, subject, access_control_list=[entry])

    grant("genie", id, PermissionLevel.CAN_RUN)
    assert robot.genie.get_space(id).title == "Sales"
    with pytest.raises(PermissionDenied):
        robot.genie.get_space(id, include_serialized_space=True)
    grant(
        "directories", str(client.workspace.get_status(folder).object_id), PermissionLevel.CAN_EDIT
    )
    assert robot.genie.get_space(id, include_serialized_space=True).serialized_space == TEXT
    shown = client.permissions.get("genie", id)
    mine = next(one for one in shown.access_control_list if one.service_principal_name == name)
    assert {(one.permission_level, one.inherited) for one in mine.all_permissions} == {
        (PermissionLevel.CAN_RUN, False),
        (PermissionLevel.CAN_EDIT, True),
    }
    with pytest.raises(PermissionDenied):
        robot.genie.trash_space(id)


@pytest.mark.belief
def test_no_answer_is_pretended(client: WorkspaceClient, folder: str) -> None:
    id = client.genie.create_space("abc", TEXT, parent_path=folder).space_id
    with pytest.raises(PermissionDenied, match="no model behind it"):
        client.genie.start_conversation(id, "How much was sold?")
    with pytest.raises(NotFound):
        client.genie.start_conversation("none", "How much was sold?")
