"""`experimental.python_wheel_wrapper`: wheel tasks as notebooks, for runtimes before 13.3.

A task whose wheels lie in the workspace becomes a notebook task. The notebook, which is written
beside the deployment's state and uploaded with the bundle's files, installs the wheels and calls
the entry point with the task's parameters; those of a run come in the widget `__python_params`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from brickyard.deploy.artifacts import Prepared
from brickyard.deploy.http import Json

FOLDER: Final = ".internal"
IN_WORKSPACE: Final = ("/Workspace/", "/Users/", "/Shared/")
NOTEBOOK: Final = """\
# Databricks notebook source
{installs}

# COMMAND ----------

dbutils.library.restartPython()

# COMMAND ----------

import contextlib
import io
import json
import sys
from importlib import metadata

try:
    given = dbutils.widgets.get("__python_params")
except Exception:  # a run without parameters has no such widget
    given = ""
sys.argv = [{package!r}, *(json.loads(given) if given else {parameters})]

found = [one for one in metadata.distribution({package!r}).entry_points if one.name == {entry!r}]
if not found:
    raise ImportError("Entry point " + {entry!r} + " not found")
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    found[0].load()()
dbutils.notebook.exit(printed.getvalue())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where notebooks are written, and what both sides count from."""

    folder: Path  # the deployment's folder on this machine
    root: Path  # what is uploaded lies below it
    file_path: str  # the same in the workspace

    @property
    def internal(self) -> Path:
        return self.folder / FOLDER

    def remote(self, file: Path) -> str:
        return f"{self.file_path}/{Path(os.path.relpath(file, self.root)).as_posix()}"


def wrap_wheels(prepared: Prepared, places: Places) -> Prepared:
    """The same resources, with wheel tasks turned into notebook tasks; writes the notebooks."""
    jobs = {
        key: _job(key, job, places) if isinstance(job, Mapping) else job
        for key, job in (prepared.resources.get("jobs") or {}).items()
    }
    return replace(prepared, resources={**prepared.resources, "jobs": jobs}) if jobs else prepared


def internal_files(places: Places) -> tuple[str, ...]:
    """The notebooks written before, relative to the root of what is uploaded."""
    files = places.internal.glob("notebook_*.py") if places.internal.is_dir() else ()
    return tuple(sorted(Path(os.path.relpath(file, places.root)).as_posix() for file in files))


def _job(key: str, job: Mapping[str, Any], places: Places) -> Json:
    tasks = job.get("tasks")
    if not isinstance(tasks, list | tuple):
        return dict(job)
    return {**job, "tasks": [_task(key, task, places) for task in tasks]}


def _task(job: str, task: Any, places: Places) -> Any:
    if not isinstance(task, Mapping) or not isinstance(task.get("python_wheel_task"), Mapping):
        return task
    libraries = list(task.get("libraries") or ())
    wheels = [str(one["whl"]) for one in libraries if isinstance(one, Mapping) and one.get("whl")]
    if not any(wheel.startswith(IN_WORKSPACE) for wheel in wheels):
        return task
    # The length tells "a_b" + "c" from "a" + "b_c".
    name = f"notebook_{len(job)}_{job}_{task['task_key']}"
    file = places.internal / f"{name}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_notebook(task["python_wheel_task"], wheels))
    kept = [one for one in libraries if not (isinstance(one, Mapping) and one.get("whl"))]
    made = {key: value for key, value in task.items() if key != "python_wheel_task"}
    made.pop("libraries", None)
    path = places.remote(file).removesuffix(".py")
    return {
        **made,
        **({"libraries": kept} if kept else {}),
        "notebook_task": {"notebook_path": path},
    }


def _notebook(task: Mapping[str, Any], wheels: list[str]) -> str:
    named = task.get("named_parameters") or {}
    parameters = list(task.get("parameters") or ()) or [
        f"--{name}={value}" for name, value in named.items()
    ]
    cells = (f"# MAGIC %pip install --force-reinstall {json.dumps(wheel)}" for wheel in wheels)
    return NOTEBOOK.format(
        installs="\n\n# COMMAND ----------\n\n".join(cells),
        package=str(task.get("package_name") or ""),
        entry=str(task.get("entry_point") or ""),
        parameters=json.dumps([str(one) for one in parameters]),
    )
