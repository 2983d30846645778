"""Code of AI runtime tasks: packed into an archive whose name tells its content."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from fake_workspace import ROOT, MakeProject
from test_deploy import deployed, world

from brickyard.bundle import CurrentUser, Facts, resolve
from brickyard.deploy import Project, make_plan
from brickyard.deploy.artifacts import BuildFailed
from brickyard.values import Severity


def job(path: str, **more: Any) -> dict[str, Any]:
    task = {"task_key": "t", "ai_runtime_task": {"experiment": "e", "code_source_path": path}}
    return {"jobs": {"train": {"name": "train", "tasks": [task], **more}}}


def write(project: Project, **files: str) -> None:
    for name, text in files.items():
        place = project.root / "src" / "code" / name.replace("__", "/").replace("_py", ".py")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def archive(project: Project) -> tuple[str, dict[str, tuple[bytes, int]]]:
    """The name of the uploaded archive, and its entries: content and mode."""
    start = f"{ROOT}/files/.air_snapshots/"
    (name,) = [one for one in world(project)["files"] if one.startswith(start)]
    content = world(project)["files"][name].encode("latin-1")
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        entries = {}
        for entry in packed:
            assert (entry.mtime, entry.uid, entry.uname) == (946684800, 0, "")
            read = packed.extractfile(entry)
            assert read is not None
            entries[entry.name] = (read.read(), entry.mode)
    return name, entries


def code_path(project: Project) -> str:
    (made,) = world(project)["jobs"].values()
    return str(made["tasks"][0]["ai_runtime_task"]["code_source_path"])


def test_a_folder_goes_as_an_archive_that_the_task_names(make_project: MakeProject) -> None:
    project = make_project(job("./src/code"))
    write(project, train_py="print(1)", pkg__u_py="x = 1", **{"._x": "mac"})
    (project.root / "src" / "code" / "train.py").chmod(0o755)
    deployed(project)
    name, entries = archive(project)
    assert entries == {
        "code/pkg/u.py": (b"x = 1", 0o644),
        "code/train.py": (b"print(1)", 0o755),
    }
    assert code_path(project) == name
    again = deployed(make_project(job("./src/code")))
    assert again.changed_nothing
    changed = make_project(job("./src/code"))
    write(changed, train_py="print(2)")
    deployed(changed)
    newer, _ = archive(changed)  # and the old one is gone
    assert newer != name
    assert code_path(changed) == newer


def test_paths_elsewhere_and_archives_are_left_as_they_are(make_project: MakeProject) -> None:
    for path in ("/Workspace/code.tar.gz", "/Volumes/a/b/c/code.tar.gz"):
        project = make_project(job(path))
        deployed(project)
        assert code_path(project) == path


def test_a_folder_without_files_to_send_is_an_error(make_project: MakeProject) -> None:
    project = make_project(job("src/code"))
    (project.root / "src" / "code").mkdir(parents=True)
    with pytest.raises(BuildFailed, match="has no files to package"):
        make_plan(project)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code_source_path: ../x", "is outside the bundle root"),
        ("code_source_path: code", "cannot be combined with git_source"),
    ],
)
def test_what_cannot_be_packed_is_refused_in_the_official_words(text: str, said: str) -> None:
    git = "git_source: {git_url: 'https://x', git_provider: gitHub, git_branch: main},"
    task = f"{{task_key: t, ai_runtime_task: {{experiment: e, {text}}}}}"
    files = {
        "databricks.yml": "bundle: {name: x}\n"
        f"resources: {{jobs: {{j: {{name: j, {git} tasks: [{task}]}}}}}}",
        "code/a.py": "",
    }
    found = resolve(
        {name: content.encode() for name, content in files.items()},
        facts=Facts(user=CurrentUser(user_name="jane@x")),
    )
    errors = [one for one in found.diagnostics if one.severity is Severity.ERROR]
    assert any(said in one.summary for one in errors)
    assert all(one.detail for one in errors)


def test_nothing_may_stand_where_the_archives_go() -> None:
    task = "{task_key: t, ai_runtime_task: {experiment: e, code_source_path: code}}"
    files = {
        "databricks.yml": "bundle: {name: x}\nsync: {exclude: ['.air*']}\n"
        f"resources: {{jobs: {{j: {{name: j, tasks: [{task}]}}}}}}",
        "code/a.py": "",
        ".air_snapshots/x": "",
    }
    found = resolve(
        {name: content.encode() for name, content in files.items()},
        facts=Facts(user=CurrentUser(user_name="jane@x")),
    )
    said = [one.summary for one in found.diagnostics if one.severity is Severity.ERROR]
    assert any("is reserved for AI Runtime code snapshots" in one for one in said)
    assert any("sync.exclude must not match" in one for one in said)
