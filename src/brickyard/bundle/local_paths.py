"""Local paths of resources: found on disk, then written as the workspace paths they will have.

A relative path counts from the file that holds it. Notebooks lose their extension. Libraries
stay local; the deployment uploads those files and puts their workspace paths in.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.files import is_pattern
from brickyard.bundle.notebooks import BrokenNotebook
from brickyard.bundle.path_fields import (
    COMMANDS,
    FILES,
    FOLDERS,
    NOTEBOOKS,
    SOURCES,
    tasks_of,
    with_paths_from_root,
)
from brickyard.bundle.path_texts import EXTRAS, FLAG, is_local, is_local_dependency, is_path_here
from brickyard.bundle.places import folder_of, seen_from
from brickyard.bundle.resolved import Library
from brickyard.bundle.wheel_names import newest_wheel_names
from brickyard.values import Diagnostic, Path, Value, did_you_mean, error, show

EXTENSIONS: Final = (".py", ".r", ".scala", ".sql", ".ipynb")
# What is counted from the file that declares the resource, as older releases did.
OLDER: Final = "bundle/path-of-another-file"


def translate_paths(draft: Draft) -> Draft:
    """Checks and rewrites every local path. Reads: files, sync plan. Writes: paths in resources."""
    work = _Translation(draft)
    for key, job in draft.each("jobs"):
        git = job.child("git_source")
        if git is None or git.data is None:
            work.job(("resources", "jobs", key), job)
    for key, pipeline in draft.each("pipelines"):
        work.pipeline(("resources", "pipelines", key), pipeline)
    for key, app in draft.each("apps"):
        work.directory(("resources", "apps", key), "source_code_path", app)
    for name, artifact in (draft.tree.get("artifacts") or Value({})).items.items():
        work.artifact(("artifacts", name), artifact)
    done = draft.putting(work.changes, work.found)
    failed = draft.failed
    if failed is None and any(one.code != OLDER for one in work.found):
        failed = with_paths_from_root(draft).put_all(work.from_root)
    libraries = (*draft.libraries, *work.libraries)
    return replace(done, libraries=libraries, failed=failed, has_own_paths=False)


class _Translation:
    def __init__(self, draft: Draft) -> None:
        self.files = draft.files
        self.sync = draft.sync
        self.folder = draft.facts.root
        self.remote = draft.text("workspace.file_path")
        self.found: list[Diagnostic] = []
        self.libraries: list[Library] = []
        self.changes: dict[Path, Value] = {}
        # The same paths, relative to the bundle's root: what is shown when not all are found.
        self.from_root: dict[Path, Value] = {}

    def job(self, at: Path, job: Value) -> None:
        for path, task in tasks_of(job):
            for name in NOTEBOOKS:
                self.file((*at, *path), name, task, job, notebook=True)
            for name in FILES:
                self.file((*at, *path), name, task, job, notebook=False)
            for name in FOLDERS:
                self.directory((*at, *path), name, task)
            commands = task.get(COMMANDS)
            for index, command in enumerate(commands.elements if commands is not None else ()):
                below = (*at, *path, *COMMANDS.split("."), index)
                self.file(below, "command_path", command, job, notebook=False)
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
        if libraries is not None and libraries.elements:
            libraries = self.expanded(libraries)
            self.changes[*at, "libraries"] = self.from_root[*at, "libraries"] = libraries
        for index, library in enumerate(libraries.elements if libraries is not None else ()):
            below = (*at, "libraries", index)
            self.file(below, "notebook.path", library, pipeline, notebook=True)
            self.file(below, "file.path", library, pipeline, notebook=False)
            self.pattern((*below, "glob", "include"), library.get("glob.include"))
        self.directory(at, "root_path", pipeline)
        needs = pipeline.get("environment.dependencies")
        for index, need in enumerate(needs.elements if needs is not None else ()):
            self.dependency((*at, "environment", "dependencies", index), need)

    def expanded(self, libraries: Value) -> Value:
        """Sources named by a pattern, one entry for each file that fits; none fits: as it was."""
        made: list[Value] = []
        for library in libraries.elements:
            path = next((at for at in SOURCES if library.get(at) is not None), None)
            source = library.get(path) if path is not None else None
            if path is None or source is None or not is_path_here(source.text):
                made.append(library)
                continue
            local = self.local(source)
            found = self.files.glob(local, with_folders=True) if is_pattern(local) else ()
            matches = newest_wheel_names(found)
            beside = folder_of(source)
            made += [
                library.put(path, source.with_data(posixpath.relpath(match, beside or ".")))
                for match in matches
            ] or [library]
        return libraries.with_data(tuple(made))

    def pattern(self, where: Path, value: Value | None) -> None:
        """A glob: its files need not be there yet."""
        if value is not None and is_path_here(value.text):
            local = self.local(value)
            self.from_root[where] = value.with_data(local)
            remote = self.remote_path(value, where, local)
            if remote is not None:
                self.changes[where] = value.with_data(remote)

    def file(self, at: Path, name: str, holder: Value, job: Value, *, notebook: bool) -> None:
        value = holder.get(name)
        if value is None or not is_path_here(value.text):
            return
        where: Path = (*at, *name.split("."))
        local = self.local(value)
        self.from_root[where] = value.with_data(local)
        if self.remote_path(value, where, local) is None:
            return
        if not self.files.is_file(local) and self.files.is_folder(local, trusting=False):
            name = f"{self.absolute(local)}{'/.' if local == '.' else ''}"
            why = f"read {name}: is a directory"
            self.found.append(self.undecided(value, where, local, why, notebook=notebook))
            return
        if not self.files.is_file(local):
            self.missing(value, where, local, job, notebook=notebook)
            return
        try:
            is_one = self.files.is_notebook(local)
        except BrokenNotebook as broken:
            self.found.append(self.undecided(value, where, local, str(broken), notebook=notebook))
            return
        if is_one is not notebook:
            self.found.append(self.wrong_kind(value, where, local, notebook=notebook))
            return
        self.put(value, where, local, notebook=notebook)

    def put(self, value: Value, where: Path, local: str, *, notebook: bool) -> None:
        remote = self.remote_path(value, where, local) or ""
        if notebook and not local.endswith(".designer.ipynb"):
            remote = posixpath.splitext(remote)[0]
        self.changes[where] = value.with_data(remote)

    def artifact(self, at: Path, artifact: Value) -> None:
        """Its folder stays one of this machine."""
        value = artifact.child("path")
        if value is None or not isinstance(value.data, str) or not is_path_here(value.text):
            return
        local = self.local(value)
        self.from_root[*at, "path"] = value.with_data(local)
        if self.files.is_folder(local):
            return
        is_file = self.files.is_file(local)
        self.found.append(
            error(
                "bundle/missing-folder",
                f"expected {local} to be a directory but found a file"
                if is_file
                else f"directory {local} not found",
                f"There is no folder {local}. Correct `path`, which counts from the file that"
                " holds it.",
                path=show((*at, "path")),
                at=artifact.locations,
            )
        )

    def directory(self, at: Path, name: str, holder: Value) -> None:
        value = holder.get(name)
        if value is None or not is_path_here(value.text):
            return
        where: Path = (*at, *name.split("."))
        local = self.local(value)
        self.from_root[where] = value.with_data(local)
        if not self.files.is_folder(local):
            is_file = self.files.is_file(local)
            self.found.append(
                error(
                    "bundle/missing-folder",
                    f"{self.absolute(local)} is not a directory"
                    if is_file
                    else f"stat {local}: no such file or directory",
                    f"`{show(where)}` names a folder, and {local} is a file. Name its folder."
                    if is_file
                    else f"There is no folder {local}. Create it or correct the path.",
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
                flagged["flag"] == "-e" and self.files.is_folder(local)
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
        local = posixpath.normpath(posixpath.join(folder_of(value), value.text))
        if not local.startswith("../"):
            return local
        return posixpath.relpath(posixpath.join(self.folder, local), self.folder)

    def absolute(self, local: str) -> str:
        """The path on this machine, as the official CLI says it."""
        return posixpath.normpath(posixpath.join(self.folder, local))

    def remote_path(self, value: Value, where: Path, local: str) -> str | None:
        inside = seen_from(local, self.sync.root, self.folder)
        if inside == ".." or inside.startswith("../"):
            self.found.append(
                error(
                    "bundle/outside-sync-root",
                    f"path {self.absolute(local)} is not contained in sync root path",
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
        known = [local + ending for ending in EXTENSIONS if self.files.is_file(local + ending)]
        older = self._beside(value, job)
        summary = _not_found(local, known, notebook=notebook)
        is_older = False
        if known:
            hint = f"Write it with its extension: {known[0]}."
        elif older is not None:
            holder = value.location.file if value.location else "another file"
            summary = (
                f"path {local} is defined relative to the"
                f" {self.absolute(posixpath.dirname(_declared_in(job)))} directory"
                f" ({posixpath.join(self.folder, str(value.location))}). Please update the path to"
                " be relative to the file where it is defined or use earlier version of CLI"
                " (0.261.0 or earlier)."
            )
            is_older = True
            self.put(value, where, older, notebook=notebook)
            hint = f"{older} exists: paths count from the file that holds them, which is {holder}."
        else:
            hint = did_you_mean(local, self.files.names()) or "Create it or correct the path."
        self.found.append(
            error(
                OLDER if is_older else f"bundle/missing-{what}",
                summary,
                f"There is no {local}. {hint}",
                path=show(where),
                at=value.locations,
            )
        )

    def undecided(
        self, value: Value, where: Path, local: str, why: str, *, notebook: bool
    ) -> Diagnostic:
        """A folder, or a notebook that is broken."""
        what = f"{'' if notebook else 'not '}a notebook"
        way_out = "Name a file in it." if self.files.is_folder(local) else "Correct the notebook."
        return error(
            "bundle/is-a-folder",
            f"unable to determine if {self.absolute(local)} is {what}: {why}",
            f"`{show(where)}` names a file. {way_out}",
            path=show(where),
            at=value.locations,
        )

    def wrong_kind(self, value: Value, where: Path, local: str, *, notebook: bool) -> Diagnostic:
        wanted, got = ("notebook", "file") if notebook else ("file", "notebook")
        is_one = f"file at {self.absolute(local)} is {'not ' if notebook else ''}a notebook"
        return error(
            "bundle/not-a-notebook" if notebook else "bundle/is-a-notebook",
            f'expected a {wanted} for "{show(where)}" but got a {got}: {is_one}',
            f"{local} is a plain file. Begin it with `# Databricks notebook source`,"
            " or use `spark_python_task` for it."
            if notebook
            else f"{local} is a notebook. Use `notebook_task` for it, or remove its first line.",
            path=show(where),
            at=value.locations,
        )

    def _beside(self, value: Value, job: Value | None) -> str | None:
        """What the path would have named when counted from the file that declares the job."""
        for place in job.locations if job is not None else ():
            path = posixpath.normpath(posixpath.join(posixpath.dirname(place.file), value.text))
            if self.files.is_file(path):
                return path
        return None


def _not_found(local: str, known: list[str], *, notebook: bool) -> str:
    """The official CLI's words; it says what an extension would have been good for."""
    if not notebook:
        return f"file {local} not found"
    if posixpath.splitext(local)[1]:
        return f"notebook {local} not found"
    endings = f"[{', '.join(EXTENSIONS)}]"
    if known:
        return (
            f'notebook "{local}" not found. Did you mean "{known[0]}"?\nLocal notebook references'
            f" are expected to contain one of the following\nfile extensions: {endings}"
        )
    return (
        f'notebook "{local}" not found. Local notebook references are expected\nto contain one of'
        f" the following file extensions: {endings}"
    )


def _declared_in(resource: Value | None) -> str:
    return resource.locations[0].file if resource is not None and resource.locations else ""
