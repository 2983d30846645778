"""The DBFS API, driven by the SDK's own client for it: blocks, folders, moves, its error codes."""

from __future__ import annotations

import base64
import io
import os
import uuid
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    DatabricksError,
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def dev(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def folder() -> str:
    return f"/tests/{uuid.uuid4().hex[:8]}"


def code_of(refused: pytest.ExceptionInfo[DatabricksError]) -> str:
    return str(refused.value.error_code)


@pytest.mark.documented
def test_a_file_goes_up_and_comes_down_in_blocks(dev: WorkspaceClient, folder: str) -> None:
    content = os.urandom(2 * MIB + 17)
    dev.dbfs.upload(f"{folder}/deep/a.bin", io.BytesIO(content))
    assert dev.dbfs.download(f"dbfs:{folder}/deep/a.bin").read() == content
    found = dev.dbfs.get_status(f"{folder}/deep/a.bin")
    assert (found.path, found.is_dir, found.file_size) == (
        f"{folder}/deep/a.bin",
        False,
        len(content),
    )
    assert found.modification_time > 1_600_000_000_000
    first = dev.dbfs.read(f"{folder}/deep/a.bin")
    assert first.bytes_read == MIB // 2
    end = dev.dbfs.read(f"{folder}/deep/a.bin", offset=2 * MIB, length=MIB)
    assert base64.b64decode(end.data or "") == content[2 * MIB :]
    assert dev.dbfs.read(f"{folder}/deep/a.bin", offset=3 * MIB).bytes_read == 0


@pytest.mark.documented
def test_a_file_is_there_when_its_handle_is_closed(dev: WorkspaceClient, folder: str) -> None:
    made = dev.dbfs.create(f"{folder}/a", overwrite=False)
    assert made.handle is not None
    dev.dbfs.add_block(made.handle, base64.b64encode(b"one ").decode())
    dev.dbfs.add_block(made.handle, base64.b64encode(b"two").decode())
    assert not dev.dbfs.exists(f"{folder}/a")
    dev.dbfs.close(made.handle)
    assert dev.dbfs.download(f"{folder}/a").read() == b"one two"
    with pytest.raises(ResourceDoesNotExist):
        dev.dbfs.add_block(made.handle, "")
    with pytest.raises(ResourceDoesNotExist):
        dev.dbfs.close(made.handle)
    with pytest.raises(ResourceAlreadyExists):
        dev.dbfs.create(f"{folder}/a")
    again = dev.dbfs.create(f"{folder}/a", overwrite=True)
    assert again.handle is not None
    dev.dbfs.close(again.handle)
    assert dev.dbfs.get_status(f"{folder}/a").file_size == 0


@pytest.mark.documented
def test_blocks_and_reads_have_a_limit(dev: WorkspaceClient, folder: str) -> None:
    large = base64.b64encode(bytes(MIB + 1)).decode()
    handle = dev.dbfs.create(f"{folder}/a").handle
    assert handle is not None
    with pytest.raises(DatabricksError) as refused:
        dev.dbfs.add_block(handle, large)
    assert code_of(refused) == "MAX_BLOCK_SIZE_EXCEEDED"
    with pytest.raises(DatabricksError) as refused:
        dev.dbfs.put(f"{folder}/b", contents=large)
    assert code_of(refused) == "MAX_BLOCK_SIZE_EXCEEDED"
    dev.dbfs.put(f"{folder}/b", contents=base64.b64encode(b"x").decode())
    with pytest.raises(ResourceAlreadyExists):
        dev.dbfs.put(f"{folder}/b", contents="")
    with pytest.raises(DatabricksError) as refused:
        dev.dbfs.read(f"{folder}/b", length=MIB + 1)
    assert code_of(refused) == "MAX_READ_SIZE_EXCEEDED"
    for offset, length in ((-1, 1), (0, -1)):
        with pytest.raises(InvalidParameterValue):
            dev.dbfs.read(f"{folder}/b", offset=offset, length=length)
    with pytest.raises(InvalidParameterValue):
        dev.dbfs.read(folder)
    with pytest.raises(InvalidParameterValue, match="base64"):
        dev.dbfs.put(f"{folder}/c", contents="no base64!")


@pytest.mark.documented
def test_folders_are_listed_moved_and_removed(dev: WorkspaceClient, folder: str) -> None:
    dev.dbfs.mkdirs(f"{folder}/one/two")
    dev.dbfs.put(f"{folder}/one/a.txt", contents=base64.b64encode(b"abc").decode())
    shown = [(it.path, it.is_dir, it.file_size) for it in dev.dbfs.list(f"{folder}/one")]
    assert shown == [(f"{folder}/one/a.txt", False, 3), (f"{folder}/one/two", True, 0)]
    assert [it.path for it in dev.dbfs.list(f"{folder}/one/a.txt")] == [f"{folder}/one/a.txt"]
    assert list(dev.dbfs.list(f"{folder}/one/two")) == []
    with pytest.raises(ResourceAlreadyExists):
        dev.dbfs.mkdirs(f"{folder}/one/a.txt/below")
    dev.dbfs.move(f"{folder}/one", f"{folder}/moved/here")
    assert dev.dbfs.exists(f"{folder}/moved/here/a.txt")
    assert not dev.dbfs.exists(f"{folder}/one")
    dev.dbfs.put(f"{folder}/b", contents="")
    with pytest.raises(ResourceAlreadyExists):
        dev.dbfs.move(f"{folder}/moved/here/a.txt", f"{folder}/b")
    with pytest.raises(ResourceDoesNotExist):
        dev.dbfs.move(f"{folder}/one", f"{folder}/two")
    with pytest.raises(InvalidParameterValue):
        dev.dbfs.move(f"{folder}/moved", f"{folder}/moved/below")
    body = {"path": f"{folder}/moved", "recursive": False}
    with pytest.raises(DatabricksError, match="Directory is not empty") as refused:
        dev.api_client.do("POST", "/api/2.0/dbfs/delete", body=body)
    assert code_of(refused) == "IO_ERROR"
    dev.dbfs.delete(folder, recursive=True)
    dev.api_client.do("POST", "/api/2.0/dbfs/delete", body={"path": folder})  # quiet
    for ask in (dev.dbfs.get_status, lambda path: list(dev.dbfs.list(path))):
        with pytest.raises(ResourceDoesNotExist):
            ask(folder)


@pytest.mark.documented
def test_a_form_puts_more_than_a_block(workspace: Any, dev: WorkspaceClient, folder: str) -> None:
    content = os.urandom(5 * MIB)
    sent = requests.post(
        f"{workspace.host('dev')}/api/2.0/dbfs/put",
        headers={"Authorization": f"Bearer {workspace.token('dev')}"},
        data={"path": f"{folder}/form.bin", "overwrite": "true"},
        files={"contents": content},
        timeout=60,
    )
    assert (sent.status_code, sent.json()) == (200, {})
    assert dev.dbfs.download(f"{folder}/form.bin").read() == content


@pytest.mark.documented
def test_the_body_of_a_post_below_dbfs_is_a_file(
    workspace: Any, dev: WorkspaceClient, folder: str
) -> None:
    headers = {"Authorization": f"Bearer {workspace.token('dev')}"}
    url = f"{workspace.host('dev')}/dbfs{folder}/project.tar.gz"
    content = os.urandom(5 * MIB)
    assert requests.post(url, data=content, headers=headers, timeout=60).status_code == 200
    again = requests.post(url, data=b"other", headers=headers, timeout=60)
    assert again.status_code == 409
    assert again.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert "Error 409: File already exists" in again.json()["message"]  # MLflow looks for it
    assert dev.dbfs.download(f"{folder}/project.tar.gz").read() == content
    assert requests.post(url, data=b"other", timeout=60).status_code == 401


@pytest.mark.belief
def test_every_workspace_has_a_root_of_its_own_for_its_users(
    workspace: Any, somebody: Any, dev: WorkspaceClient, folder: str
) -> None:
    dev.dbfs.put(f"{folder}/a", contents=base64.b64encode(b"dev").decode())
    assert not workspace.client("prod").dbfs.exists(f"{folder}/a")
    robot = somebody("dev")
    assert robot.dbfs.download(f"{folder}/a").read() == b"dev"
    handle = dev.dbfs.create(f"{folder}/mine").handle
    assert handle is not None
    with pytest.raises(ResourceDoesNotExist):
        robot.dbfs.add_block(handle, "")
    dev.dbfs.close(handle)


@pytest.mark.belief
@pytest.mark.parametrize("path", ["/Volumes/dev/a/b/c", "/databricks/mlflow-tracking/1/x"])
def test_what_has_rights_of_its_own_is_not_in_dbfs(dev: WorkspaceClient, path: str) -> None:
    with pytest.raises(PermissionDenied):
        dev.api_client.do("GET", "/api/2.0/dbfs/get-status", query={"path": path})


@pytest.mark.belief
@pytest.mark.parametrize("path", ["relative", "/a/../b", "/"])
def test_paths_stay_inside(dev: WorkspaceClient, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        dev.dbfs.put(path, contents="", overwrite=True)


@pytest.mark.belief
def test_tasks_see_the_root_at_dbfs(dev: WorkspaceClient, folder: str) -> None:
    program = f"""
import os, sys
assert open("/dbfs{folder}/in.txt").read() == "given"
assert dbutils.fs.head("dbfs:{folder}/in.txt") == "given"
dbutils.fs.put("dbfs:{folder}/out.txt", sys.argv[1])
shown = [(it.path, it.name, it.size) for it in dbutils.fs.ls("dbfs:{folder}")]
assert ("dbfs:{folder}/out.txt", "out.txt", 4) in shown, shown
os.symlink("/etc/hostname", "/dbfs{folder}/link")
"""
    dev.dbfs.upload(f"{folder}/program.py", io.BytesIO(program.encode()))
    dev.dbfs.upload(f"{folder}/in.txt", io.BytesIO(b"given"))
    body = {
        "run_name": "seen",
        "spark_python_task": {"python_file": f"dbfs:{folder}/program.py", "parameters": ["told"]},
    }
    answer = dev.api_client.do("POST", "/api/2.0/jobs/runs/submit", body=body)
    assert isinstance(answer, dict)
    run = dev.jobs.wait_get_run_job_terminated_or_skipped(answer["run_id"])
    assert run.state is not None
    assert str(run.state.result_state) == "RunResultState.SUCCESS", run.state
    assert dev.dbfs.download(f"{folder}/out.txt").read() == b"told"
    with pytest.raises(PermissionDenied):
        dev.dbfs.read(f"{folder}/link")
