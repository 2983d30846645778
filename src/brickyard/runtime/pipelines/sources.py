"""The pipeline's libraries: notebooks, files and globs, loaded one after the other.

Paths are those of the workspace, as this process sees them. The pipeline's `root_path` is on the
import path; a notebook runs cell by cell, and its SQL cells declare datasets as SQL files do.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from brickyard.runtime.cells import HEADERS, read_cells
from brickyard.runtime.dbutils import DBUtils
from brickyard.runtime.notebooks import NotebookRunner
from brickyard.runtime.pipelines.graph import PipelineFault
from brickyard.runtime.spec import Spec

EXTENSIONS: Final = ("", ".py", ".ipynb", ".sql")
WILD: Final = re.compile(r"[*?\[]")
Declare = Callable[[str, str], None]  # SQL text and where it is


@dataclass(frozen=True, slots=True)
class Source:
    path: str  # as this process sees it
    shown: str  # as the pipeline names it


def find_sources(libraries: list[Mapping[str, Any]], mapped: Mapping[str, str]) -> list[Source]:
    """The files to load, in the order of the libraries; one named twice is loaded once."""
    found: dict[str, Source] = {}
    for library in libraries:
        for source in _of(library, mapped):
            found.setdefault(source.path, source)
    if not found:
        raise PipelineFault("The pipeline's libraries name no source file.")
    return list(found.values())


def _of(library: Mapping[str, Any], mapped: Mapping[str, str]) -> Iterator[Source]:
    if glob := library.get("glob"):
        yield from _matching(str(glob["include"]), mapped)
        return
    kind = "notebook" if library.get("notebook") else "file"
    if not library.get(kind):
        return  # a package: it is in the environment
    shown = str(library[kind]["path"])
    inside = _inside(shown, mapped)
    for extension in EXTENSIONS if kind == "notebook" else ("",):
        if os.path.isfile(inside + extension):  # noqa: PTH113
            yield Source(inside + extension, shown)
            return
    raise PipelineFault(
        f"Unable to access the {kind} {shown}: it does not exist, or the identity that runs the "
        "pipeline may not read it."
    )


def _matching(include: str, mapped: Mapping[str, str]) -> Iterator[Source]:
    inside = _inside(include, mapped)
    fixed = inside
    while WILD.search(fixed):
        fixed = os.path.dirname(fixed)  # noqa: PTH120
    if not os.path.isdir(fixed):  # noqa: PTH112
        raise PipelineFault(f"There is no folder for the sources {include}.")
    pattern = re.compile(_expression(inside if inside != fixed else inside.rstrip("/") + "/**"))
    names = []
    for folder, folders, files in os.walk(fixed):
        folders[:] = [one for one in folders if one != "__pycache__" and not one.startswith(".")]
        names += [os.path.join(folder, one) for one in files]  # noqa: PTH118
    for name in sorted(names):
        if pattern.fullmatch(name) and name.endswith((".py", ".sql", ".ipynb")):
            yield Source(name, include.split("*", maxsplit=1)[0].rstrip("/") + name[len(fixed) :])


def _expression(glob: str) -> str:
    """`**` takes any number of folders, `*` and `?` stay within one name."""
    found, at = "", 0
    while at < len(glob):
        if glob.startswith("**/", at):
            found, at = found + "(?:.*/)?", at + 3
        elif glob.startswith("**", at):
            found, at = found + ".*", at + 2
        elif glob[at] == "*":
            found, at = found + "[^/]*", at + 1
        elif glob[at] == "?":
            found, at = found + "[^/]", at + 1
        else:
            found, at = found + re.escape(glob[at]), at + 1
    return found


def _inside(path: str, mapped: Mapping[str, str]) -> str:
    full = path if path.startswith(("/Workspace/", "/Volumes/")) else "/Workspace" + path
    for mount, folder in mapped.items():
        if full.startswith(mount + "/"):
            return folder + full[len(mount) :]
    return full


class Loader:
    """Runs sources with the names they expect. SQL goes to `declare`."""

    def __init__(
        self, spec: Spec, names: Mapping[str, Any], dbutils: DBUtils, declare: Declare
    ) -> None:
        self._spec = spec
        self._names = names
        self._dbutils = dbutils
        self._declare = declare

    def load(self, source: Source) -> None:
        """Raises whatever the source raises."""
        path = Path(source.path)
        text = path.read_text()
        if path.suffix == ".ipynb" or text.startswith(tuple(HEADERS.values())):
            self._notebook(path, source)
        elif path.suffix == ".sql":
            self._declare(text, source.shown)
        else:
            module = self._module(source)
            exec(compile(text, source.path, "exec"), module.__dict__)

    def _notebook(self, path: Path, source: Source) -> None:
        module = self._module(source)
        runner = PipelineNotebook(self._spec, module.__dict__, self._dbutils)
        runner.declare, runner.source = self._declare, source
        for cell in read_cells(path, "sql" if path.suffix == ".sql" else "python"):
            runner.one(cell)

    def _module(self, source: Source) -> ModuleType:
        """A main module of its own for each source, and its folder on the import path."""
        module = ModuleType("__main__")
        module.__dict__.update(self._names)
        module.__file__ = source.path
        sys.modules["__main__"] = module
        folder = os.path.dirname(source.path)  # noqa: PTH120
        if folder not in sys.path:
            sys.path.insert(0, folder)
        return module


class PipelineNotebook(NotebookRunner):
    """A notebook whose SQL cells declare datasets."""

    declare: Declare
    source: Source

    def one(self, cell: Any) -> None:
        self._path = self.source.shown
        self._cell(cell)

    def _sql(self, text: str) -> None:
        self.declare(text, self.source.shown)
