"""Secrets are used in every way there is; afterwards the whole data directory is searched for them.

What may hold a token: the run file, which is for this user's eyes only, and keys.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

SECRET = "planted-7f3e9a-scope-value"
EXPECTED = ("run/workspaces.json", "keys/")
TASK = """
import os
from databricks.sdk.runtime import dbutils
value = dbutils.secrets.get("vault", "password")
assert len(value) == {length}, len(value)
print("token has", len(os.environ["DATABRICKS_TOKEN"]))
os.system("true " + "x")
raise RuntimeError("the task fails without the secret in its message")
"""


@pytest.fixture
def wire(own_workspace: Any) -> Iterator[Any]:
    from tests.conformance.security.conftest import Wire

    opened = Wire(own_workspace)
    yield opened
    opened.close()


def leaks(home: Path, needles: dict[str, str]) -> list[str]:
    """Which secrets lie in which files."""
    found = []
    for path in home.rglob("*"):
        name = str(path.relative_to(home))
        if not path.is_file() or path.is_symlink() or name.startswith(EXPECTED):
            continue
        content = path.read_bytes()
        found += [
            f"{label} in {name}" for label, text in needles.items() if text.encode() in content
        ]
    return found


@pytest.mark.belief
@pytest.mark.slow
def test_no_secret_lies_about_after_it_was_used_in_every_way(own_workspace: Any, wire: Any) -> None:
    needles = {"secret": SECRET}
    for name in ("dev", "staging", "prod"):
        needles[f"token of {name}"] = own_workspace.token(name)

    # A scope, read by its owner, by somebody who may not, and by names that are wrong.
    wire.admin("POST", "/api/2.0/secrets/scopes/create", {"scope": "vault"})
    value = {"scope": "vault", "key": "password", "string_value": SECRET}
    assert wire.admin("POST", "/api/2.0/secrets/put", value).status == 200
    assert wire.admin("POST", "/api/2.0/secrets/put", {**value, "scope": "x"}).status == 404
    assert wire.admin("POST", "/api/2.0/secrets/put", {**value, "key": [SECRET]}).status == 400
    assert wire.admin("GET", "/api/2.0/secrets/get?scope=vault&key=password").status == 200

    # Tokens: made, used, sent in wrong places.
    made = wire.admin("POST", "/api/2.0/token/create", {"comment": "c"}).json()["token_value"]
    needles["token"] = made
    me = "/api/2.0/preview/scim/v2/Me"
    assert wire.send("GET", me, token=made).status == 200
    assert wire.send("GET", f"{me}?access_token={made}", token=made + "x").status == 403
    assert wire.send("GET", f"/nowhere?token={made}", token=made).status == 404
    assert wire.send("GET", me, token=made, workspace="prod").status == 403

    # Signed addresses of the Files API.
    wire.admin("PUT", "/api/2.0/fs/files/Workspace/Shared/f.bin", b"content")
    asked = {"path": "/Workspace/Shared/f.bin"}
    url = urlsplit(wire.admin("POST", "/api/2.0/fs/create-download-url", asked).json()["url"])
    signature = needles["signature"] = parse_qs(url.query)["token"][0]
    assert wire.send("GET", f"{url.path}?{url.query}").body == b"content"
    assert wire.send("PUT", f"{url.path}?token={signature}", b"x").status == 403
    assert wire.send("GET", f"{url.path}?token={signature}x").status == 403

    # A task that reads the secret and fails; a served model with the secret in its environment.
    text = TASK.format(length=len(SECRET)).encode()
    wire.admin("PUT", "/api/2.0/fs/files/Workspace/Shared/task.py", text)
    task = {
        "task_key": "t",
        "spark_python_task": {"python_file": "/Workspace/Shared/task.py"},
    }
    run = wire.admin("POST", "/api/2.2/jobs/runs/submit", {"tasks": [task]}).json()["run_id"]
    entity = {
        "entity_name": "dev.default.no_such_model",
        "entity_version": "1",
        "environment_vars": {"PASSWORD": "{{secrets/vault/password}}"},
    }
    endpoint = {"name": "e", "config": {"served_entities": [entity]}}
    wire.admin("POST", "/api/2.0/serving-endpoints", endpoint)
    deadline = time.monotonic() + 60
    output: dict[str, Any] = {}
    while "error" not in output and time.monotonic() < deadline:
        time.sleep(0.2)
        output = wire.admin("GET", f"/api/2.2/jobs/runs/get-output?run_id={run}").json()
    assert "the task fails" in output["error"], output

    assert leaks(own_workspace.home, needles) == []
    own_workspace.kill()
    own_workspace.start()
    assert leaks(own_workspace.home, needles) == []


@pytest.mark.belief
def test_the_data_directory_is_for_its_owner_alone(own_workspace: Any) -> None:
    home = own_workspace.home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    private = [home / "run" / "workspaces.json", *(home / "keys").iterdir()]
    assert len(private) > 1
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
