"""Notebooks into cells."""

from __future__ import annotations

import json
from pathlib import Path

from brickyard.runtime.cells import read_cells
from brickyard.runtime.sql_cells import parameters, statements


def cells(tmp_path: Path, text: str, name: str = "nb.py") -> list[tuple[int, str, str]]:
    path = tmp_path / name
    path.write_text(text)
    return [(cell.number, cell.language, cell.text) for cell in read_cells(path)]


def test_source_format_is_split_at_its_separators(tmp_path: Path) -> None:
    text = (
        "# Databricks notebook source\n# DBTITLE 1,Load\nx = 1\n\n"
        "# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC SELECT 1\n\n"
        "# COMMAND ----------\n\n# MAGIC %md # Title\n"
        "# COMMAND ----------\n\n# MAGIC %run ./other $a=1\n"
    )
    found = cells(tmp_path, text)
    assert [(number, language) for number, language, _ in found] == [
        (1, "python"),
        (2, "sql"),
        (3, "md"),
        (4, "run"),
    ]
    assert found[0][2].strip() == "x = 1"
    assert found[1][2].strip() == "SELECT 1"
    assert found[3][2] == "./other $a=1"


def test_python_after_a_line_magic_stays_python(tmp_path: Path) -> None:
    text = "# Databricks notebook source\n# MAGIC %pip install x\nimport x\n"
    assert cells(tmp_path, text) == [(1, "python", "%pip install x\nimport x")]


def test_a_sql_notebook_has_sql_cells_and_python_by_magic(tmp_path: Path) -> None:
    text = (
        "-- Databricks notebook source\nSELECT 1\n\n-- COMMAND ----------\n\n"
        "-- MAGIC %python\n-- MAGIC print(1)\n"
    )
    found = cells(tmp_path, text, "nb.sql")
    assert [(language, text.strip()) for _, language, text in found] == [
        ("sql", "SELECT 1"),
        ("python", "print(1)"),
    ]


def test_jupyter_cells_keep_their_numbers(tmp_path: Path) -> None:
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["# Title"]},
            {"cell_type": "code", "source": ["x = 1\n", "x"]},
            {"cell_type": "code", "source": "%%sql\nSELECT 1"},
        ]
    }
    found = cells(tmp_path, json.dumps(notebook), "nb.ipynb")
    assert found[1] == (2, "python", "x = 1\nx")
    assert found[2] == (3, "sql", "\nSELECT 1")


def test_sql_is_cut_at_semicolons_that_end_a_statement() -> None:
    text = "SELECT ';' AS a; -- no; cut\n/* ; */ SELECT `x;y` FROM t;\n  ;"
    assert list(statements(text)) == [
        "SELECT ';' AS a",
        "-- no; cut\n/* ; */ SELECT `x;y` FROM t",
    ]


def test_only_known_markers_are_parameters() -> None:
    assert parameters("SELECT :day, c:a, 'x :day2', x::int", ["day", "day2", "int"]) == {"day"}
