"""The check as a whole: a bundle in memory, its accesses and their verdicts."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from brickyard.bundle import CurrentUser, Facts, resolve
from brickyard.policy import PolicyReport, check

BUNDLE = """
    bundle: {name: b}
    variables:
      catalog: {}
    targets:
      dev: {mode: development, default: true, variables: {catalog: dev}}
      staging: {variables: {catalog: staging}}
    resources:
      schemas:
        quality: {catalog_name: "${var.catalog}", name: quality}
      volumes:
        files: {catalog_name: prod, schema_name: quality, name: files}
      jobs:
        load:
          name: load
          parameters:
            - {name: catalog, default: "${var.catalog}"}
            - {name: schema, default: "${resources.schemas.quality.name}"}
          tasks:
            - task_key: load
              notebook_task: {notebook_path: load.py}
"""
NOTEBOOK = """\
# Databricks notebook source
catalog = dbutils.widgets.get("catalog")
schema = dbutils.widgets.get("schema")

# COMMAND ----------

# MAGIC %run ./shared

# COMMAND ----------

# MAGIC %sql
# MAGIC select * from prod.quality.flights

# COMMAND ----------

copy(f"{catalog}.{schema}.flights")
spark.table("staging.quality.flights")
"""
SHARED = """\
# Databricks notebook source
def copy(target):
    spark.table("prod.quality.flights").write.saveAsTable(target)
"""


def report(files: dict[str, str], target: str, settings: dict[str, Any]) -> PolicyReport:
    content = {name: dedent(text).encode() for name, text in files.items()}
    facts = Facts(user=CurrentUser(user_name="someone@localhost"))
    resolved = resolve(content, facts=facts, target=target, variables={})
    assert not resolved.has_errors, resolved.diagnostics
    return check(resolved, content, sources=tuple(content), settings=settings)


def verdicts(found: PolicyReport) -> set[tuple[str, str, str, str, int]]:
    return {
        (str(one.verdict), str(one.mode), one.full_name, one.file, one.line)
        for one in found.accesses
    }


FILES = {"databricks.yml": BUNDLE, "load.py": NOTEBOOK, "shared.py": SHARED}


def test_tasks_are_followed_with_the_parameters_of_the_target() -> None:
    found = verdicts(report(FILES, "dev", {}))
    assert ("ok", "write", "dev.dev_someone_quality.flights", "shared.py", 3) in found
    assert ("ok", "read", "prod.quality.flights", "shared.py", 3) in found
    assert ("ok", "read", "prod.quality.flights", "load.py", 12) in found


def test_what_the_environment_may_not_do_is_a_violation_at_its_place() -> None:
    broken = {(one.mode, one.full_name, one.file) for one in report(FILES, "dev", {}).violations}
    assert broken == {
        ("write", "prod.quality.files", "databricks.yml"),
        ("read", "staging.quality.flights", "load.py"),
    }


def test_the_same_code_is_judged_by_each_environment() -> None:
    found = verdicts(report(FILES, "staging", {}))
    assert ("ok", "read", "staging.quality.flights", "load.py", 17) in found
    assert ("ok", "write", "staging.quality.flights", "shared.py", 3) in found


def test_only_an_enforced_policy_blocks_and_only_an_active_one_looks() -> None:
    assert not report(FILES, "dev", {}).blocks
    assert report(FILES, "dev", {"policy": {"mode": "enforce"}}).blocks
    assert report(FILES, "dev", {"policy": {"mode": "off"}}).accesses == ()


def test_environments_of_the_settings_widen_what_may_be_read() -> None:
    settings = {"environments": {"dev": {"catalog": "dev", "reads": ["prod", "staging"]}}}
    broken = {one.full_name for one in report(FILES, "dev", settings).violations}
    assert broken == {"prod.quality.files"}


def test_code_that_cannot_be_resolved_is_unknown_never_clean() -> None:
    files = {
        "databricks.yml": BUNDLE,
        "load.py": "# Databricks notebook source\nimport os\nspark.table(os.environ['T'])\n",
        "stray.sql": "insert into prod.a.b select 1",
        "broken.py": "def (:\n",
    }
    found = report(files, "staging", {})
    assert {one.file for one in found.unknown} == {"load.py", "broken.py"}
    assert "stray.sql" in {one.file for one in found.violations}
    rules = found.rules()
    assert rules["reads-only-what-it-may"] == "unknown"
    assert rules["writes-only-its-own-catalog"] == "broken"


def test_the_json_keeps_its_contract() -> None:
    shown = report(FILES, "dev", {}).as_json()
    needed = {"securable", "full_name", "mode", "verdict", "file", "line", "rule", "reason"}
    assert needed | {"evidence"} <= set(shown["accesses"][0])
    assert {one["evidence"] for one in shown["accesses"]} == {"static"}


def test_the_rule_is_that_of_the_environment_which_names_the_target() -> None:
    settings = {"environments": {"test": {"target": "staging", "catalog": "prod"}}}
    found = report(FILES, "staging", settings)
    assert found.environment.name == "test"
    assert found.environment.writes == {"prod"}
