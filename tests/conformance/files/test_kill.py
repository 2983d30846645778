"""What was acknowledged is there after `kill -9`, and what was not leaves no half."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

import pytest
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.workspace import ImportFormat

CONTENT = os.urandom(6 * 1024 * 1024)


@pytest.mark.belief
@pytest.mark.slow
def test_a_kill_loses_no_token_identity_right_or_file(own_workspace: Any) -> None:
    client = own_workspace.client("dev")
    tokens = {name: own_workspace.token(name) for name in ("dev", "staging", "prod")}
    user = client.users.create(user_name="ada@example.com")
    token = client.tokens.create(comment="kept")
    revoked = client.tokens.create(comment="revoked")
    client.tokens.delete(revoked.token_info.token_id)
    client.workspace.upload("/Shared/x.py", b"1", format=ImportFormat.AUTO)
    before = client.workspace.get_status("/Shared/x.py")
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="v")
    client.volumes.create("dev", "default", "v", VolumeType.MANAGED)
    client.files.upload("/Volumes/dev/default/v/x", io.BytesIO(CONTENT))
    own_workspace.kill()
    own_workspace.start()
    assert {name: own_workspace.token(name) for name in tokens} == tokens
    client = own_workspace.client("dev", token.token_value)
    assert client.users.get(user.id).user_name == "ada@example.com"
    assert client.workspace.get_status("/Shared/x.py") == before
    assert client.secrets.get_secret("s", "k").value == "dg=="
    assert client.files.download("/Volumes/dev/default/v/x").contents.read() == CONTENT
    with pytest.raises(PermissionDenied):
        own_workspace.client("dev", revoked.token_value).current_user.me()


@pytest.mark.belief
@pytest.mark.slow
def test_a_kill_during_replacements_leaves_a_whole_file(own_workspace: Any) -> None:
    client = own_workspace.client("dev")
    path = "/Workspace/Shared/whole"
    client.files.upload(path, io.BytesIO(b"a" * len(CONTENT)))
    stop = threading.Event()

    def replace() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            letter = b"ab"[number % 2 : number % 2 + 1]
            try:
                client.files.upload(path, io.BytesIO(letter * len(CONTENT)), overwrite=True)
            except Exception:  # the server is gone, as it should be
                return

    writer = threading.Thread(target=replace)
    writer.start()
    stop.wait(0.5)
    own_workspace.kill()
    stop.set()
    own_workspace.start()
    found = (own_workspace.home / "workspaces" / "dev" / "files" / "Shared" / "whole").read_bytes()
    assert found in (b"a" * len(CONTENT), b"b" * len(CONTENT))
    assert [one.path for one in own_workspace.client("dev").workspace.list("/Shared")] == [
        "/Shared/whole"
    ]
    assert not list((own_workspace.home / "workspaces" / "dev" / "staging").glob("*"))
