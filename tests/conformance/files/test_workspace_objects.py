"""Workspace files, folders and notebooks, driven by the official SDK and the CLI's raw import."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

NOTEBOOK = b"# Databricks notebook source\nprint(1)\n\n# COMMAND ----------\n\n# MAGIC %md hi\n"


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def folder(client: WorkspaceClient) -> str:
    path = f"/Users/{client.current_user.me().user_name}/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(path)
    return path


def raw_import(
    client: WorkspaceClient, path: str, content: bytes, *, overwrite: bool = False
) -> None:
    escaped = quote(path.lstrip("/"), safe="")
    client.api_client.do(
        "POST",
        f"/api/2.0/workspace-files/import-file/{escaped}",
        query={"overwrite": str(overwrite).lower()},
        data=content,
        headers={"Content-Type": "application/octet-stream"},
    )


@pytest.mark.documented
def test_a_file_comes_back_as_it_was(client: WorkspaceClient, folder: str) -> None:
    content = bytes(range(256)) * 100
    client.workspace.upload(f"{folder}/data.bin", content, format=ImportFormat.AUTO)
    with client.workspace.download(f"{folder}/data.bin") as file:
        assert file.read() == content
    status = client.workspace.get_status(f"/Workspace{folder}//data.bin")
    assert (status.object_type, status.size) == (ObjectType.FILE, len(content))
    assert status.path == f"{folder}/data.bin"
    assert status.resource_id == str(status.object_id)


@pytest.mark.recorded
def test_raw_import_makes_a_notebook_of_marked_source(client: WorkspaceClient, folder: str) -> None:
    raw_import(client, f"{folder}/load flights.py", NOTEBOOK)
    status = client.workspace.get_status(f"{folder}/load flights")
    assert (status.object_type, status.language) == (ObjectType.NOTEBOOK, Language.PYTHON)
    with pytest.raises(NotFound):
        client.workspace.get_status(f"{folder}/load flights.py")
    raw_import(client, f"{folder}/plain.py", b"print(1)\n")
    plain = client.workspace.get_status(f"{folder}/plain.py")
    assert plain.object_type is ObjectType.FILE


@pytest.mark.documented
def test_the_second_creator_of_a_file_gets_a_conflict(client: WorkspaceClient, folder: str) -> None:
    raw_import(client, f"{folder}/deploy.lock", b"1")
    with pytest.raises(ResourceAlreadyExists) as refused:
        raw_import(client, f"{folder}/deploy.lock", b"2")
    assert "already exists" in str(refused.value)
    raw_import(client, f"{folder}/deploy.lock", b"3", overwrite=True)
    with client.workspace.download(f"{folder}/deploy.lock") as file:
        assert file.read() == b"3"


@pytest.mark.documented
def test_of_many_creators_at_once_one_wins(workspace: Any, folder: str) -> None:
    outcomes: list[str] = []

    def create(number: int) -> None:
        try:
            raw_import(workspace.client("dev"), f"{folder}/race.lock", str(number).encode())
            outcomes.append("won")
        except ResourceAlreadyExists:
            outcomes.append("lost")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]


@pytest.mark.documented
def test_a_notebook_that_exists_is_a_bad_request(client: WorkspaceClient, folder: str) -> None:
    raw_import(client, f"{folder}/nb.py", NOTEBOOK)
    with pytest.raises(DatabricksError, match=r"already exists\.") as refused:
        raw_import(client, f"{folder}/nb.py", NOTEBOOK)
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"


@pytest.mark.documented
def test_import_does_not_make_the_parent(client: WorkspaceClient, folder: str) -> None:
    with pytest.raises(NotFound, match="parent folder"):
        raw_import(client, f"{folder}/no/such/file.txt", b"")
    client.workspace.mkdirs(f"{folder}/no/such")
    client.workspace.mkdirs(f"{folder}/no/such")
    raw_import(client, f"{folder}/no/such/file.txt", b"")


@pytest.mark.documented
def test_source_keeps_its_path_and_gets_the_marker(client: WorkspaceClient, folder: str) -> None:
    client.workspace.import_(
        f"{folder}/query.v1",
        content=base64.b64encode(b"select 1").decode(),
        format=ImportFormat.SOURCE,
        language=Language.SQL,
    )
    status = client.workspace.get_status(f"{folder}/query.v1")
    assert (status.object_type, status.language) == (ObjectType.NOTEBOOK, Language.SQL)
    exported = client.workspace.export(f"{folder}/query.v1", format=ExportFormat.SOURCE)
    assert base64.b64decode(exported.content) == b"-- Databricks notebook source\nselect 1"


@pytest.mark.documented
def test_a_notebook_goes_from_source_to_jupyter_and_back(
    client: WorkspaceClient, folder: str
) -> None:
    raw_import(client, f"{folder}/nb.py", NOTEBOOK)
    jupyter = client.workspace.export(f"{folder}/nb", format=ExportFormat.JUPYTER)
    cells = json.loads(base64.b64decode(jupyter.content))["cells"]
    assert [(one["cell_type"], "".join(one["source"])) for one in cells] == [
        ("code", "print(1)"),
        ("markdown", "hi"),
    ]
    client.workspace.import_(
        f"{folder}/again", content=jupyter.content, format=ImportFormat.JUPYTER
    )
    with client.workspace.download(f"{folder}/again", format=ExportFormat.SOURCE) as file:
        assert file.read().startswith(b"# Databricks notebook source\nprint(1)\n")


@pytest.mark.documented
def test_replacing_a_notebook_by_another_kind_leaves_one(
    client: WorkspaceClient, folder: str
) -> None:
    raw_import(client, f"{folder}/nb.py", NOTEBOOK)
    before = client.workspace.get_status(f"{folder}/nb").object_id
    raw_import(client, f"{folder}/nb.ipynb", b'{"cells": []}', overwrite=True)
    objects = list(client.workspace.list(folder))
    assert [(one.path, one.object_id) for one in objects] == [(f"{folder}/nb", before)]


@pytest.mark.documented
def test_folders_list_and_go(client: WorkspaceClient, folder: str) -> None:
    client.workspace.mkdirs(f"{folder}/a/b")
    raw_import(client, f"{folder}/a/b/x.txt", b"x")
    assert [one.path for one in client.workspace.list(folder, recursive=True)] == [
        f"{folder}/a/b/x.txt"
    ]
    with pytest.raises(BadRequest) as refused:
        client.workspace.delete(f"{folder}/a")
    assert refused.value.error_code == "DIRECTORY_NOT_EMPTY"
    client.workspace.delete(f"{folder}/a", recursive=True)
    assert not list(client.workspace.list(folder))
    with pytest.raises(NotFound):
        client.workspace.delete(f"{folder}/a")


@pytest.mark.belief
def test_an_object_made_again_is_another_object(client: WorkspaceClient, folder: str) -> None:
    raw_import(client, f"{folder}/x", b"1")
    before = client.workspace.get_status(f"{folder}/x").object_id
    client.workspace.delete(f"{folder}/x")
    raw_import(client, f"{folder}/x", b"2")
    assert client.workspace.get_status(f"{folder}/x").object_id != before


@pytest.mark.belief
@pytest.mark.parametrize("path", ["/Users/../../etc/passwd", "/Shared/a/../../b", "/Shared/./x"])
def test_no_path_leads_out_of_the_tree(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        client.workspace.get_status(path)
    with pytest.raises(InvalidParameterValue):
        client.workspace.mkdirs(path)


@pytest.mark.belief
@pytest.mark.parametrize("path", ["/", "/Users", "/Shared"])
def test_the_folders_of_every_workspace_stay(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        client.workspace.delete(path, recursive=True)


@pytest.mark.documented
def test_people_work_in_their_home_and_not_in_others(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    robot = somebody()
    home = f"/Users/{robot.current_user.me().user_name}"
    robot.workspace.mkdirs(f"{home}/mine")
    raw_import(robot, f"{home}/mine/x.txt", b"x")
    raw_import(client, f"{folder}/secret.txt", b"x")
    for refused in (
        lambda: robot.workspace.get_status(f"{folder}/secret.txt"),
        lambda: robot.workspace.download(f"{folder}/secret.txt"),
        lambda: list(robot.workspace.list(folder)),
        lambda: raw_import(robot, f"{folder}/new.txt", b"x"),
        lambda: raw_import(robot, f"{folder}/secret.txt", b"y", overwrite=True),
        lambda: robot.workspace.delete(f"{folder}/secret.txt"),
        lambda: robot.workspace.mkdirs(f"{folder}/new"),
        lambda: robot.workspace.mkdirs("/Elsewhere"),
        lambda: robot.files.download(f"/Workspace{folder}/secret.txt"),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    assert home in {one.path for one in robot.workspace.list("/Users")}
    assert len(list(robot.workspace.list("/Users"))) == 1
    robot.workspace.mkdirs(f"/Shared/{uuid.uuid4().hex}")
