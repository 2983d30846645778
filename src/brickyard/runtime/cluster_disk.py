"""The disk of a cluster's driver, `/databricks`, as commands that MLflow submits expect it.

MLflow runs a project by a shell command that copies the project's archive from `/dbfs` with rsync,
unpacks it below `/databricks/mlflow`, and starts `mlflow run` there. Folders and tools are put in
place here; `stand_ins.py` takes the part of tools that the machine lacks. Nothing stays after the
task.
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH101, PTH103, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence

DISK = "/databricks"
DRIVER = f"{DISK}/driver"
TEMPORARY = f"{DISK}/tmp"
TOOLS = f"{DISK}/tools"
PYENV = f"{DISK}/.pyenv/bin"  # where MLflow looks for it first


class CommandFailed(Exception):
    """A command ended with another status than 0; its output is in the log."""


def prepare() -> None:
    """Folders, tools and the variables that name them, for this process and what it starts."""
    for folder in (DRIVER, TEMPORARY, TOOLS, PYENV):
        os.makedirs(folder, exist_ok=True)
    _stand_in(TOOLS, "rsync")
    _stand_in(PYENV, "pyenv")
    own = [os.path.dirname(sys.executable), sysconfig.get_path("scripts"), _workspace_scripts()]
    usual = os.environ.get("PATH", os.defpath)
    os.environ |= {
        # The machine's own tools win over stand-ins.
        "PATH": os.pathsep.join([*dict.fromkeys(own), usual, TOOLS]),
        "DB_HOME": DISK,
        "TMPDIR": TEMPORARY,
        "MLFLOW_ENV_ROOT": f"{DISK}/mlflow/envs",
    }


def run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command on the driver, its output in the task's log; its exit status."""
    try:
        return subprocess.call(command, cwd=DRIVER, env={**os.environ, **variables})
    except OSError as fault:
        raise CommandFailed(f"Cannot run {command[0]}: {fault.strerror}") from None


def _stand_in(folder: str, name: str) -> None:
    path = os.path.join(folder, name)
    start = shlex.join([sys.executable, "-m", "brickyard.runtime.stand_ins", name])
    with open(path, "w") as file:
        file.write(f'#!/bin/sh\nexec {start} "$@"\n')
    os.chmod(path, 0o755)


def _workspace_scripts() -> str:
    """Where `mlflow` and `uv` of the workspace's own environment are."""
    return os.path.join(os.environ.get("SPARK_HOME", sys.prefix), "bin")
