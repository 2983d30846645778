"""The Files API on volumes, driven by the official SDK: small and large files, folders, ranges."""

from __future__ import annotations

import http.client
import io
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    AlreadyExists,
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
)
from databricks.sdk.service.catalog import PermissionsChange, Privilege, VolumeType
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

LARGE = 64 * 1024 * 1024


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def volume(client: WorkspaceClient) -> Iterator[str]:
    schema = f"files_{uuid.uuid4().hex[:8]}"
    client.schemas.create(schema, "dev")
    client.volumes.create("dev", schema, "v", VolumeType.MANAGED)
    yield f"/Volumes/dev/{schema}/v"
    client.schemas.delete(f"dev.{schema}", force=True)


def put(client: WorkspaceClient, path: str, content: bytes, *, overwrite: bool = False) -> None:
    client.files.upload(path, io.BytesIO(content), overwrite=overwrite)


def get(client: WorkspaceClient, path: str) -> bytes:
    contents = client.files.download(path).contents
    assert contents is not None
    with contents as stream:
        return stream.read()


def bare(workspace: Any, method: str, path: str, **headers: str) -> requests.Response:
    given = {"Authorization": f"Bearer {workspace.token('dev')}", **headers}
    return requests.request(method, f"{workspace.host('dev')}{path}", headers=given, timeout=30)


@pytest.mark.documented
def test_a_file_is_put_read_described_and_removed(client: WorkspaceClient, volume: str) -> None:
    path = f"{volume}/a b/ü%20#?.txt"
    put(client, path, b"hello")
    assert get(client, path) == b"hello"
    about = client.files.get_metadata(path)
    assert (about.content_length, about.content_type) == (5, "application/octet-stream")
    client.files.delete(path)
    with pytest.raises(NotFound):
        client.files.get_metadata(path)
    with pytest.raises(NotFound):
        client.files.delete(path)


@pytest.mark.documented
def test_an_existing_file_is_replaced_only_on_demand(client: WorkspaceClient, volume: str) -> None:
    put(client, f"{volume}/x", b"1")
    with pytest.raises(AlreadyExists):
        put(client, f"{volume}/x", b"2")
    assert get(client, f"{volume}/x") == b"1"
    put(client, f"{volume}/x", b"3", overwrite=True)
    assert get(client, f"{volume}/x") == b"3"


@pytest.mark.documented
def test_folders(client: WorkspaceClient, volume: str) -> None:
    client.files.create_directory(f"{volume}/a/b/c")
    client.files.create_directory(f"{volume}/a/b/c")
    client.files.get_directory_metadata(f"{volume}/a/b")
    put(client, f"{volume}/a/f.txt", b"123")
    shown = [
        (one.name, one.is_directory, one.file_size)
        for one in client.files.list_directory_contents(f"{volume}/a")
    ]
    assert shown == [("b", True, None), ("f.txt", False, 3)]
    with pytest.raises(BadRequest):
        client.files.delete_directory(f"{volume}/a")
    client.files.delete_directory(f"{volume}/a/b/c")
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(f"{volume}/a/b/c")
    with pytest.raises(AlreadyExists):
        client.files.create_directory(f"{volume}/a/f.txt")


@pytest.mark.documented
def test_long_listings_come_in_pages(client: WorkspaceClient, volume: str) -> None:
    for number in range(7):
        put(client, f"{volume}/{number}", b"")
    pages = client.files.list_directory_contents(volume, page_size=3)
    assert [one.name for one in pages] == [str(number) for number in range(7)]


@pytest.mark.documented
def test_a_range_and_a_condition(workspace: Any, client: WorkspaceClient, volume: str) -> None:
    put(client, f"{volume}/r", b"0123456789")
    path = f"/api/2.0/fs/files{volume}/r"
    part = bare(workspace, "GET", path, Range="bytes=2-4")
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    old = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert bare(workspace, "GET", path, **old).status_code == 412
    same = {"If-Unmodified-Since": part.headers["Last-Modified"]}
    assert bare(workspace, "GET", path, **same).status_code == 200


@pytest.mark.documented
def test_a_large_file_goes_up_in_parts_and_comes_down(
    client: WorkspaceClient, volume: str, tmp_path: Path
) -> None:
    content = os.urandom(LARGE)
    put(client, f"{volume}/stream", content)
    assert get(client, f"{volume}/stream") == content
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    client.files.upload_from(f"{volume}/file", str(source), overwrite=True, use_parallel=True)
    client.files.download_to(f"{volume}/file", str(target), use_parallel=True)
    assert target.read_bytes() == content
    with pytest.raises(AlreadyExists):
        put(client, f"{volume}/stream", content)


@pytest.mark.belief
def test_a_signed_address_is_for_one_file_and_method(
    workspace: Any, client: WorkspaceClient, volume: str
) -> None:
    put(client, f"{volume}/s", b"signed")
    made = bare(workspace, "POST", f"/api/2.0/fs/create-download-url?path={volume}/s").json()
    assert requests.get(made["url"], timeout=30).content == b"signed"
    assert requests.put(made["url"], data=b"x", timeout=30).status_code == 403
    assert requests.get(made["url"] + "0", timeout=30).status_code == 403
    elsewhere = made["url"].replace(workspace.host("dev"), workspace.host("prod"))
    assert requests.get(elsewhere, timeout=30).status_code == 403


