"""The entry point, run as the workspace runs it: a process, a spec, a result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = "# Databricks notebook source\n"
CELL = "\n\n# COMMAND ----------\n\n"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str
    result: dict[str, Any]
    folder: Path


class Runner:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir()

    def __call__(self, kind: str, *texts: str, **more: Any) -> Done:
        file = self.folder / "code.py"
        file.write_text((NOTEBOOK if kind == "notebook" else "") + CELL.join(texts))
        run = self.folder / "run"
        spec = {
            "kind": kind,
            "folder": str(run),
            "file": str(file),
            "notebook_path": "/Users/me/nb" if kind == "notebook" else "",
            "workspace": "dev",
            "principal": "me@example.com",
            "context": {"job_id": 5, "run_id": 6, "task_run_id": 7, "task_key": "load"},
            "catalogs": [{"name": "prod", "path": "/home/catalogs/prod", "mode": "ro"}],
            "catalogs_folder": "/home/catalogs",
            "mapped": {"/Workspace": str(self.folder)},
            **more,
        }
        (run / "spec.json").write_text(json.dumps(spec))
        done = subprocess.run(
            [sys.executable, "-m", "brickyard.runtime.task", str(run / "spec.json")],
            capture_output=True,
            text=True,
            cwd=run,
            env={
                "PATH": os.environ["PATH"],
                "DATABRICKS_HOST": "http://127.0.0.1:9",
                "DATABRICKS_TOKEN": "t",
            },
            check=False,
        )
        result = json.loads((run / "result.json").read_text())
        return Done(done.returncode, done.stdout, done.stderr, result, run)


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_a_notebook_shares_names_between_cells_and_shows_last_expressions(run: Runner) -> None:
    done = run("notebook", "x = 20", "x * 2", "x;", "await __import__('asyncio').sleep(0)")
    assert (done.code, done.out, done.result) == (0, "40\n", {})


def test_widgets_take_the_runs_parameters_before_their_defaults(run: Runner) -> None:
    text = (
        "dbutils.widgets.text('a', '1')\ndbutils.widgets.dropdown('b', 'x', ['x', 'y'])\n"
        "print(dbutils.widgets.get('a'), dbutils.widgets.get('b'), getArgument('c', 'z'))"
    )
    assert run("notebook", text, widgets={"a": "9"}).out == "9 x z\n"


def test_exit_ends_the_notebook_with_a_value(run: Runner) -> None:
    text = "try:\n    dbutils.notebook.exit('done')\nexcept Exception:\n    print('caught')"
    done = run("notebook", text, "print('never')")
    assert (done.code, done.out, done.result) == (0, "", {"result": "done"})


def test_an_error_points_at_notebook_cell_and_line(run: Runner) -> None:
    done = run("notebook", "x = 1", "def f():\n    raise ValueError('bad')\nf()")
    assert done.code == 1
    assert done.result["error"] == "ValueError: bad"
    trace = done.result["error_trace"]
    assert 'File "/Users/me/nb (cell 2)", line 2, in f' in trace
    assert "raise ValueError('bad')" in trace
    assert "brickyard" not in trace


def test_a_refused_write_names_the_catalog_and_why(run: Runner) -> None:
    text = "raise OSError(30, 'Read-only file system', '/Volumes/prod/s/v')"
    done = run("python", text)
    assert done.result["error"].startswith(
        "PERMISSION_DENIED: me@example.com may read catalog 'prod' in workspace 'dev'"
    )
    assert "OSError" in done.result["error_trace"]


def test_a_refused_write_inside_another_exception_is_found(run: Runner) -> None:
    text = "raise RuntimeError('io error at /home/catalogs/prod/tables/1: os error 30')"
    assert run("python", text).result["error"].startswith("PERMISSION_DENIED: ")


def test_a_hidden_catalog_is_named_too(run: Runner) -> None:
    text = "raise RuntimeError('/home/catalogs/secret/x: Read-only file system (os error 30)')"
    assert "cannot use catalog 'secret'" in run("python", text).result["error"]


def test_a_read_only_file_system_elsewhere_is_left_alone(run: Runner) -> None:
    text = "import errno\nraise OSError(errno.EROFS, 'Read-only file system', '/etc/x')"
    assert run("python", text).result["error"].startswith("OSError: ")


def test_a_python_file_is_main_with_its_arguments(run: Runner) -> None:
    text = "import sys\nprint(__name__, sys.argv[1:], __file__ == sys.argv[0])"
    assert run("python", text, arguments=["a", "b"]).out == "__main__ ['a', 'b'] True\n"


def test_a_file_beside_is_importable(run: Runner) -> None:
    (run.folder / "beside.py").write_text("VALUE = 3\n")
    assert run("python", "import beside\nprint(beside.VALUE)").out == "3\n"


def test_sys_exit_fails_a_task_whatever_its_status(run: Runner) -> None:
    assert run("python", "import sys\nsys.exit(0)").result["error"] == "SystemExit: 0"
    assert run("python", "import sys\nsys.exit(3)").result["error"] == "SystemExit: 3"


def test_a_wheel_runs_by_entry_point_or_function(run: Runner) -> None:
    given = {"package_name": "ruff", "entry_point": "nothing"}
    assert "neither an entry point nor a function" in run("wheel", "", **given).result["error"]


def test_task_values_are_left_for_the_workspace(run: Runner) -> None:
    text = (
        "dbutils.jobs.taskValues.set('rows', {'n': [1, 2]})\n"
        "print(dbutils.jobs.taskValues.get('before', 'k'))\n"
        "print(dbutils.jobs.taskValues.get('before', 'no', default=0))"
    )
    done = run("python", text, task_values={"before": {"k": "v"}})
    assert done.out == "v\n0\n"
    assert json.loads((done.folder / "values.json").read_text()) == {"rows": {"n": [1, 2]}}


def test_run_includes_another_notebook_with_its_widgets(run: Runner) -> None:
    other = run.folder / "Users" / "me" / "other.py"
    other.parent.mkdir(parents=True)
    other.write_text(NOTEBOOK + "dbutils.widgets.text('q', '')\nfound = dbutils.widgets.get('q')")
    done = run("notebook", '# MAGIC %run ./other $q="two words"', "print(found)")
    assert (done.out, done.result) == ("two words\n", {})


def test_another_notebook_can_be_called_and_answers(run: Runner) -> None:
    other = run.folder / "Users" / "me" / "other.py"
    other.parent.mkdir(parents=True)
    other.write_text(NOTEBOOK + "dbutils.notebook.exit('got ' + dbutils.widgets.get('a'))")
    done = run("notebook", "print(dbutils.notebook.run('other', 60, {'a': 1}))")
    assert (done.out, done.result) == ("got 1\n", {})


def test_restart_goes_on_in_a_fresh_interpreter(run: Runner) -> None:
    done = run("notebook", "x = 1", "dbutils.library.restartPython()", "print('x' in globals())")
    assert (done.out, done.result) == ("False\n", {})


def test_shell_cells_print_and_fail_the_cell(run: Runner) -> None:
    assert run("notebook", "# MAGIC %sh echo hi").out == "hi\n"
    done = run("notebook", "# MAGIC %sh exit 4")
    assert "non-zero exit status 4" in done.result["error"]


def test_scala_is_refused_with_the_cells_number(run: Runner) -> None:
    error = run("notebook", "x = 1", "# MAGIC %scala\n# MAGIC val x = 1").result["error"]
    assert "/Users/me/nb, cell 2: %scala" in error


def test_secret_values_do_not_reach_output_error_or_result(run: Runner) -> None:
    text = (
        "from brickyard.runtime.output import remember_secret\nremember_secret('hunter2')\n"
        "print('a hun', end='')\nprint('ter2 b')\nraise ValueError('hunter2')"
    )
    done = run("notebook", text)
    assert done.out == "a [REDACTED] b\n"
    assert done.result["error"] == "ValueError: [REDACTED]"
    assert "hunter2" not in done.err + done.result["error_trace"].replace("('hunter2')", "")


def test_the_runtimes_globals_can_be_imported_from_the_sdk(run: Runner) -> None:
    text = (
        "from databricks.sdk.runtime import *\n"
        "from databricks.sdk.runtime import dbutils as again\n"
        "print(again is dbutils, spark is not None)"
    )
    assert run("python", text).out == "True True\n"


def test_the_notebook_context_tells_where_it_runs(run: Runner) -> None:
    text = (
        "context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()\n"
        "print(context.notebookPath().get(), context.tags().get('jobId').get())"
    )
    assert run("notebook", text).out == "/Users/me/nb 5\n"


def test_mapped_paths_resolve_where_nothing_is_mounted(run: Runner) -> None:
    (run.folder / "data.txt").write_text("here")
    text = (
        "import os, pathlib\n"
        "print(open('/Workspace/data.txt').read(), os.path.exists('/Workspace/none'))\n"
        "print(pathlib.Path('/Workspace/data.txt').read_text(), 'run' in os.listdir('/Workspace'))"
    )
    assert run("python", text).out == "here False\nhere True\n"


def test_start_up_imports_nothing_heavy(run: Runner) -> None:
    text = (
        "import sys\n"
        "print([m for m in ('asyncio.events', 'databricks', 'pyspark', 'pandas', 'mlflow', 'ssl')"
        " if m in sys.modules])"
    )
    assert run("python", text).out == "[]\n"
