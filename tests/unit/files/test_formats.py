"""Notebook formats, multipart forms and paths, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.files import forms, notebooks
from brickyard.workspace.files.paths import beneath, workspace_parts
from brickyard.workspace.kernel import ApiError

SOURCE = b"""# Databricks notebook source
print(1)

# COMMAND ----------

# MAGIC %md
# MAGIC # Title
# MAGIC
# MAGIC text

# COMMAND ----------

# MAGIC %sql
# MAGIC select 1
"""


def test_source_survives_the_way_through_jupyter() -> None:
    jupyter = notebooks.to_jupyter(SOURCE, "PYTHON")
    assert notebooks.to_source(jupyter) == SOURCE


@pytest.mark.parametrize(
    ("name", "content", "suffix"),
    [
        ("a.py", b"# Databricks notebook source\r\nx", ".py"),
        ("a.py", b"\xef\xbb\xbf# Databricks notebook source", ".py"),
        ("a.py", b"# Databricks notebook sources", ""),
        ("a.py", b"x\n# Databricks notebook source", ""),
        ("a.sql", b"-- Databricks notebook source\n", ".sql"),
        ("a.ipynb", b'{"cells": []}', ".ipynb"),
        ("a.ipynb", b"", ""),
        ("a.txt", b"# Databricks notebook source", ""),
    ],
)
def test_what_is_a_notebook(name: str, content: bytes, suffix: str) -> None:
    assert notebooks.notebook_suffix(name, content) == suffix


def test_a_form_keeps_bytes_as_they_are() -> None:
    content = b"\r\n--not the boundary\r\n\x00\xff"
    body = (
        b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\n/x\r\n'
        b'--b\r\nContent-Disposition: form-data; name="content"; filename="c"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--b--\r\n"
    )
    assert forms.fields(body, 'multipart/form-data; boundary="b"') == {
        "path": b"/x",
        "content": content,
    }
    with pytest.raises(ApiError):
        forms.fields(b"--b\r\n", "multipart/form-data; boundary=b")


def test_paths_mean_the_same_with_and_without_the_prefix() -> None:
    assert workspace_parts("/Workspace//Users/a/") == ("Users", "a") == workspace_parts("/Users/a")
    for bad in ("x", "/a/../b", "/a/.", "/a\0b", "/" + "x" * 300):
        with pytest.raises(ApiError):
            workspace_parts(bad)


def test_a_link_on_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to("/")
    assert beneath(tmp_path, ("in", "x")) == tmp_path / "in" / "x"
    with pytest.raises(ApiError):
        beneath(tmp_path, ("in", "out", "etc"))
