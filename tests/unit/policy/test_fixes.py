"""`policy fix`: what it proposes leaves no breach of the seeded fixable cases, in any target."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from brickyard.bundle import CurrentUser, Facts, Resolved, resolve
from brickyard.policy import PolicyReport, check
from brickyard.policy.fixes import INCLUDED, Fix, propose
from brickyard.policy.fixing.starts import python_starts

CATALOGS = {"dev": "dev", "staging": "staging", "prod": "prod"}
ROOT = """\
bundle: {name: b}
include: [resources/*.yml]
targets:
  dev: {default: true}
  staging: {}
  prod: {}
"""
JOB = """\
resources:
  jobs:
    j:
      name: j
      tasks:
        - task_key: a
          %s
"""
NOTEBOOK = JOB % "notebook_task: {notebook_path: ../main.py}"
SQL_TASK = JOB % "sql_task: {warehouse_id: x, file: {path: ../main.sql}}"
PYTHON_TASK = (
    JOB % "spark_python_task: {python_file: ../task.py, parameters: [first]}\n"
    "          existing_cluster_id: x"
)
IPYNB_TASK = JOB % "notebook_task: {notebook_path: ../note.ipynb}"
IMPORTS = "from pyspark.sql import SparkSession\n\nspark = SparkSession.builder.getOrCreate()\n"
HEADER = "# Databricks notebook source\n"


def resolved_of(files: Mapping[str, str], target: str) -> Resolved:
    content = {path: text.encode() for path, text in files.items()}
    facts = Facts(user=CurrentUser(user_name="someone@localhost"))
    return resolve(content, facts=facts, target=target, variables={})


def reported(files: Mapping[str, str], target: str) -> PolicyReport:
    content = {path: text.encode() for path, text in files.items()}
    resolved = resolved_of(files, target)
    assert not resolved.has_errors, resolved.diagnostics
    return check(resolved, content, sources=tuple(content), settings={})


def fixed(files: Mapping[str, str]) -> tuple[Fix, dict[str, str]]:
    report = reported(files, "dev")
    content = {path: text.encode() for path, text in files.items()}
    fix = propose(
        report.accesses,
        content,
        root_file="databricks.yml",
        production="prod",
        catalogs=CATALOGS,
        starts=python_starts(resolved_of(files, "dev"), content, tuple(content)),
    )
    return fix, {**files, **fix.texts}


def notebook(*cells: list[str]) -> str:
    """A notebook as Jupyter writes it."""
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    text = {"cell_type": "markdown", "metadata": {}, "source": ["C = 'prod'\n"]}
    made = [text, *({**code, "source": one} for one in cells)]
    whole = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


FIXABLE = {
    "a literal": {"main.py": HEADER + "df.write.saveAsTable('prod.a.b')\n"},
    "SQL in Python": {"main.py": HEADER + 'spark.sql("""\n  DELETE FROM prod.a.b\n""")\n'},
    "SQL on one line": {"main.py": HEADER + "spark.sql('INSERT INTO prod.a.b SELECT 1')\n"},
    "a constant": {"main.py": HEADER + "C = 'prod'\ndf.write.saveAsTable(f'{C}.a.b')\n"},
    "a volume": {"main.py": HEADER + "C = 'prod'\nopen(f'/Volumes/{C}/a/v/x', 'w')\n"},
    "a model": {"main.py": HEADER + "mlflow.register_model('runs:/1/m', 'prod.a.m')\n"},
    "a cell of SQL": {"main.py": HEADER + "# MAGIC %sql\n# MAGIC DELETE FROM prod.a.b\n"},
    "a read": {"main.py": HEADER + "spark.table('staging.a.b')\n"},
    "two on a line": {
        "main.py": HEADER + "spark.table('staging.a.b').write.saveAsTable('prod.a.b')\n"
    },
    "after pip": {
        "main.py": HEADER + "# MAGIC %pip install x==1\n# COMMAND ----------\n"
        "df.write.saveAsTable('prod.a.b')\n"
    },
    "a SQL file": {
        "main.sql": "CREATE TABLE prod.a.b AS SELECT * FROM staging.a.c;\n"
        "MERGE INTO `prod`.`a`.`b` t USING prod.a.c s ON t.i = s.i WHEN MATCHED THEN DELETE;\n"
    },
    "a plain file": {
        "task.py": IMPORTS + "spark.table('prod.a.b').write.saveAsTable('prod.a.c')\n"
    },
    "a plain file with letters of two bytes": {
        "task.py": IMPORTS + "name, df = 'ü', spark.range(1)\n"
        "print('über'); df.write.saveAsTable('prod.a.c')\n"
    },
    "a constant of a plain file, used in a function": {
        "task.py": '"""Writes."""\nimport sys\n' + IMPORTS + "CATALOG = 'prod'\n\n"
        "def main(word):\n    spark.range(1).write.saveAsTable(f'{CATALOG}.a.{word}')\n\n"
        "main(sys.argv[1])\n"
    },
    "a plain file with argparse": {
        "task.py": "import argparse\n" + IMPORTS + "def main():\n"
        "    parser = argparse.ArgumentParser()\n    parser.add_argument('word')\n"
        "    args = parser.parse_args()\n"
        "    spark.sql(f'DELETE FROM prod.a.b WHERE c = 1')\n"
        "    spark.sql('DELETE FROM prod.a.b')\n    print(args.word)\n\nmain()\n"
    },
    "a Jupyter notebook": {
        "note.ipynb": notebook(
            ["%pip install x==1\n", "dbutils.library.restartPython()"],
            ['# write "it"\n', "spark.range(1).write.saveAsTable('prod.a.b')"],
            ["%sql\n", "DELETE FROM prod.a.b"],
            ["C = 'prod'\n", 'spark.sql(f"DELETE FROM {C}.a.ü")\n'],
        )
    },
    "a schema": {
        "resources/s.yml": "resources:\n  schemas:\n    s:\n"
        "      catalog_name: prod\n      name: a\n"
    },
    "a schema on one line": {
        "resources/s.yml": "resources:\n  schemas:\n    s: {catalog_name: prod, name: a}\n"
    },
    "a full name": {
        "resources/i.yml": "resources:\n  vector_search_indexes:\n    i:\n      name: prod.a.i\n"
        "      endpoint_name: e\n      primary_key: id\n      index_type: DIRECT_ACCESS\n"
        "      direct_access_index_spec: {schema_json: '{}'}\n"
    },
    "a variable of another target": {
        "resources/s.yml": "variables: {cat: {default: prod}}\n"
        'resources:\n  schemas:\n    s: {catalog_name: "${var.cat}", name: a}\n'
    },
}


@pytest.mark.parametrize("name", FIXABLE)
def test_after_the_fix_no_target_breaks_the_policy(name: str) -> None:
    files = {"databricks.yml": ROOT, **FIXABLE[name]}
    if "main.py" in files:
        files["resources/j.yml"] = NOTEBOOK
    if "main.sql" in files:
        files["resources/j.yml"] = SQL_TASK
    if "task.py" in files:
        files["resources/j.yml"] = PYTHON_TASK
    if "note.ipynb" in files:
        files["resources/j.yml"] = IPYNB_TASK
    assert reported(files, "dev").violations
    fix, after = fixed(files)
    assert not fix.by_hand
    for target in CATALOGS:
        report = reported(after, target)
        assert not report.violations, (target, after)
    again, _ = fixed(after)
    assert not again.texts
    for path in ("main.py", "task.py"):
        ast.parse(after.get(path, ""))
    if "note.ipynb" in files:
        cells = json.loads(after["note.ipynb"])["cells"]
        assert cells[2]["source"][0] == 'catalog = dbutils.widgets.get("catalog")\n'
        assert [len(one["source"]) for one in cells] == [1, 2, 3, 2, 2]


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the patch")
@pytest.mark.parametrize("name", FIXABLE)
def test_the_patch_applies_and_gives_the_proposed_files(name: str, tmp_path: Path) -> None:
    files = {"databricks.yml": ROOT, **FIXABLE[name]}
    for path, job in (
        ("main.py", NOTEBOOK),
        ("main.sql", SQL_TASK),
        ("task.py", PYTHON_TASK),
        ("note.ipynb", IPYNB_TASK),
    ):
        if path in files:
            files["resources/j.yml"] = job
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    fix, after = fixed(files)
    subprocess.run(
        ["git", "apply", "-"], input=fix.patch().encode(), cwd=tmp_path, check=True, timeout=60
    )
    for path, text in after.items():
        assert (tmp_path / path).read_text(encoding="utf-8") == text


def test_the_patch_is_a_unified_diff_of_every_changed_file() -> None:
    files = {"databricks.yml": ROOT, "resources/j.yml": NOTEBOOK, **FIXABLE["a literal"]}
    patch = fixed(files)[0].patch()
    assert "--- a/main.py\n+++ b/main.py\n" in patch
    assert f"--- /dev/null\n+++ b/{INCLUDED}\n" in patch
    assert "+df.write.saveAsTable(f'{catalog}.a.b')\n" in patch
    assert f"+include: [resources/*.yml, {INCLUDED}]\n" in patch


WRITES = "spark.range(1).write.saveAsTable('prod.a.b')\n"
BY_HAND = {
    "no job hands a catalog to this code": {"main.py": WRITES},
    "no task starts this file: it gets no argument": {
        "task.py": "import other\n",
        "other.py": WRITES,
    },
    "`catalog` means something in this file already": {"task.py": f"catalog = 1\n{WRITES}"},
    "its arguments are read by click": {"task.py": f"import click\n{WRITES}"},
    "it counts its arguments from the end, or takes them all": {
        "task.py": f"import sys\nprint(sys.argv[1:])\n{WRITES}"
    },
    "other files import it: it has not always a task's arguments": {
        "task.py": WRITES,
        "other.py": "from task import x\n",
    },
    "the notebook does not keep each line of its cells by itself": {
        "note.ipynb": json.dumps(
            {
                "cells": [{"cell_type": "code", "source": WRITES}],
                "metadata": {},
                "nbformat": 4,
            }
        )
    },
}


@pytest.mark.parametrize("reason", BY_HAND)
def test_what_takes_a_decision_is_left_to_a_person_with_the_reason(reason: str) -> None:
    files = {"databricks.yml": ROOT, **BY_HAND[reason]}
    for path, job in (("task.py", PYTHON_TASK), ("note.ipynb", IPYNB_TASK)):
        if path in files:
            files["resources/j.yml"] = job
    fix, _ = fixed(files)
    assert not fix.texts
    ((_, why),) = fix.by_hand
    assert why == reason
