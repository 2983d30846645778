"""What the code of a plain user's task can reach: everything that is not theirs must be absent.

The probe is a Python file that a job runs; it tries, and prints what it got as JSON.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.processes import enforcement

SUBMIT = "/api/2.2/jobs/runs/submit"
OUTPUT = "/api/2.2/jobs/runs/get-output"
CREDENTIALS = {
    "UV_INDEX_PRIVATE_PASSWORD": "planted-uv-password",
    "PIP_EXTRA_INDEX_URL": "https://someone:planted-pip-password@127.0.0.1:9/simple",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-key",
}
PROBE = r"""
import glob, json, os
from pathlib import Path

def attempt(what):
    try:
        return what()
    except OSError as fault:
        return type(fault).__name__

def write(folder):
    Path(folder, "probe.txt").write_text("x")
    return "written"

home, me = HOME, ME
environments = {}
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        environments[path] = Path(path).read_text(errors="replace")
    except OSError as fault:
        environments[path] = type(fault).__name__
print("PROBE" + json.dumps({
    "users": attempt(lambda: os.listdir("/Workspace/Users")),
    "roots": attempt(lambda: sorted(os.listdir("/Workspace"))),
    "own": attempt(lambda: write(f"/Workspace/Users/{me}")),
    "private": attempt(lambda: Path("/Workspace/Private/secret.txt").read_text()),
    "readable": attempt(lambda: Path("/Workspace/Readable/open.txt").read_text()),
    "write readable": attempt(lambda: write("/Workspace/Readable")),
    "editable": attempt(lambda: write("/Workspace/Editable")),
    "shared": attempt(lambda: write("/Workspace/Shared")),
    "home": attempt(lambda: sorted(os.listdir(home))),
    "database": attempt(lambda: Path(home, "brickyard.db").read_bytes()[:4].hex()),
    "tokens": attempt(lambda: Path(home, "run/workspaces.json").read_text()),
    "keys": attempt(lambda: os.listdir(Path(home, "keys"))),
    "runs": attempt(lambda: os.listdir(Path(home, "runs"))),
    "catalogs": attempt(lambda: sorted(os.listdir(Path(home, "catalogs")))),
    "write dev": attempt(lambda: write(Path(home, "catalogs/dev/tables"))),
    "write prod": attempt(lambda: write(Path(home, "catalogs/prod/volumes"))),
    "processes": len(environments),
    "environments": environments,
}))
"""


@dataclass(slots=True)
class Own:
    server: Any
    wire: Any
    nobody: Any

    def put(self, path: str, text: str) -> None:
        wire = self.wire
        wire.admin("POST", "/api/2.0/workspace/mkdirs", {"path": str(Path(path).parent)})
        content = base64.b64encode(text.encode()).decode()
        body = {"path": path, "content": content, "format": "RAW", "overwrite": True}
        assert wire.admin("POST", "/api/2.0/workspace/import", body).status == 200

    def allow(self, path: str, level: str) -> None:
        found = self.wire.admin("GET", f"/api/2.0/workspace/get-status?path={path}").json()
        entry = {"service_principal_name": self.nobody.user_name, "permission_level": level}
        target = f"/api/2.0/permissions/directories/{found['object_id']}"
        body = {"access_control_list": [entry]}
        assert self.wire.admin("PATCH", target, body).status == 200

    def run(self, text: str, **task: Any) -> dict[str, Any]:
        """The output of a one-task run of the plain user."""
        path = f"/Users/{self.nobody.user_name}/probe.py"
        self.put(path, text)
        one = {"task_key": "probe", "spark_python_task": {"python_file": f"/Workspace{path}"}}
        token = self.nobody.token
        made = self.wire.send("POST", SUBMIT, {"tasks": [{**one, **task}]}, token=token)
        assert made.status == 200, made.body
        run_id = made.json()["run_id"]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.wire.send("GET", f"/api/2.2/jobs/runs/get?run_id={run_id}", token=token)
            if found.json()["status"]["state"] == "TERMINATED":
                break
            time.sleep(0.1)
        got: dict[str, Any] = self.wire.send("GET", f"{OUTPUT}?run_id={run_id}", token=token).json()
        return got


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """A server that was started by somebody whose environment holds credentials."""
    from tests.conformance.security.conftest import Wire, make_nobody
    from tests.conftest import EmbeddedServer

    before = dict(os.environ)
    os.environ.update(CREDENTIALS)
    server = EmbeddedServer(home=tmp_path_factory.mktemp("own"))
    try:
        server.start()
    finally:
        os.environ.clear()
        os.environ.update(before)
    wire = Wire(server)
    yield Own(server, wire, make_nobody(server, wire))
    wire.close()
    server.stop()


@pytest.fixture(scope="module")
def seen(own: Own) -> dict[str, Any]:
    if enforcement().kind != "namespace":
        pytest.skip(f"nothing is enforced here: {enforcement().reason}")
    for name, file in (("Private", "secret"), ("Readable", "open"), ("Editable", "open")):
        own.put(f"/{name}/{file}.txt", name)
    own.allow("/Readable", "CAN_READ")
    own.allow("/Editable", "CAN_EDIT")
    home, me = str(own.server.home), own.nobody.user_name
    text = PROBE.replace("HOME, ME", f"{home!r}, {me!r}")
    logs = own.run(text)["logs"]
    found: dict[str, Any] = json.loads(logs.split("PROBE", 1)[1].splitlines()[0])
    return found


@pytest.mark.documented
@pytest.mark.slow
def test_the_workspace_tree_follows_its_permissions(seen: dict[str, Any], own: Own) -> None:
    assert seen["users"] == [own.nobody.user_name]
    assert seen["roots"] == ["Editable", "Readable", "Shared", "Users"]
    assert (seen["own"], seen["shared"], seen["editable"]) == ("written",) * 3
    assert seen["readable"] == "Readable"
    assert seen["write readable"] == "OSError"
    assert seen["private"] == "FileNotFoundError"


@pytest.mark.belief
@pytest.mark.slow
def test_the_data_directory_is_hidden(seen: dict[str, Any]) -> None:
    assert seen["home"] == ["catalogs", "environments", "runs", "workspaces"]
    assert len(seen["runs"]) == 1
    for name in ("database", "tokens", "keys"):
        assert seen[name] == "FileNotFoundError", name


@pytest.mark.belief
@pytest.mark.slow
def test_catalogs_that_everybody_may_read_cannot_be_written(seen: dict[str, Any]) -> None:
    assert seen["catalogs"] == ["dev", "prod"]
    refusals = {"OSError", "WriteRefused"}  # the latter is the runtime's own wording
    assert {seen["write dev"], seen["write prod"]} <= refusals


@pytest.mark.belief
@pytest.mark.slow
def test_other_processes_are_not_there_and_credentials_are_not_passed_on(
    seen: dict[str, Any],
) -> None:
    assert seen["processes"] <= 4
    everything = "\n".join(seen["environments"].values())
    assert "DATABRICKS_TOKEN" in everything
    assert "planted" not in everything
    assert "PIP_EXTRA_INDEX_URL=https://127.0.0.1:9/simple" in everything


@pytest.mark.belief
@pytest.mark.slow
def test_a_requirements_file_cannot_be_one_of_the_data_directory(own: Own) -> None:
    run_file = own.server.home / "run" / "workspaces.json"
    own.put("/Private/requirements.txt", "planted-package-of-somebody-else\n")
    for path in (str(run_file), "/Workspace/Private/requirements.txt"):
        said = json.dumps(own.run("print('ran')", libraries=[{"requirements": path}]))
        assert "no access" in said, said
        assert "planted" not in said
        assert own.server.token("prod") not in said
        assert "ran" not in said.split("logs")[-1][:20]
