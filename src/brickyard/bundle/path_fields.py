"""Every field of a bundle that holds a path: checked, before anything is made of them.

An empty path is the folder of the file that holds it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.files import is_well_formed
from brickyard.bundle.go_urls import url_fault
from brickyard.bundle.path_texts import FLAG, is_local_dependency, is_path_here
from brickyard.bundle.places import folder_of
from brickyard.values import Diagnostic, Path, Value, error, show

# Below a task.
NOTEBOOKS: Final = ("notebook_task.notebook_path",)
FILES: Final = (
    "spark_python_task.python_file",
    "sql_task.file.path",
    "alert_task.workspace_path",
)
FOLDERS: Final = ("dbt_task.project_directory",)
COMMANDS: Final = "ai_runtime_task.deployments"
OF_TASKS: Final = tuple(tuple(name.split(".")) for name in (*NOTEBOOKS, *FILES, *FOLDERS))
OF_TASK_LISTS: Final = frozenset({"ai_runtime_task", "libraries"})
# Below one of a task's libraries.
LIBRARIES: Final = ("whl", "jar", "requirements")
# Below one of a pipeline's libraries: sources, which can be patterns, and another kind of pattern.
SOURCES: Final = ("notebook.path", "file.path")
PATTERN: Final = "glob.include"
CONTENT: Final = "file_path"  # where it is empty, there is no file
# Of resources that are no job or pipeline.
OTHERS: Final = (
    ("apps", "source_code_path"),
    ("alerts", CONTENT),
    ("dashboards", CONTENT),
    ("genie_spaces", CONTENT),
)


def check_path_fields(draft: Draft) -> Draft:
    """Texts that can be no path. Reads: paths. Writes: empty ones."""
    changes: dict[Path, Value] = {}
    found: list[Diagnostic] = []
    for at, value in (*_path_fields(draft), *_dependencies(draft)):
        if not isinstance(value.data, str):
            continue
        if not value.data and at[-1] != CONTENT:
            changes[at] = value.with_data(".")
        flagged = FLAG.fullmatch(value.data)
        fault = url_fault(flagged["path"].strip() if flagged else value.data)
        if fault:
            found.append(_no_path(f"failed to normalize paths: {fault}", at, value))
    for key, pipeline in () if found else draft.each("pipelines"):
        for at, value in _below(pipeline, ("resources", "pipelines", key), "libraries", SOURCES):
            if is_path_here(value.text) and not is_well_formed(value.text):
                found.append(_no_path("syntax error in pattern", at, value))
    if found:
        return draft.noting(*found[:1])
    return replace(draft.putting(changes), has_own_paths=True)


def with_paths_from_root(draft: Draft) -> Value:
    """The tree with all paths relative to the bundle's root: how it is shown until they are found
    on disk."""
    changes = {
        at: value.with_data(made)
        for at, value in (*_path_fields(draft), *_dependencies(draft))
        if isinstance(value.data, str) and (made := _from_root(draft, value)) != value.data
    }
    return draft.tree.put_all(changes) if changes else draft.tree


def _from_root(draft: Draft, value: Value) -> str:
    flagged = FLAG.fullmatch(value.text)
    flag, text = (f"{flagged['flag']} ", flagged["path"]) if flagged else ("", value.text)
    if not is_path_here(text):
        return value.text
    local = posixpath.normpath(posixpath.join(folder_of(value), text))
    if local.startswith("../"):
        local = posixpath.relpath(posixpath.join(draft.facts.root, local), draft.facts.root)
    return flag + local


def _dependencies(draft: Draft) -> Iterator[tuple[Path, Value]]:
    """What environments need, as far as it is on this machine."""
    for kind, field in (("jobs", "environments"), ("pipelines", "environment")):
        for key, holder in draft.each(kind):
            part = holder.child(field)
            each = enumerate(part.elements) if part is not None and kind == "jobs" else ()
            specs = [((field, index, "spec"), one.child("spec")) for index, one in each]
            for at, spec in specs if kind == "jobs" else [((field,), part)]:
                needs = spec.child("dependencies") if spec is not None else None
                for index, need in enumerate(needs.elements if needs is not None else ()):
                    if FLAG.fullmatch(need.text) or is_local_dependency(need.text):
                        yield ("resources", kind, key, *at, "dependencies", index), need


def _path_fields(draft: Draft) -> Iterator[tuple[Path, Value]]:
    for key, job in draft.each("jobs"):
        git = job.child("git_source")
        if git is None or git.data is None:
            yield from _of_job(("resources", "jobs", key), job)
    for kind, field in OTHERS:
        for key, value in draft.each(kind):
            if (path := value.child(field)) is not None:
                yield ("resources", kind, key, field), path
    for name, artifact in (draft.tree.get("artifacts") or Value({})).items.items():
        if (path := artifact.child("path")) is not None:
            yield ("artifacts", name, "path"), path
    for key, pipeline in draft.each("pipelines"):
        at: Path = ("resources", "pipelines", key)
        yield from _below(pipeline, at, "libraries", (*SOURCES, PATTERN))
        if (path := pipeline.child("root_path")) is not None:
            yield (*at, "root_path"), path


def _of_job(at: Path, job: Value) -> Iterator[tuple[Path, Value]]:
    for path, task in tasks_of(job):
        for way in OF_TASKS:
            if way[0] in task.items and (value := task.get(way)) is not None:
                yield (*at, *path, *way), value
        if OF_TASK_LISTS.isdisjoint(task.items):
            continue
        yield from _below(task, (*at, *path), COMMANDS, ("command_path",))
        yield from _below(task, (*at, *path), "libraries", LIBRARIES)


def _below(
    holder: Value, at: Path, of_list: str, names: tuple[str, ...]
) -> Iterator[tuple[Path, Value]]:
    entries = holder.get(of_list)
    for index, entry in enumerate(entries.elements if entries is not None else ()):
        for name in names:
            if (value := entry.get(name)) is not None:
                yield (*at, *of_list.split("."), index, *name.split(".")), value


def tasks_of(job: Value) -> Iterator[tuple[Path, Value]]:
    """Every task of a job with its path, those inside for-each tasks included."""
    tasks = job.child("tasks")
    for index, task in enumerate(tasks.elements if tasks is not None else ()):
        yield ("tasks", index), task
        each = task.items.get("for_each_task")
        inner = each.child("task") if each is not None else None
        if inner is not None:
            yield ("tasks", index, "for_each_task", "task"), inner


def _no_path(summary: str, at: Path, value: Value) -> Diagnostic:
    return error(
        "bundle/no-path",
        summary,
        f"`{value.text}` can be no path. Correct it; `%` is written `%25`.",
        path=show(at),
        at=value.locations,
    )
