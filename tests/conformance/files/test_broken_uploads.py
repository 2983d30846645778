"""Large uploads that are broken off: by a kill between parts, and in a resumable stream."""

from __future__ import annotations

import io
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import DatabricksError
from tests.conftest import EmbeddedServer

pytestmark = [pytest.mark.slow, pytest.mark.documented]

MIB = 1024 * 1024
VOLUME = "/Volumes/dev/default/uploads"


@pytest.fixture
def resumable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """A workspace that offers resumable uploads, as one on Google Cloud does."""
    monkeypatch.setenv("BRICKYARD_UPLOADS", "resumable")
    server = EmbeddedServer(home=tmp_path / "home")
    server.start()
    yield server
    server.stop()


def with_volume(server: EmbeddedServer) -> Any:
    from databricks.sdk.service.catalog import VolumeType

    client = server.client("dev")
    client.volumes.create("dev", "default", "uploads", VolumeType.MANAGED)
    return client


def send(url: str, body: bytes, content_range: str, method: str = "PUT") -> tuple[int, str]:
    """Status, and the Range that is there."""
    headers = {"Content-Range": content_range, "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as got:
            return got.status, got.headers.get("Range", "")
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers.get("Range", "")


def test_acknowledged_parts_outlive_a_kill(own_workspace: EmbeddedServer) -> None:
    client, path = with_volume(own_workspace), f"{VOLUME}/parts"
    first, second = os.urandom(5 * MIB), os.urandom(MIB)
    api = client.api_client
    begun = api.do("POST", f"/api/2.0/fs/files{path}", query={"action": "initiate-upload"})
    token = begun["multipart_upload"]["session_token"]

    def part(number: int, content: bytes) -> str:
        asked = {"path": path, "session_token": token, "start_part_number": number, "count": 1}
        told = own_workspace.client("dev").api_client.do(
            "POST", "/api/2.0/fs/create-upload-part-urls", body=asked
        )
        url = told["upload_part_urls"][0]["url"]
        request = urllib.request.Request(url, data=content, method="PUT")
        with urllib.request.urlopen(request) as got:
            return str(got.headers["ETag"])

    one = part(1, first)
    own_workspace.kill()
    own_workspace.start()
    two = part(2, second)
    after = own_workspace.client("dev")
    tags = {"parts": [{"part_number": 1, "etag": one}, {"part_number": 2, "etag": two}]}
    query = {"action": "complete-upload", "session_token": token}
    after.api_client.do("POST", f"/api/2.0/fs/files{path}", query=query, body=tags)
    assert after.files.download(path).contents.read() == first + second
    with pytest.raises(DatabricksError, match="does not exist"):
        after.api_client.do("POST", f"/api/2.0/fs/files{path}", query=query, body=tags)
    begun = after.api_client.do(
        "POST", f"/api/2.0/fs/files{path}x", query={"action": "initiate-upload"}
    )
    query = {"action": "abort-upload", **begun["multipart_upload"]}
    after.api_client.do("POST", f"/api/2.0/fs/files{path}x", query=query)
    assert [one.name for one in after.files.list_directory_contents(VOLUME)] == ["parts"]


def test_a_stream_goes_on_where_it_broke_off(resumable: EmbeddedServer) -> None:
    client = with_volume(resumable)
    large = os.urandom(61 * MIB)
    client.files.upload(f"{VOLUME}/large", io.BytesIO(large))
    assert client.files.download(f"{VOLUME}/large").contents.read() == large

    path, content = f"{VOLUME}/stream", os.urandom(3 * MIB)
    begun = client.api_client.do(
        "POST", f"/api/2.0/fs/files{path}", query={"action": "initiate-upload"}
    )
    asked = {"path": path, **begun["resumable_upload"]}

    def address() -> str:
        told = resumable.client("dev").api_client.do(
            "POST", "/api/2.0/fs/create-resumable-upload-url", body=asked
        )
        return str(told["resumable_upload_url"]["url"])

    url = address()
    assert send(url, b"", "bytes */*") == (308, "")
    assert send(url, content[:MIB], f"bytes 0-{MIB - 1}/*") == (308, f"bytes=0-{MIB - 1}")
    assert send(url, content[2 * MIB :], f"bytes {2 * MIB}-{3 * MIB - 1}/*")[0] == 400
    resumable.kill()
    resumable.start()
    url = address()
    assert send(url, b"", "bytes */*") == (308, f"bytes=0-{MIB - 1}")
    again = send(url, content[MIB // 2 : 2 * MIB], f"bytes {MIB // 2}-{2 * MIB - 1}/*")
    assert again == (308, f"bytes=0-{2 * MIB - 1}")
    with pytest.raises(DatabricksError):
        resumable.client("dev").files.download(path)
    rest = f"bytes {2 * MIB}-{3 * MIB - 1}/{3 * MIB}"
    assert send(url, content[2 * MIB :], rest)[0] == 200
    assert send(url, b"", "bytes */*")[0] == 200
    assert resumable.client("dev").files.download(path).contents.read() == content
    for nonsense in ("", "bytes 5-1/9", "bytes 0-9/5", "lines 1-2/3"):
        other = client_url(resumable, f"{VOLUME}/other")
        assert send(other, b"x", nonsense)[0] == 400
    assert send(other, b"", "bytes */*", method="DELETE")[0] == 200
    assert send(other, b"", "bytes */*")[0] == 404


def client_url(server: EmbeddedServer, path: str) -> str:
    api = server.client("dev").api_client
    begun = api.do("POST", f"/api/2.0/fs/files{path}", query={"action": "initiate-upload"})
    told = api.do(
        "POST",
        "/api/2.0/fs/create-resumable-upload-url",
        body={"path": path, **begun["resumable_upload"]},
    )
    return str(told["resumable_upload_url"]["url"])
