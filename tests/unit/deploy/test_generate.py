"""What is written about an object: which fields, in which order; where its files go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brickyard.deploy.generate import (
    Cannot,
    Places,
    configuration,
    generate_app,
    generate_pipeline,
)
from brickyard.deploy.generate.downloads import common_folder
from brickyard.deploy.http import Answer, ApiFailure, Workspace, bearer


def test_a_job_begins_with_what_tells_most_and_leaves_out_what_no_bundle_sets() -> None:
    settings = {
        "format": "MULTI_TASK",
        "timeout_seconds": 0,
        "max_concurrent_runs": 1,
        "tasks": [
            {"run_if": "ALL_SUCCESS", "task_key": "a", "job_cluster_key": "c", "made_up": 1},
            {"depends_on": [{"task_key": "a"}], "task_key": "b", "email_notifications": {}},
        ],
        "parameters": [{"default": "", "name": "day"}],
        "name": "nightly",
        "description": None,
        "tags": {"z": "1", "a": "2"},
    }
    job = configuration.job(settings)
    assert list(job) == [
        "name",
        "tasks",
        "parameters",
        "max_concurrent_runs",
        "tags",
        "timeout_seconds",
    ]
    assert [list(task) for task in job["tasks"]] == [
        ["task_key", "job_cluster_key", "run_if"],
        ["task_key", "depends_on", "email_notifications"],
    ]
    assert list(job["parameters"][0]) == ["name", "default"]
    assert list(job["tags"]) == ["a", "z"]


def test_a_pipeline_is_written_without_storage_and_with_its_root_where_the_files_are() -> None:
    spec = {
        "id": "1",
        "storage": "dbfs:/x",
        "development": True,
        "edition": "ADVANCED",
        "catalog": "main",
        "name": "p",
        "root_path": "/Workspace/p",
        "libraries": [{"glob": {"include": "/Workspace/p/**"}}],
    }
    assert configuration.pipeline(spec, root_path="../src", remote_root="/Workspace/p") == {
        "name": "p",
        "libraries": [{"glob": {"include": "../src/**"}}],
        "catalog": "main",
        "root_path": "../src",
    }


def test_a_genie_space_is_in_the_workspace_tree() -> None:
    got = {"title": "T", "warehouse_id": "w", "space_id": "s", "parent_path": "/Users/me"}
    assert configuration.genie_space(got, "../src/t.geniespace.json") == {
        "title": "T",
        "warehouse_id": "w",
        "file_path": "../src/t.geniespace.json",
        "parent_path": "/Workspace/Users/me",
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [("Nightly: ETL — run", "nightly_etl_run"), ("[dev me] x", "dev_me_x"), ("__a  b__", "a_b")],
)
def test_a_key_is_made_of_letters_digits_and_single_underscores(name: str, key: str) -> None:
    assert configuration.key_of(name) == key


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["/a/b/x"], "/a/b"),
        (["/a/b/x", "/a/c/y"], "/a"),
        (["/a/bc", "/a/bd"], "/a"),
        (["/a/b/x", "/a/b/x"], "/a/b"),
        (["/a/x", "/b/y"], ""),
    ],
)
def test_files_keep_their_shape_below_the_folder_they_share(paths: list[str], folder: str) -> None:
    assert common_folder(paths) == folder


STATUS = "GET /api/2.0/workspace/get-status"


class Recorded(Workspace):
    """Answers by method, path and the `path` asked for."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__(host="https://x", authorize=bearer("t"))
        object.__setattr__(self, "answers", answers)

    def send(self, method: str, path: str, *, query: Any = None, **_: Any) -> Answer:
        import json

        named = f"{method} {path} {(query or {}).get('path', '')}".strip()
        answers: dict[str, Any] = self.answers  # type: ignore[attr-defined]
        if named not in answers:
            raise ApiFailure(status=404, code="NO", message=named, method=method, path=path)
        found = answers[named]
        return Answer(200, {}, found if isinstance(found, bytes) else json.dumps(found).encode())


def places(folder: Path, **options: Any) -> Places:
    return Places(
        config_dir=folder / "resources",
        source_dir=folder / "src",
        force=bool(options.get("force")),
        say=options.get("say", lambda _: None),
    )


