"""Wheel tasks as notebooks, for runtimes that take no local libraries."""

from __future__ import annotations

import ast
from pathlib import Path

from brickyard.deploy.artifacts import Prepared
from brickyard.deploy.wheel_wrapper import Places, internal_files, wrap_wheels

WHEEL = "/Workspace/x/.internal/shop-1-py3-none-any.whl"
TASK = {"package_name": "shop", "entry_point": "main", "parameters": ["a", 'b"c']}


def test_a_task_with_wheels_of_the_workspace_becomes_a_notebook_task(tmp_path: Path) -> None:
    jar = {"jar": "/Volumes/c/s/v/x.jar"}
    task = {"task_key": "t_u", "python_wheel_task": TASK, "libraries": [{"whl": WHEEL}, jar]}
    other = {"task_key": "o", "python_wheel_task": TASK, "libraries": [{"pypi": {"package": "x"}}]}
    places = Places(folder=tmp_path / ".databricks", root=tmp_path, file_path="/Workspace/f")
    before = Prepared(resources={"jobs": {"j": {"tasks": [task, other]}}}, uploads=())
    first, second = wrap_wheels(before, places).resources["jobs"]["j"]["tasks"]
    path = ".databricks/.internal/notebook_1_j_t_u"
    assert first == {
        "task_key": "t_u",
        "libraries": [jar],
        "notebook_task": {"notebook_path": f"/Workspace/f/{path}"},
    }
    assert second == other
    assert internal_files(places) == (f"{path}.py",)
    notebook = (tmp_path / f"{path}.py").read_text()
    assert notebook.startswith("# Databricks notebook source\n")
    assert f'%pip install --force-reinstall "{WHEEL}"' in notebook
    assert "else ['a', 'b\"c'])]" in ast.unparse(ast.parse(notebook))
