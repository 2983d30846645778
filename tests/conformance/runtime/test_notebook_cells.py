"""Cells of every language, in source format and in Jupyter's, as real notebooks mix them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

Put = Callable[..., str]
Run = Callable[..., Any]


def wheel(name: str, version: str, text: str) -> bytes:
    """A wheel with one module, as small as wheels can be."""
    data = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"{name}.py", text)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return data.getvalue()


def jupyter(*cells: tuple[str, str]) -> bytes:
    made = [
        {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for kind, text in cells
    ]
    python = {"language_info": {"name": "python"}}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": python, "cells": made}
    ).encode()


@pytest.mark.documented
def test_a_jupyter_notebook_is_executed(put: Put, run: Run) -> None:
    data = jupyter(
        ("markdown", "# Title\nprint('not this')"),
        ("code", "total = 0\nfor n in range(4):\n    total += n\nprint('total', total)"),
        ("code", "%sh echo from-the-shell"),
        ("code", "%sql SELECT 7 AS seven"),
        ("code", "# a cell with only a comment"),
        ("code", "dbutils.notebook.exit(str(total + _sqldf.first().seven))"),
        ("code", "print('never')"),
    )
    ended = run(put("report.ipynb", data=data))
    assert (ended.state, ended.result) == ("SUCCESS", "13")
    assert "total 6\nfrom-the-shell\n" in ended.logs
    assert "not this" not in ended.logs
    assert "never" not in ended.logs


@pytest.mark.documented
def test_a_failing_cell_of_a_jupyter_notebook_is_named(put: Put, run: Run) -> None:
    data = jupyter(("code", "a = 1"), ("code", "b = 2\nraise KeyError('gone')"))
    path = put("broken.ipynb", data=data)
    ended = run(path)
    assert ended.state == "FAILED"
    assert ended.error == "KeyError: 'gone'"
    assert f"{path} (cell 2)" in ended.trace
    assert "line 2" in ended.trace


@pytest.mark.documented
def test_pip_installs_before_anything_else(put: Put, run: Run) -> None:
    put("lib/leading_pkg-1.2-py3-none-any.whl", data=wheel("leading_pkg", "1.2", "WHO = 'me'\n"))
    path = put(
        "pip",
        "# MAGIC %pip install ./lib/leading_pkg-1.2-py3-none-any.whl",
        "import leading_pkg",
        "from importlib.metadata import version",
        "dbutils.notebook.exit(leading_pkg.WHO + version('leading_pkg'))",
    )
    assert run(path).result == "me1.2"


@pytest.mark.documented
def test_pip_in_the_middle_and_a_restart_go_on_with_the_next_cell(
    put: Put, run: Run, folder: str
) -> None:
    put("middle_pkg-3.0-py3-none-any.whl", data=wheel("middle_pkg", "3.0", "WHO = 'late'\n"))
    path = put(
        "restart",
        "import os\nbefore = 1\nprint('first', flush=True)",
        f"where = '/Workspace{folder}/middle_pkg-3.0-py3-none-any.whl'",
        "%pip install $where",
        "dbutils.library.restartPython()",
        "try:\n    before\nexcept NameError:\n    print('forgotten')",
        "import middle_pkg\ndbutils.notebook.exit(middle_pkg.WHO)",
    )
    ended = run(path)
    assert (ended.error, ended.result) == (None, "late")
    assert ended.logs.count("first") == 1
    assert "forgotten" in ended.logs


@pytest.mark.documented
def test_pip_that_fails_fails_the_notebook_with_the_reason(put: Put, run: Run) -> None:
    path = put("nopip", "x = './missing-1.0-py3-none-any.whl'", "%pip install {x}", "print('on')")
    ended = run(path)
    assert ended.state == "FAILED"
    assert "missing-1.0-py3-none-any.whl" in ended.error
    assert "on\n" not in ended.logs


@pytest.mark.documented
@pytest.mark.slow
def test_sql_cells_show_and_keep_their_rows(put: Put, run: Run) -> None:
    path = put(
        "sql",
        "dbutils.widgets.text('floor', '2')",
        "# MAGIC %sql\n# MAGIC -- two; statements\n# MAGIC SELECT 'a;b' AS skipped;\n"
        "# MAGIC SELECT id * 10 AS tens FROM range(4) WHERE id >= :floor ORDER BY id",
        "rows = [row.tens for row in _sqldf.collect()]",
        "# MAGIC %sql\n# MAGIC SELECT count(*) AS n FROM _sqldf WHERE '_sqldf' = '_sqldf'",
        "# MAGIC %sql SELECT n + 1 AS m FROM _sqldf",
        "dbutils.notebook.exit(f'{rows} {_sqldf.first().m}')",
    )
    ended = run(path)
    assert (ended.error, ended.result) == (None, "[20, 30] 3")
    assert "tens" in ended.logs
    assert "30" in ended.logs


@pytest.mark.documented
def test_run_shares_variables_functions_and_widgets(put: Put, run: Run) -> None:
    put("shared/deep", "depth = 'deep'")
    put("shared/setup", "# MAGIC %run ./deep", "base = 40\ndef plus(n):\n    return base + n")
    put("config", "dbutils.widgets.text('env', 'none')\nenv = dbutils.widgets.get('env')")
    path = put(
        "main/caller",
        "# MAGIC %md\n# MAGIC # Not code\n# MAGIC print('md')",
        "# MAGIC %run ../shared/setup",
        '# MAGIC %run ../config $env="test"',
        "dbutils.notebook.exit(f'{plus(2)} {depth} {env}')",
    )
    ended = run(path)
    assert (ended.error, ended.result) == (None, "42 deep test")
    assert "md" not in ended.logs


@pytest.mark.recorded
def test_an_error_in_an_included_notebook_ends_the_caller(put: Put, run: Run) -> None:
    put("raises", "print('before')", "raise RuntimeError('on purpose')", "print('after')")
    ended = run(put("caller", "# MAGIC %run ./raises", "print('next')"))
    assert (ended.state, ended.error) == ("FAILED", "RuntimeError: on purpose")
    assert ended.logs.startswith("before\n")
    assert "after" not in ended.logs
    assert "next" not in ended.logs


@pytest.mark.documented
def test_a_shell_cell_sees_the_notebooks_folder_and_fails_with_its_script(
    put: Put, run: Run
) -> None:
    put("data.txt", data=b"from the file\n")
    ended = run(put("sh", "# MAGIC %sh\n# MAGIC cat data.txt\n# MAGIC echo $((2 + 3))"))
    assert ended.logs == "from the file\n5\n"
    ended = run(put("shfail", "# MAGIC %sh\n# MAGIC set -e\n# MAGIC false", "print('on')"))
    assert ended.state == "FAILED"
    assert "status 1" in ended.error


@pytest.mark.documented
@pytest.mark.slow
def test_display_shows_tables_values_and_html(put: Put, run: Run) -> None:
    path = put(
        "show",
        "display(spark.createDataFrame([(1, 'one'), (2, 'two')], ['n', 'word']))",
        "import pandas as pd\ndisplay(pd.DataFrame({'col': [5]}))",
        "displayHTML('<h1>Big &amp; bold</h1><script>no()</script>')",
        "display([1, 2])\n'last ' + 'expression'",
        "1 + 1;",
        "display(spark.range(3)), None",
    )
    ended = run(path)
    assert ended.error is None
    for text in ("word", "two", "col", "Big & bold", "[1, 2]", "last expression"):
        assert text in ended.logs
    assert "no()" not in ended.logs


@pytest.mark.documented
def test_a_cell_may_await_and_import_its_neighbours(put: Put, run: Run) -> None:
    put("helper.py", data=b"def twice(n):\n    return 2 * n\n")
    put("package/__init__.py", data=b"NAME = 'package'\n")
    path = put(
        "modules",
        "import asyncio\nfrom helper import twice\nimport package",
        "await asyncio.sleep(0)\nvalue = twice(21)",
        "%load_ext autoreload\n%autoreload 2\nprint(__name__)",
        "dbutils.notebook.exit(f'{value} {package.NAME}')",
    )
    ended = run(path)
    assert (ended.error, ended.result) == (None, "42 package")
    assert ended.logs == "__main__\n"


@pytest.mark.recorded
def test_leaving_python_fails_a_notebook_even_with_status_0(put: Put, run: Run) -> None:
    ended = run(put("leave", "import sys\nsys.exit(0)"))
    assert (ended.state, ended.error) == ("FAILED", "SystemExit: 0")
    assert "dbutils.notebook.exit" in ended.trace