@pytest.mark.documented
def test_a_volume_asks_for_its_privileges(
    client: WorkspaceClient, volume: str, somebody: Any
) -> None:
    put(client, f"{volume}/x", b"1")
    robot = somebody()
    assert get(robot, f"{volume}/x") == b"1"  # everybody may read in their workspace's catalog
    for refused in (
        lambda: put(robot, f"{volume}/y", b"2"),
        lambda: put(robot, f"{volume}/x", b"2", overwrite=True),
        lambda: robot.files.delete(f"{volume}/x"),
        lambda: robot.files.create_directory(f"{volume}/d"),
        lambda: robot.files.delete_directory(f"{volume}/d"),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    change = PermissionsChange(principal=robot.config.client_id, add=[Privilege.WRITE_VOLUME])
    name = ".".join(volume.split("/")[2:])
    client.grants.update("volume", name, changes=[change])
    put(robot, f"{volume}/y", b"2")


@pytest.mark.documented
def test_prod_is_read_but_not_written_from_dev(workspace: Any, client: WorkspaceClient) -> None:
    prod = workspace.client("prod")
    schema = f"files_{uuid.uuid4().hex[:8]}"
    prod.schemas.create(schema, "prod")
    prod.volumes.create("prod", schema, "v", VolumeType.MANAGED)
    put(prod, f"/Volumes/prod/{schema}/v/x", b"1")
    try:
        with pytest.raises(PermissionDenied):
            put(client, f"/Volumes/prod/{schema}/v/y", b"2")
        with pytest.raises(PermissionDenied):
            client.files.delete(f"/Volumes/prod/{schema}/v/x")
        with pytest.raises(PermissionDenied):
            put(client, f"/Volumes/prod/{schema}/v/large", os.urandom(LARGE))
    finally:
        prod.schemas.delete(f"prod.{schema}", force=True)


@pytest.mark.documented
@pytest.mark.parametrize("dots", ["..", "%2e%2e", ".", "a%2f..%2f..%2f..%2f..%2fx"])
def test_no_dots_lead_out_of_a_volume(workspace: Any, volume: str, dots: str) -> None:
    host, port = workspace.host("dev").removeprefix("http://").split(":")
    line = http.client.HTTPConnection(host, int(port), timeout=30)  # sends paths as they are
    token = {"Authorization": f"Bearer {workspace.token('dev')}"}
    line.request("GET", f"/api/2.0/fs/files{volume}/{dots}/x", headers=token)
    answer = line.getresponse()
    assert (answer.status, json.loads(answer.read())["error_code"]) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    line.close()


@pytest.mark.belief
def test_paths_outside_the_known_roots(client: WorkspaceClient) -> None:
    with pytest.raises(InvalidParameterValue):
        client.files.create_directory("/Volumes/dev")
    with pytest.raises(NotFound):
        client.files.create_directory("/Nowhere/x")


@pytest.mark.belief
def test_links_made_by_tasks_are_not_followed(workspace: Any, client: WorkspaceClient) -> None:
    link = workspace.home / "workspaces" / "dev" / "files" / "Shared" / uuid.uuid4().hex
    link.symlink_to("/etc")
    path = f"/Shared/{link.name}"
    for follow in (
        lambda: get(client, f"/Workspace{path}/hostname"),
        lambda: client.workspace.download(f"{path}/hostname").read(),
        lambda: client.workspace.mkdirs(f"{path}/x"),
        lambda: put(client, f"/Workspace{path}/x", b""),
    ):
        with pytest.raises(PermissionDenied, match="symbolic link"):
            follow()


@pytest.mark.documented
def test_the_workspace_tree_is_served_too(client: WorkspaceClient) -> None:
    folder = f"/Shared/{uuid.uuid4().hex}"
    put(client, f"/Workspace{folder}/x.txt", b"1")
    with client.workspace.download(f"{folder}/x.txt") as file:
        assert file.read() == b"1"
    client.files.delete(f"/Workspace{folder}/x.txt")
    client.files.delete_directory(f"/Workspace{folder}")


@pytest.mark.recorded
def test_a_model_version_is_filled_until_it_is_ready(
    client: WorkspaceClient, somebody: Any
) -> None:
    schema = f"models_{uuid.uuid4().hex[:8]}"
    client.schemas.create(schema, "dev")
    client.registered_models.create(name="m", schema_name=schema, catalog_name="dev")
    uc = "/api/2.0/mlflow/unity-catalog/model-versions"
    name = f"dev.{schema}.m"
    made = client.api_client.do("POST", f"{uc}/create", body={"name": name, "source": "x"})
    version = made["model_version"]["version"]
    folder = f"/Models/dev/{schema}/m/{version}"
    put(client, f"{folder}/data/MLmodel", b"flavors: {}")
    with pytest.raises(PermissionDenied):
        put(somebody(), f"{folder}/data/evil", b"")
    client.api_client.do("POST", f"{uc}/finalize", body={"name": name, "version": version})
    assert get(client, f"{folder}/data/MLmodel") == b"flavors: {}"
    assert [one.path for one in client.files.list_directory_contents(folder)] == [f"{folder}/data"]
    with pytest.raises(BadRequest, match="can no longer change"):
        put(client, f"{folder}/data/MLmodel", b"other", overwrite=True)
    client.schemas.delete(f"dev.{schema}", force=True)


@pytest.mark.recorded
@pytest.mark.slow
def test_artifacts_ask_for_rights_on_their_experiment(
    client: WorkspaceClient, somebody: Any
) -> None:
    me = client.current_user.me().user_name
    path = f"/Users/{me}/{uuid.uuid4().hex[:8]}"
    experiment = client.experiments.create_experiment(path).experiment_id
    file = f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/r1/artifacts/a.txt"
    put(client, file, b"1")
    robot = somebody()
    with pytest.raises(PermissionDenied):
        get(robot, file)
    entry = AccessControlRequest(
        service_principal_name=robot.config.client_id, permission_level=PermissionLevel.CAN_READ
    )
    client.permissions.update("experiments", experiment, access_control_list=[entry])
    assert get(robot, file) == b"1"
    with pytest.raises(PermissionDenied):
        put(robot, file, b"2", overwrite=True)
