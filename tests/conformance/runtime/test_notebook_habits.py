"""What notebooks found in the wild do, beyond the reference."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Put = Callable[..., str]
Run = Callable[..., Any]


@pytest.mark.documented
@pytest.mark.slow
def test_a_sql_notebook_runs_with_widgets_and_python_in_it(
    dev: WorkspaceClient, run: Run, folder: str
) -> None:
    from databricks.sdk.service.workspace import ImportFormat, Language

    schema = f"sqlnb_{uuid.uuid4().hex[:8]}"
    dev.schemas.create(name=schema, catalog_name="dev")
    text = "\n\n-- COMMAND ----------\n\n".join(
        (
            "-- Databricks notebook source\nUSE CATALOG dev;\nUSE SCHEMA " + schema,
            "-- MAGIC %md ## Title",
            "CREATE OR REPLACE TABLE t AS SELECT :day AS day, 5 AS n",
            "-- MAGIC %python\n-- MAGIC rows = spark.table('t').collect()\n-- MAGIC print(rows)",
            "SELECT n + 1 AS six FROM t",
            "-- MAGIC %python dbutils.notebook.exit(f'{_sqldf.first().six} {rows[0].day}')",
        )
    )
    path = f"{folder}/report"
    dev.workspace.import_(
        path,
        content=base64.b64encode(text.encode()).decode(),
        format=ImportFormat.SOURCE,
        language=Language.SQL,
    )
    ended = run(path, {"day": "monday"})
    assert (ended.error, ended.result) == (None, "6 monday")


@pytest.mark.documented
@pytest.mark.slow
def test_the_current_catalog_and_schema_stay_between_cells(
    dev: WorkspaceClient, put: Put, run: Run
) -> None:
    schema = f"use_{uuid.uuid4().hex[:8]}"
    dev.schemas.create(name=schema, catalog_name="dev")
    path = put(
        "use",
        f"spark.sql('USE CATALOG dev')\nspark.sql('USE SCHEMA {schema}')",
        "spark.range(4).write.mode('overwrite').saveAsTable('mine')",
        "# MAGIC %sql SELECT count(*) AS n, current_schema() AS s FROM mine",
        "row = _sqldf.first()\n"
        "found = [row.n, row.s, spark.catalog.currentCatalog(), spark.catalog.currentDatabase(),\n"
        f"    spark.catalog.tableExists('dev.{schema}.mine'), spark.table('mine').columns]",
        "import json\ndbutils.notebook.exit(json.dumps(found))",
    )
    ended = run(path)
    assert ended.error is None, ended.trace
    assert json.loads(ended.result) == [4, schema, "dev", schema, True, ["id"]]


@pytest.mark.documented
@pytest.mark.slow
def test_widgets_are_made_and_read_in_sql(put: Put, run: Run) -> None:
    path = put(
        "sqlwidgets",
        "# MAGIC %sql CREATE WIDGET TEXT env DEFAULT 'test'",
        "# MAGIC %sql CREATE WIDGET DROPDOWN size DEFAULT 'S' CHOICES SELECT 'S' UNION SELECT 'M'",
        "# MAGIC %sql SELECT :env AS env, '${size}' AS size, getArgument('env') AS old",
        "row = _sqldf.first()",
        "# MAGIC %sql REMOVE WIDGET size",
        "left = sorted(dbutils.widgets.getAll())\n"
        "dbutils.notebook.exit(f'{row.env} {row.size} {row.old} {left}')",
    )
    ended = run(path)
    assert (ended.error, ended.result) == (None, "test S test ['env']")


@pytest.mark.documented
def test_parameters_may_be_anything_that_is_text(put: Put, run: Run) -> None:
    path = put(
        "params",
        "dbutils.widgets.text('json', '{}')\nimport json\n"
        "data = json.loads(dbutils.widgets.get('json'))\n"
        "dbutils.notebook.exit(data['ü'] + dbutils.widgets.get('quote'))",
    )
    ended = run(path, {"json": '{"ü": "é"}', "quote": 'it\'s "$x" {{y}}'})
    assert (ended.error, ended.result) == (None, 'éit\'s "$x" {{y}}')


@pytest.mark.documented
def test_errors_show_the_users_code_and_nothing_of_ours(put: Put, run: Run) -> None:
    put("lib/inner.py", data=b"def fail():\n    raise LookupError('inside')\n")
    path = put(
        "fails",
        "import sys, os\nsys.path.append(os.path.abspath('./lib'))\nimport inner",
        "def outer():\n    inner.fail()\n\nouter()",
    )
    ended = run(path)
    assert ended.error == "LookupError: inside"
    assert "inner.fail()" in ended.trace
    assert "raise LookupError('inside')" in ended.trace
    assert "brickyard" not in ended.trace.replace("brickyard0", "")
    broken = run(put("syntax", "print('ran')", "x = = 1"))
    assert broken.state == "FAILED"
    assert "SyntaxError" in broken.error
    assert "x = = 1" in broken.trace


@pytest.mark.documented
def test_cells_in_other_languages_say_what_to_do(put: Put, run: Run) -> None:
    ended = run(put("scala", '# MAGIC %scala\n# MAGIC println("x")'))
    assert ended.state == "FAILED"
    assert "%scala" in ended.error


@pytest.mark.documented
def test_output_of_threads_processes_and_logging_is_kept(put: Put, run: Run) -> None:
    path = put(
        "output",
        "import logging, subprocess, sys, threading\n"
        "logging.basicConfig(level=logging.INFO)\nlogging.getLogger('mine').info('logged')",
        "t = threading.Thread(target=lambda: print('threaded'))\nt.start()\nt.join()",
        "subprocess.run([sys.executable, '-c', 'print(\"forked\")'], check=True)",
        "from multiprocessing import get_context\n"
        "with get_context('fork').Pool(2) as pool:\n    print(sorted(pool.map(abs, [-1, 2])))",
        "print('no newline', end='')",
    )
    ended = run(path)
    assert ended.error is None
    for text in ("INFO:mine:logged", "threaded", "forked", "[1, 2]", "no newline"):
        assert text in ended.logs


@pytest.mark.documented
def test_files_beside_the_notebook_are_read_and_written(put: Put, run: Run, folder: str) -> None:
    put("conf/settings.json", data=b'{"k": 1}')
    path = put(
        "files",
        "import json, os\nfound = [json.load(open('conf/settings.json'))['k'], os.getcwd()]",
        f"with open('/Workspace{folder}/out.txt', 'w') as out:\n    out.write('written')",
        "found.append(open('out.txt').read())\ndbutils.notebook.exit(json.dumps(found))",
    )
    ended = run(path)
    assert ended.error is None
    setting, here, written = json.loads(ended.result)
    assert (setting, written) == (1, "written")
    assert here.endswith(folder)  # below /Workspace, where the platform can mount


@pytest.mark.documented
@pytest.mark.slow
def test_a_notebook_goes_elsewhere_imports_and_displays(put: Put, run: Run) -> None:
    path = put(
        "goes",
        "import os\nos.makedirs('/tmp/goes_there', exist_ok=True)\nwhere = '/tmp/goes_there'",
        "with open(where + '/found_there.py', 'w') as file:\n    file.write('X = 3')",
        "%cd $where\nimport found_there",
        "%cd ..\nspark.range(2).display()",
        "dbutils.notebook.exit(f'{found_there.X} {os.getcwd()}')",
    )
    ended = run(path)
    assert (ended.error, ended.result) == (None, "3 /tmp")
    assert "1   1" in ended.logs
