"""From a task's settings to files and requirements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brickyard.workspace.jobs import sources
from brickyard.workspace.jobs.references import Facts
from brickyard.workspace.kernel import ApiError

FACTS = Facts(job={}, parameters={"v": "2"}, workspace={})


def test_a_notebook_is_found_with_its_extension(tmp_path: Path) -> None:
    (tmp_path / "nb.py").write_text("")
    found = sources.notebook(tmp_path, "/Workspace/nb", "WORKSPACE")
    assert (found.inside, found.workspace_path) == ("/Workspace/nb.py", "/nb")


def test_a_path_does_not_leave_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "secret.py").write_text("")
    with pytest.raises(ApiError, match="secret"):
        sources.notebook(tmp_path / "files", "/Workspace/../secret.py", "WORKSPACE")


def test_requirements_come_from_environment_libraries_and_notebook(tmp_path: Path) -> None:
    notebook = tmp_path / "nb.py"
    notebook.write_text(
        "# Databricks notebook source\n# MAGIC %pip install -U numpy 'b==1'\n"
        "# MAGIC %pip install -r req.txt\n# MAGIC %pip install $var\n"
    )
    task = {
        "task_key": "t",
        "environment_key": "e",
        "libraries": [{"pypi": {"package": "c"}}, {"whl": "/Workspace/x.whl"}],
    }
    settings = {
        "environments": [
            {"environment_key": "other", "spec": {"dependencies": ["no"]}},
            {"environment_key": "e", "spec": {"dependencies": ["a=={{job.parameters.v}}"]}},
        ]
    }
    found = sources.requirements(task, settings, FACTS, notebook)
    assert found == ["a==2", "c", "/Workspace/x.whl", "numpy", "b==1", f"-r {tmp_path}/req.txt"]


def test_pip_cells_of_a_jupyter_notebook_count_too(tmp_path: Path) -> None:
    notebook = tmp_path / "nb.ipynb"
    cells = [{"cell_type": "code", "source": ["%pip install d\n", "x = 1\n"]}]
    notebook.write_text(json.dumps({"cells": cells}))
    assert sources.requirements({}, {}, FACTS, notebook) == ["d"]


def test_a_jar_library_is_refused_by_name() -> None:
    with pytest.raises(ApiError, match="libraries of type jar"):
        sources.requirements({"task_key": "t", "libraries": [{"jar": "x"}]}, {}, FACTS, None)
