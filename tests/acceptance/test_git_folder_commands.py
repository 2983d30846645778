"""`git-folders` from the command line: made from a repository of this machine, moved, deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

BUNDLE = """\
bundle: {name: NAME}
resources:
  schemas:
    a: {catalog_name: dev, name: NAME}
"""
pytestmark = pytest.mark.belief


def test_a_bundle_is_deployed_from_a_git_folder(tmp_path: Path, workspace: Any) -> None:
    name = f"folder_{uuid.uuid4().hex[:8]}"
    source = tmp_path / name
    source.mkdir()
    (source / "databricks.yml").write_text(BUNDLE.replace("NAME", name))
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "One")):
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        subprocess.run(["git", *who, *words], cwd=source, check=True)
    environment = {**os.environ, **workspace.environment()}

    def call(*words: str) -> Any:
        ended = subprocess.run(
            [sys.executable, "-m", "brickyard", "git-folders", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if "json" in words else ended.stdout

    made = call("create", str(source), "-o", "json")
    assert made["path"].endswith(f"/{name}")
    assert made["path"] in call("list")
    call("deploy", str(made["id"]))
    assert workspace.client("dev").schemas.get(f"dev.{name}").name == name
    shared = call("permissions", made["path"], "--give", "users=CAN_READ", "-o", "json")
    assert any(one.get("group_name") == "users" for one in shared["access_control_list"])
    moved = call("update", made["path"], "--branch", "main", "-o", "json")
    assert moved["head_commit_id"] == made["head_commit_id"]
    call("delete", made["path"], "--auto-approve")
    assert made["path"] not in call("list")
