"""`policy fix`: what it proposes leaves no breach of the seeded fixable cases, in any target."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from brickyard.bundle import CurrentUser, Facts, resolve
from brickyard.policy import PolicyReport, check
from brickyard.policy.fixes import INCLUDED, Fix, propose

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
HEADER = "# Databricks notebook source\n"


def reported(files: Mapping[str, str], target: str) -> PolicyReport:
    content = {path: text.encode() for path, text in files.items()}
    facts = Facts(user=CurrentUser(user_name="someone@localhost"))
    resolved = resolve(content, facts=facts, target=target, variables={})
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
    )
    return fix, {**files, **fix.texts}


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
    assert reported(files, "dev").violations
    fix, after = fixed(files)
    assert not fix.by_hand
    for target in CATALOGS:
        report = reported(after, target)
        assert not report.violations, (target, after)
    again, _ = fixed(after)
    assert not again.texts


def test_the_patch_is_a_unified_diff_of_every_changed_file() -> None:
    files = {"databricks.yml": ROOT, "resources/j.yml": NOTEBOOK, **FIXABLE["a literal"]}
    patch = fixed(files)[0].patch()
    assert "--- a/main.py\n+++ b/main.py\n" in patch
    assert f"--- /dev/null\n+++ b/{INCLUDED}\n" in patch
    assert "+df.write.saveAsTable(f'{catalog}.a.b')\n" in patch
    assert f"+include: [resources/*.yml, {INCLUDED}]\n" in patch


def test_what_takes_a_decision_is_left_to_a_person_with_the_reason() -> None:
    files = {"databricks.yml": ROOT, "main.py": "df.write.saveAsTable('prod.a.b')\n"}
    fix, _ = fixed(files)
    assert not fix.texts
    ((access, why),) = fix.by_hand
    assert (access.file, access.line) == ("main.py", 1)
    assert why == "no job hands a catalog to this code"
