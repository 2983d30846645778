"""Local paths in jobs: found on disk, then written as the workspace paths they will have.

A relative path counts from the file that holds it. Notebooks lose their extension. Libraries
stay local; the deployment uploads those files and puts their workspace paths in.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.places import folder_of, seen_from
from brickyard.bundle.resolved import Library
from brickyard.values import Diagnostic, Path, Value, did_you_mean, error, show

NOTEBOOKS: Final = ("notebook_task.notebook_path",)
FILES: Final = (
    "spark_python_task.python_file",
    "sql_task.file.path",
    "alert_task.workspace_path",
)
FOLDERS: Final = ("dbt_task.project_directory",)
SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
REQUIREMENT: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*((===?|~=|!=|<=?|>=?)[^;]*)?\s*(;.*)?"
)
FLAG: Final = re.compile(r"(?P<flag>-r|-e|--requirement|--editable)[ =]+(?P<path>\S.*)")
EXTRAS: Final = re.compile(r"(?P<wheel>.*\.whl)(?P<extras>\[[^\]]*\])")


def is_local(text: str) -> bool:
    """True for a relative path: no scheme, not absolute, no reference in front."""
    return bool(text) and not text.startswith(("/", "${", "file://")) and not SCHEME.match(text)


def is_local_dependency(text: str) -> bool:
    """True when a dependency is a file of the bundle rather than a package's name."""
    if text.startswith("."):
        return True
    if not is_local(text) or " @ " in text or re.search(r"(^|\s)--?[A-Za-z]", text):
        return False
    return REQUIREMENT.fullmatch(text) is None


def translate_paths(draft: Draft) -> Draft:
    """Checks and rewrites every local path. Reads: files, sync plan. Writes: paths in resources."""
    work = _Translation(draft)
    for key, job in draft.each("jobs"):
        if job.child("git_source") is None:
            work.job(("resources", "jobs", key), job)
    for key, pipeline in draft.each("pipelines"):
        work.pipeline(("resources", "pipelines", key), pipeline)
    for key, app in draft.each("apps"):
        work.directory(("resources", "apps", key), "source_code_path", app)
    done = draft.putting(work.changes, work.found)
    return replace(done, libraries=(*draft.libraries, *work.libraries))


