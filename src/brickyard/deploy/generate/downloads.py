"""Notebooks and files that an object refers to: where they come to lie, and how they get there.

Paths keep their shape below the folder that all of them share. Nothing is written unless everything
can be: what is in the way is found first, then all contents are fetched, then written.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brickyard.deploy.generate.generated import Cannot, shown, write
from brickyard.deploy.http import Json, Workspace

EXTENSIONS: Final = {"PYTHON": ".py", "R": ".r", "SCALA": ".scala", "SQL": ".sql"}
DESIGNER: Final = ".designer.ipynb"
DOWNLOADS: Final = 8
SKIPPED: Final = "node_modules"


@dataclass(slots=True)
class Downloads:
    """Files to fetch: local path to where it lies in the workspace and the format to ask for."""

    workspace: Workspace
    source_dir: Path
    config_dir: Path
    base: str = ""
    files: dict[Path, tuple[str, str]] = field(default_factory=dict)

    def notebook(self, path: str) -> str:
        """Fetch this notebook too; what the configuration calls it from now on."""
        query = {"path": path, "return_export_info": "true"}
        status = self.workspace.get("/api/2.0/workspace/get-status", query)
        name, format = _notebook_file(self._relative(path), status)
        return self._add(name, path, format)

    def file(self, path: str) -> str:
        """Fetch this file too; what the configuration calls it from now on."""
        self.workspace.get("/api/2.0/workspace/get-status", {"path": path})
        return self._add(self._relative(path), path, "SOURCE")

    def folder(self, path: str) -> str:
        """Fetch all that is below a folder, except what package managers put there."""
        self.workspace.get("/api/2.0/workspace/get-status", {"path": path})
        self.base = self.base or path
        for found in self._below(path):
            is_notebook = found.get("object_type") == "NOTEBOOK"
            (self.notebook if is_notebook else self.file)(str(found["path"]))
        return relative(self.source_dir, self.config_dir)

    def fetch(self, *, force: bool, say: Callable[[str], None]) -> None:
        """Fetch and write them all. Raises `Cannot` before anything is written."""
        self.check(force=force)
        with ThreadPoolExecutor(max_workers=DOWNLOADS, thread_name_prefix="fetch") as pool:
            contents = list(pool.map(self._content, self.files.values()))
        for target, content in zip(self.files, contents, strict=True):
            write(target, content)
            say(f"File successfully saved to {shown(target)}")

    def check(self, *, force: bool) -> None:
        """Raises `Cannot` when something is in the way."""
        for target in self.files:
            if target.is_dir():
                raise Cannot(f"{shown(target)} is a directory")
            if target.exists() and not force:
                raise Cannot(f"{shown(target)} already exists. Use --force to overwrite")

    def remove_flat_copies(self, *, force: bool) -> None:
        """Remove what versions before 1.0 put flat into the source folder.

        Without `force`, only a file that is the same as the one just fetched.
        """
        for target in self.files:
            old = self.source_dir / target.name
            if old in self.files or not old.is_file():
                continue
            if force or old.read_bytes() == target.read_bytes():
                old.unlink()

    def _add(self, name: str, path: str, format: str) -> str:
        target = self.source_dir / name
        if not is_below(target, self.source_dir):
            raise Cannot(f"{path} would be written outside of {shown(self.source_dir)}")
        self.files[target] = (path, format)
        return relative(target, self.config_dir)

    def _relative(self, path: str) -> str:
        base = self.base or posixpath.dirname(path)
        if not path.startswith(base):  # lists name what is below /Workspace without that
            base, path = base.removeprefix("/Workspace"), path.removeprefix("/Workspace")
        return path.removeprefix(base).removeprefix("/")

    def _below(self, path: str) -> Iterator[Json]:
        answer = self.workspace.get("/api/2.0/workspace/list", {"path": path})
        for found in answer.get("objects") or ():
            if found.get("object_type") != "DIRECTORY":
                yield found
            elif posixpath.basename(str(found["path"])) != SKIPPED:
                yield from self._below(str(found["path"]))

    def _content(self, wanted: tuple[str, str]) -> bytes:
        path, format = wanted
        query = {"path": path, "format": format or None, "direct_download": True}
        return self.workspace.send("GET", "/api/2.0/workspace/export", query=query).body


def common_folder(paths: list[str]) -> str:
    """The folder that all the paths share, nothing if only the root; of one, its own."""
    folders = [posixpath.dirname(path) for path in paths]
    if len(folders) == 1:
        return folders[0]
    shared = []
    for steps in zip(*(folder.split("/") for folder in folders), strict=False):
        if len(set(steps)) > 1:
            break
        shared.append(steps[0])
    return "/".join(shared)


def relative(path: Path, start: Path) -> str:
    """A path as configuration in the folder `start` writes it."""
    return Path(os.path.relpath(path, start)).as_posix()


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path stays inside a folder, `..` and all."""
    return path.resolve().is_relative_to(folder.resolve())


def _notebook_file(name: str, status: Json) -> tuple[str, str]:
    """A notebook's file name and the format it comes in.

    A Designer notebook has its whole extension in the workspace and is a Jupyter notebook.
    """
    stem = name if name.endswith(DESIGNER) else posixpath.splitext(name)[0]
    if status.get("object_type") == "DESIGNER_FILE":
        return stem, "JUPYTER"
    format = str(status.get("repos_export_format") or "")
    if format == "JUPYTER":
        return f"{stem}.ipynb", format
    is_notebook = status.get("object_type") == "NOTEBOOK"
    language = str(status.get("language") or "")
    return stem + (EXTENSIONS.get(language, "") if is_notebook else ""), format
