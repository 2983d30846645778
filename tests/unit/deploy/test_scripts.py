"""Hook scripts, scripts of the bundle, and the findings of `validate` about files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from brickyard.deploy import load_project
from brickyard.deploy.hooks import HookFailed, run_hook
from brickyard.deploy.http import ApiFailure, Workspace
from brickyard.deploy.scripts import child_environment, run_command, run_script
from brickyard.deploy.sync_checks import check_sync

PATH = {"PATH": os.environ["PATH"]}


def write(folder: Path, text: str) -> Path:
    (folder / "databricks.yml").write_text("bundle: {name: shop}\n" + text)
    return folder


def test_preinit_runs_before_includes_are_read(tmp_path: Path) -> None:
    script = "echo made; echo oops >&2; echo 'resources: {jobs: {j: {name: hi}}}' > j.yml"
    text = f'include: [j.yml]\nexperimental: {{scripts: {{preinit: "{script}"}}}}'
    said: list[str] = []
    project = load_project(write(tmp_path, text), environment=PATH, say=said.append)
    assert [one.address for one in project.resolved.resources] == ["resources.jobs.j"]
    assert said == ["Executing 'preinit' script", "made", "oops"]


def test_a_script_that_fails_stops_the_command_and_says_where_it_stands(tmp_path: Path) -> None:
    text = 'experimental: {scripts: {predeploy: "exit 3"}}'
    project = load_project(write(tmp_path, text), environment=PATH)
    with pytest.raises(HookFailed, match=r"exit status 3\n.*predeploy\n.*databricks.yml:2:"):
        run_hook(project, "predeploy", lambda _: None)
    run_hook(project, "postdeploy", lambda _: None)


def test_a_script_does_not_run_where_running_code_is_restricted(tmp_path: Path) -> None:
    text = 'experimental: {scripts: {preinit: "touch ran"}}'
    restricted = {**PATH, "DATABRICKS_BUNDLE_RESTRICTED_CODE_EXECUTION": "1"}
    with pytest.raises(HookFailed, match="not allowed when DATABRICKS_BUNDLE_RESTRICTED"):
        load_project(write(tmp_path, text), environment=restricted, say=lambda _: None)
    assert not (tmp_path / "ran").exists()


def test_scripts_and_commands_find_the_workspace_in_their_environment(tmp_path: Path) -> None:
    text = """
variables: {x: {default: "a b"}}
workspace: {host: https://w.example}
targets: {dev: {}}
scripts: {s: {content: 'echo "$DATABRICKS_HOST $DATABRICKS_TOKEN $X" > out; exit 7',
  env: {X: "${var.x}"}}}
"""
    token = {"DATABRICKS_TOKEN": "t0", "ARM_CLIENT_ID": "other", "DATABRICKS_CLIENT_ID": "x"}
    project = load_project(write(tmp_path, text), environment={**PATH, **token})
    assert run_script(project, "s") == 7
    assert (tmp_path / "out").read_text() == "https://w.example t0 a b\n"
    assert run_command(project, ["sh", "-c", "test $DATABRICKS_BUNDLE_TARGET = dev"], tmp_path) == 0
    assert not {"ARM_CLIENT_ID", "DATABRICKS_CLIENT_ID"} & child_environment(project).keys()


def test_patterns_that_fit_nothing_and_an_empty_upload_are_warned_about(tmp_path: Path) -> None:
    text = 'sync: {exclude: ["*.csv", "*"], include: ["!gone/**"]}'
    found = check_sync(load_project(write(tmp_path, text), environment=PATH))
    assert [(one.path, one.summary.split(",")[0]) for one in found] == [
        ("sync.exclude[0]", "Pattern *.csv does not match any files"),
        ("sync.include[0]", "Pattern !gone/** does not match any files"),
        ("sync.exclude", "There are no files to sync"),
    ]
    assert not check_sync(load_project(write(tmp_path, "sync: {paths: []}"), environment=PATH))


class OneFolder:
    """A workspace that has a notebook at `/nb`, a folder at `/f`, and wants absolute paths."""

    def get(self, path: str, query: Mapping[str, str]) -> dict[str, str]:
        asked = query["path"]
        kind = {"/Workspace/nb": "NOTEBOOK", "/Workspace/f": "DIRECTORY"}.get(asked)
        if kind is not None:
            return {"object_type": kind}
        status, code = (404, "GONE") if asked.startswith("/") else (400, "INVALID")
        raise ApiFailure(status=status, code=code, message="no", method="GET", path=path)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/Workspace/nb", ["/Workspace/nb points to a notebook"]),
        ("here", ["no (400 INVALID)"]),
        ("/Workspace/f", []),
        ("/Workspace/new", []),
    ],
)
def test_where_no_files_can_go_is_an_error(tmp_path: Path, path: str, told: list[str]) -> None:
    text = f"workspace: {{root_path: /Workspace/r, file_path: {path}}}"
    project = load_project(write(tmp_path, text), environment=PATH)
    asked = replace(project, client=cast("Workspace", OneFolder()))
    assert [one.summary for one in check_sync(asked)] == told
    without = write(tmp_path, f"{text}\nsync: {{paths: []}}")
    unasked = replace(load_project(without, environment=PATH), client=asked.client)
    assert not check_sync(unasked)
