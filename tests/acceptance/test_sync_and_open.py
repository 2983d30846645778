"""`sync`, once and watching, and `open`, from the command line against an embedded workspace."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest, write_bundle
from databricks.sdk.service.workspace import ImportFormat


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"sync_{uuid.uuid4().hex[:8]}"
    made = write_bundle(tmp_path / "bundle", name, workspace.environment("dev"))
    yield made
    made("destroy", "--auto-approve", code=None)


def files_of(client: Any, bundle: BundleUnderTest) -> str:
    me = client.current_user.me().user_name
    return f"/Workspace/Users/{me}/.bundle/{bundle.name}/dev/files"


@pytest.mark.documented
def test_a_sync_sends_what_changed_and_a_deploy_after_it_nothing(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client = workspace.client("dev")
    there = files_of(client, bundle)
    (bundle.folder / "old").mkdir()
    (bundle.folder / "old" / "x.txt").write_text("x")
    dry = bundle("sync", "--dry-run", "-o", "text")
    assert dry.out.splitlines()[0] == "Action: PUT: databricks.yml, old/x.txt, src/hello.py"
    assert "Running in dry-run mode" in dry.err
    first = bundle("bundle", "sync", "-o", "text").out.splitlines()
    assert first[0] == "Action: PUT: databricks.yml, old/x.txt, src/hello.py"
    assert first[-1] == "Initial Sync Complete"
    assert bundle("sync", "-o", "text").out == "Initial Sync Complete\n"
    client.workspace.upload(f"{there}/theirs.txt", b"t", format=ImportFormat.AUTO)
    (bundle.folder / "old" / "x.txt").unlink()
    (bundle.folder / "nb.py").write_text("# Databricks notebook source\n")
    lines = [json.loads(line) for line in bundle("sync", "-o", "json").out.splitlines()]
    assert (lines[0]["put"], lines[0]["delete"]) == (["nb.py"], ["old/x.txt"])
    assert {line["type"] for line in lines} == {"start", "progress", "complete"}
    assert sorted(item.path.rpartition("/")[2] for item in client.workspace.list(there)) == [
        "databricks.yml",
        "nb",
        "src",
        "theirs.txt",
    ]
    assert "Files: 1 uploaded, 0 deleted" in edited(bundle)("sync").err


def edited(bundle: BundleUnderTest) -> BundleUnderTest:
    (bundle.folder / "src" / "hello.py").write_text("print('edited')\n")
    return bundle


@pytest.mark.documented
def test_a_watch_follows_edits_and_settles_when_it_is_ended(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client = workspace.client("dev")
    there = files_of(client, bundle)
    process = subprocess.Popen(
        [sys.executable, "-m", "brickyard", "sync", "--watch", "--interval", "50ms", "-o", "json"],
        cwd=bundle.folder,
        env=dict(bundle.environment),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        rounds = (line for line in map(json.loads, process.stdout) if line["type"] == "complete")
        assert next(rounds)["put"] == ["databricks.yml", "src/hello.py"]
        edited(bundle)
        assert next(rounds)["put"] == ["src/hello.py"]
        with client.workspace.download(f"{there}/src/hello.py") as file:
            assert file.read() == b"print('edited')\n"
        (bundle.folder / "more").mkdir()
        (bundle.folder / "more" / "x.txt").write_text("x")
        assert next(rounds)["put"] == ["more/x.txt"]
        (bundle.folder / "more" / "x.txt").unlink()
        assert next(rounds)["delete"] == ["more/x.txt"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    assert bundle("sync", "-o", "text").out == "Initial Sync Complete\n"


@pytest.mark.documented
def test_open_says_the_address_of_what_is_deployed(bundle: BundleUnderTest) -> None:
    environment = {**bundle.environment, "BROWSER": "none"}
    quiet = BundleUnderTest(folder=bundle.folder, name=bundle.name, environment=environment)
    before = quiet("open", "hello", code=1)
    assert "resource does not have a URL associated with it (has it been deployed?)" in before.err
    quiet("deploy")
    url = quiet("summary", "-o", "json").data["resources"]["jobs"]["hello"]["url"]
    assert quiet("open", "jobs.hello").out.strip() == url
    assert quiet("bundle", "open", "jobs.hello").err.splitlines()[-1] == url
    assert 'resource with key "nope" not found' in quiet("open", "nope", code=1).err
    assert "expected a KEY of the resource to open" in quiet("open", code=1).err
    opened = BundleUnderTest(
        folder=bundle.folder, name=bundle.name, environment={**environment, "BROWSER": "echo"}
    )("open", "hello")
    assert opened.out.strip() == url
    assert f"Opening browser at {url}" in opened.err