class _Translation:
    def __init__(self, draft: Draft) -> None:
        self.files = draft.files
        self.sync = draft.sync
        self.folder = draft.facts.root
        self.remote = draft.text("workspace.file_path")
        self.found: list[Diagnostic] = []
        self.libraries: list[Library] = []
        self.changes: dict[Path, Value] = {}

    def job(self, at: Path, job: Value) -> None:
        for path, task in tasks_of(job):
            for name in NOTEBOOKS:
                self.file((*at, *path), name, task, job, notebook=True)
            for name in FILES:
                self.file((*at, *path), name, task, job, notebook=False)
            for name in FOLDERS:
                self.directory((*at, *path), name, task)
            libraries = task.child("libraries")
            for index, library in enumerate(libraries.elements if libraries is not None else ()):
                below = (*at, *path, "libraries", index)
                for name in ("whl", "jar"):
                    self.library((*below, name), library.child(name))
                self.file(below, "requirements", library, job, notebook=False)
        environments = job.child("environments")
        for index, environment in enumerate(environments.elements if environments else ()):
            needs = environment.get("spec.dependencies")
            for place, need in enumerate(needs.elements if needs is not None else ()):
                below = (*at, "environments", index, "spec", "dependencies", place)
                self.dependency(below, need)

    def pipeline(self, at: Path, pipeline: Value) -> None:
        libraries = pipeline.child("libraries")
        for index, library in enumerate(libraries.elements if libraries is not None else ()):
            below = (*at, "libraries", index)
            self.file(below, "notebook.path", library, pipeline, notebook=True)
            self.file(below, "file.path", library, pipeline, notebook=False)
            self.pattern((*below, "glob", "include"), library.get("glob.include"))
        self.directory(at, "root_path", pipeline)
        needs = pipeline.get("environment.dependencies")
        for index, need in enumerate(needs.elements if needs is not None else ()):
            self.dependency((*at, "environment", "dependencies", index), need)

    def pattern(self, where: Path, value: Value | None) -> None:
        """A glob: its files need not be there yet."""
        if value is not None and is_local(value.text):
            remote = self.remote_path(value, where, self.local(value))
            if remote is not None:
                self.changes[where] = value.with_data(remote)

    def file(self, at: Path, name: str, holder: Value, job: Value, *, notebook: bool) -> None:
        value = holder.get(name)
        if value is None or not is_local(value.text) or _of_git(holder, name):
            return
        where: Path = (*at, *name.split("."))
        local = self.local(value)
        if not self.files.is_file(local):
            self.missing(value, where, local, job, notebook=notebook)
            return
        if self.files.is_notebook(local) is not notebook:
            self.found.append(_wrong_kind(value, where, local, notebook=notebook))
            return
        remote = self.remote_path(value, where, local)
        if remote is None:
            return
        if notebook and not local.endswith(".designer.ipynb"):
            remote = posixpath.splitext(remote)[0]
        self.changes[where] = value.with_data(remote)

    def directory(self, at: Path, name: str, holder: Value) -> None:
        value = holder.get(name)
        if value is None or not is_local(value.text) or _of_git(holder, name):
            return
        where: Path = (*at, *name.split("."))
        local = self.local(value)
        if not self.files.is_folder(local):
            self.found.append(
                error(
                    "bundle/missing-folder",
                    "folder does not exist",
                    f"There is no folder {local}. Create it or correct the path.",
                    path=show(where),
                    at=value.locations,
                )
            )
            return
        remote = self.remote_path(value, where, local)
        if remote is not None:
            self.changes[where] = value.with_data(remote)

    def library(self, where: Path, value: Value | None) -> None:
        if value is None or not is_local(value.text):
            return
        local = seen_from(self.local(value), self.sync.root, self.folder)
        self.libraries.append(Library(path=show(where), source=local))
        self.changes[where] = value.with_data(local)

    def dependency(self, where: Path, value: Value) -> None:
        flagged = FLAG.fullmatch(value.text)
        if flagged is not None and is_local(flagged["path"]):
            local = self.local(value.with_data(flagged["path"]))
            known = self.files.is_file(local) or (
                flagged["flag"] in {"-e", "--editable"} and self.files.is_folder(local)
            )
            if not known:
                self.missing(value, where, local, None, notebook=False)
                return
            remote = self.remote_path(value, where, local)
            if remote is None:
                return
            self.changes[where] = value.with_data(f"{flagged['flag']} {remote}")
            return
        if flagged is not None or not is_local_dependency(value.text):
            return
        split = EXTRAS.fullmatch(value.text)
        text, extras = (split["wheel"], split["extras"]) if split else (value.text, "")
        local = seen_from(self.local(value.with_data(text)), self.sync.root, self.folder)
        self.libraries.append(Library(path=show(where), source=local, extras=extras))
        shown = local if local.startswith(".") else f"./{local}"
        self.changes[where] = value.with_data(shown + extras)

    def local(self, value: Value) -> str:
        """The path relative to the bundle's root."""
        return posixpath.normpath(posixpath.join(folder_of(value), value.text))

    def remote_path(self, value: Value, where: Path, local: str) -> str | None:
        inside = seen_from(local, self.sync.root, self.folder)
        if inside == ".." or inside.startswith("../"):
            self.found.append(
                error(
                    "bundle/outside-sync-root",
                    "path is not contained in the files to upload",
                    f"{local} lies outside the bundle. Add its folder to `sync.paths`.",
                    path=show(where),
                    at=value.locations,
                )
            )
            return None
        return self.remote if inside == "." else f"{self.remote}/{inside}"

    def missing(
        self, value: Value, where: Path, local: str, job: Value | None, *, notebook: bool
    ) -> None:
        what = "notebook" if notebook else "file"
        hint = ""
        named = [local + ending for ending in (".py", ".ipynb", ".sql", ".scala", ".r")]
        ending = next((name for name in named if self.files.is_file(name)), None)
        older = self._beside(value, job)
        if ending is not None:
            hint = f"Write it with its extension: {ending}."
        elif older is not None:
            hint = (
                f"{older} exists: paths count from the file that holds them,"
                f" which is {value.location.file if value.location else 'another one'}."
            )
        else:
            hint = did_you_mean(local, self.files.names()) or "Create it or correct the path."
        self.found.append(
            error(
                f"bundle/missing-{what}",
                f"{what} does not exist",
                f"There is no {local}. {hint}",
                path=show(where),
                at=value.locations,
            )
        )

    def _beside(self, value: Value, job: Value | None) -> str | None:
        """What the path would have named when counted from the file that declares the job."""
        for place in job.locations if job is not None else ():
            path = posixpath.normpath(posixpath.join(posixpath.dirname(place.file), value.text))
            if self.files.is_file(path):
                return path
        return None


def _of_git(holder: Value, name: str) -> bool:
    """True when the task takes its source from Git or the workspace by its own word."""
    parent = holder.get(name.rpartition(".")[0]) if "." in name else holder
    source = parent.child("source") if parent is not None else None
    return source is not None and source.data == "GIT"


def _wrong_kind(value: Value, where: Path, local: str, *, notebook: bool) -> Diagnostic:
    if notebook:
        detail = (
            f"{local} is a plain file. Begin it with `# Databricks notebook source`,"
            " or use `spark_python_task` for it."
        )
        return error(
            "bundle/not-a-notebook",
            "expected a notebook, found a file",
            detail,
            path=show(where),
            at=value.locations,
        )
    return error(
        "bundle/is-a-notebook",
        "expected a file, found a notebook",
        f"{local} is a notebook. Use `notebook_task` for it, or remove its first line.",
        path=show(where),
        at=value.locations,
    )


def tasks_of(job: Value) -> Iterator[tuple[Path, Value]]:
    """Every task of a job with its path, those inside for-each tasks included."""
    tasks = job.child("tasks")
    for index, task in enumerate(tasks.elements if tasks is not None else ()):
        yield ("tasks", index), task
        inner = task.get("for_each_task.task")
        if inner is not None:
            yield ("tasks", index, "for_each_task", "task"), inner
