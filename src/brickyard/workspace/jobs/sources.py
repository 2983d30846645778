"""From a task's settings to files: notebooks and Python files, and the packages they ask for.

A task runs from the tree that `/Workspace` shows; the files of a job's `git_source` are laid out
there first (`from_git`). Packages come from the job's environment, the task's libraries and the
`%pip install` cells of the notebook itself.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.workspace.jobs.references import resolve
from brickyard.workspace.kernel import ApiError, invalid, not_found
from brickyard.workspace.processes.places import in_dbfs_root, is_inside, locate

EXTENSIONS = ("", ".py", ".ipynb", ".sql")
NOTEBOOK_MARK = ("# Databricks notebook source", "-- Databricks notebook source")
PIP = re.compile(r"^(?:# MAGIC )?\s*%pip\s+install\s+(.+)$", re.M)

NO_GIT = "source GIT: the job has no git_source that the file could come from"
# Where each kind of task names its file; `file` is a level of its own.
PATHS = {
    "notebook_task": ((), "notebook_path"),
    "spark_python_task": ((), "python_file"),
    "sql_task": (("file",), "path"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A notebook or file: as the task sees it, and where it is."""

    inside: str  # /Workspace/...
    real: Path
    # Without /Workspace, without extension for notebooks; empty for what is in the DBFS root.
    workspace_path: str


def from_git(task: Mapping[str, Any], kind: str, lay_out: Callable[[], str]) -> Mapping[str, Any]:
    """The task of a job with a `git_source`, naming its file where `lay_out` put the commit's.

    A task that says `source: WORKSPACE` is left alone, and so is one without a file.
    """
    if kind not in PATHS:
        return task
    inside, key = PATHS[kind]
    body = task[kind]
    holder = body.get(inside[0]) if inside else body
    if not isinstance(holder, Mapping) or (holder.get("source") or "GIT") != "GIT":
        return task
    path = str(holder.get(key, "")).strip("/")
    if not path or ".." in path.split("/"):
        raise invalid(f"{kind}.{key} is a path within the Git repository, not {holder.get(key)!r}")
    moved = {**holder, key: f"{lay_out()}/{path}", "source": "WORKSPACE"}
    return {**task, kind: {**body, inside[0]: moved} if inside else moved}


def notebook(files: Path, path: str, source: str, *, what: str = "notebook") -> Source:
    """Raises RESOURCE_DOES_NOT_EXIST, or INVALID_PARAMETER_VALUE for another kind of source."""
    if source == "GIT":
        raise invalid(NO_GIT)
    relative = path.removeprefix("/Workspace").lstrip("/")
    for extension in EXTENSIONS:
        found = files / (relative + extension)
        if is_inside(found, files) and found.is_file():
            return Source(
                inside=f"/Workspace/{relative}{extension}",
                real=found,
                workspace_path="/" + relative,
            )
    raise not_found(
        f'Unable to access the {what} "{path}". Either it does not exist, or the identity used '
        "to run this job lacks the required permissions."
    )


def python_file(
    files: Path, path: str, source: str, volumes: Mapping[str, Path], dbfs: Path
) -> Source:
    """Raises RESOURCE_DOES_NOT_EXIST, or INVALID_PARAMETER_VALUE for a place we do not have."""
    if source == "GIT":
        raise invalid(NO_GIT)
    below = in_dbfs_root(path)
    if below is not None:
        real = locate(path, files, volumes, dbfs)
        if not real.is_file():
            raise not_found(
                f"Cannot read the python file {path}. Please check the path and access to it."
            )
        return Source(inside=f"/dbfs/{below}", real=real, workspace_path="")
    bare = path.removeprefix("dbfs:") if path.startswith("dbfs:/Volumes/") else path
    if "://" in bare:
        raise invalid(
            f"{path}: the embedded workspace runs files under /Workspace, /Volumes or dbfs:/"
        )
    if bare.startswith("/Volumes/"):
        real = locate(bare, files, volumes)
        if real.is_file():
            return Source(inside=bare, real=real, workspace_path=bare)
    relative = bare.removeprefix("/Workspace").lstrip("/")
    real = files / relative
    if not is_inside(real, files) or not real.is_file():
        raise not_found(
            f"Cannot read the python file {path}. Please check the path and access to it."
        )
    return Source(inside=f"/Workspace/{relative}", real=real, workspace_path="/" + relative)


def requirements(
    task: Mapping[str, Any], settings: Mapping[str, Any], facts: Any, source: Path | None
) -> list[str]:
    """Requirement lines of the task, in the order: environment, libraries, notebook."""
    found: list[str] = []
    key = task.get("environment_key")
    for environment in settings.get("environments") or ():
        if environment.get("environment_key") == key and key is not None:
            spec = environment.get("spec") or {}
            found += [str(line) for line in spec.get("dependencies") or ()]
    for library in task.get("libraries") or ():
        found += _library(library, str(task.get("task_key", "")))
    if source is not None:
        found += list(_pip_cells(source))
    resolved: list[str] = resolve(found, facts)
    return resolved


def _library(library: Mapping[str, Any], task_key: str) -> Iterator[str]:
    if "pypi" in library:
        package = str(library["pypi"]["package"])
        repository = library["pypi"].get("repo")
        if repository:
            yield f"--extra-index-url {repository}"
        yield package
    elif "whl" in library:
        yield str(library["whl"])
    elif "requirements" in library:
        yield f"-r {library['requirements']}"
    else:
        kind = next(iter(library), "?")
        raise ApiError(
            "INVALID_PARAMETER_VALUE",
            f"Task {task_key}: libraries of type {kind} are not available in the embedded "
            "workspace; it installs pypi, whl and requirements",
        )


def _pip_cells(path: Path) -> Iterator[str]:
    """What literal `%pip install` lines name; lines with variables are left to the run."""
    text = path.read_text(errors="replace")
    if path.suffix == ".ipynb":
        try:
            cells = json.loads(text).get("cells", ())
        except ValueError:
            return
        text = "\n".join(
            "".join(cell.get("source", ())) for cell in cells if cell.get("cell_type") == "code"
        )
    elif not text.startswith(NOTEBOOK_MARK):
        return
    for line in PIP.findall(text):
        if "$" not in line and "{" not in line:
            yield from _pip_lines(shlex.split(line, comments=True), path.parent)


def _pip_lines(words: list[str], folder: Path) -> Iterator[str]:
    """Arguments of pip's command line as lines of a requirements file."""
    rest = iter(words)
    for word in rest:
        if word in ("-U", "--upgrade", "-q", "--quiet", "--force-reinstall", "--no-cache-dir"):
            continue
        if word in ("-r", "-c", "--requirement", "--constraint"):
            value = next(rest, "")
            absolute = value.startswith("/") or not value
            yield f"{word} {value if absolute else folder / value}"
        elif word in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links"):
            yield f"{word} {next(rest, '')}"
        else:
            relative = word.endswith(".whl") and not word.startswith("/") and "://" not in word
            yield str(folder / word) if relative else word