def pipeline_workspace() -> Recorded:
    def lies(path: str, **more: str) -> dict[str, Any]:
        return {f"{STATUS} {path}": {"path": path, **more}}

    notebook = {"object_type": "NOTEBOOK", "language": "SQL", "repos_export_format": "SOURCE"}
    return Recorded(
        {
            "GET /api/2.0/pipelines/7": {
                "name": "My flow",
                "spec": {
                    "name": "My flow",
                    "root_path": "/W/p",
                    "libraries": [{"glob": {"include": "/W/p/t/**"}}],
                    "id": "7",
                },
            },
            **lies("/W/p", object_type="DIRECTORY"),
            **lies("/W/p/t/a.py", object_type="FILE"),
            **lies("/W/p/nb", **notebook),
            "GET /api/2.0/workspace/list /W/p": {
                "objects": [
                    {"path": "/W/p/t", "object_type": "DIRECTORY"},
                    {"path": "/W/p/node_modules", "object_type": "DIRECTORY"},
                    {"path": "/W/p/nb", "object_type": "NOTEBOOK"},
                ]
            },
            "GET /api/2.0/workspace/list /W/p/t": {
                "objects": [{"path": "/W/p/t/a.py", "object_type": "FILE"}]
            },
            "GET /api/2.0/workspace/export /W/p/t/a.py": b"a",
            "GET /api/2.0/workspace/export /W/p/nb": b"-- Databricks notebook source",
        }
    )


def test_a_pipelines_root_folder_comes_down_whole(tmp_path: Path) -> None:
    made = generate_pipeline(pipeline_workspace(), "7", places(tmp_path))
    assert made.path == tmp_path / "resources" / "my_flow.pipeline.yml"
    assert made.path.read_text() == (
        "resources:\n"
        "  pipelines:\n"
        "    my_flow:\n"
        "      name: My flow\n"
        "      libraries:\n"
        "        - glob:\n"
        "            include: ../src/t/**\n"
        "      root_path: ../src\n"
    )
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path).as_posix() for path in files] == [
        "resources/my_flow.pipeline.yml",
        "src/nb.sql",
        "src/t/a.py",
    ]


def test_nothing_is_written_when_one_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "nb.sql").write_text("mine")
    with pytest.raises(Cannot, match=r"nb.sql already exists. Use --force to overwrite"):
        generate_pipeline(pipeline_workspace(), "7", places(tmp_path))
    assert not (tmp_path / "resources").exists()
    assert not (tmp_path / "src" / "t").exists()
    generate_pipeline(pipeline_workspace(), "7", places(tmp_path, force=True))
    assert (tmp_path / "src" / "nb.sql").read_text() == "-- Databricks notebook source"


def test_a_root_below_workspace_is_known_in_a_list_without_that(tmp_path: Path) -> None:
    workspace = Recorded(
        {
            "GET /api/2.0/apps/a": {"name": "a", "default_source_code_path": "/Workspace/U/p"},
            f"{STATUS} /Workspace/U/p": {"path": "/U/p"},
            f"{STATUS} /U/p/x/app.py": {"path": "/U/p/x/app.py"},
            "GET /api/2.0/workspace/list /Workspace/U/p": {"objects": [{"path": "/U/p/x/app.py"}]},
            "GET /api/2.0/workspace/export /U/p/x/app.py": b"a",
        }
    )
    generate_app(workspace, "a", places(tmp_path))
    assert (tmp_path / "src" / "x" / "app.py").read_bytes() == b"a"


def test_an_app_that_was_never_deployed_has_no_source_to_fetch(tmp_path: Path) -> None:
    said: list[str] = []
    app = {
        "name": "my-app",
        "url": "https://x",
        "resources": [{"name": "s", "sql_warehouse": {"permission": "CAN_USE", "id": "w"}}],
    }
    workspace = Recorded({"GET /api/2.0/apps/my-app": app})
    made = generate_app(workspace, "my-app", places(tmp_path, say=said.append))
    assert made.path.read_text() == (
        "resources:\n"
        "  apps:\n"
        "    my_app:\n"
        "      name: my-app\n"
        '      description: ""\n'
        "      source_code_path: ../src\n"
        "      resources:\n"
        "        - name: s\n"
        "          sql_warehouse:\n"
        "            id: w\n"
        "            permission: CAN_USE\n"
    )
    assert said[0] == "Loading app 'my-app' configuration"


def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = "/W/p/../../x.py"
    workspace = Recorded(
        {
            "GET /api/2.0/apps/a": {"name": "a", "default_source_code_path": "/W/p"},
            f"{STATUS} /W/p": {"path": "/W/p"},
            f"{STATUS} {path}": {"path": path},
            "GET /api/2.0/workspace/list /W/p": {"objects": [{"path": path}]},
        }
    )
    with pytest.raises(Cannot, match="outside of"):
        generate_app(workspace, "a", places(tmp_path))
