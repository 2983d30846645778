"""Runs a notebook: cell by cell, in one namespace, as the notebook's own `__main__`.

Cells are compiled under a file name that names notebook and cell, so that every traceback points
there. The last expression of a cell is displayed. `%run` runs the other notebook's cells in the
same namespace; `dbutils.library.restartPython()` goes on with the next cell in a fresh
interpreter.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import posixpath
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.runtime import magics, output, session, sql_cells
from brickyard.runtime.cells import Cell, read_cells
from brickyard.runtime.dbutils import DBUtils, RestartPython
from brickyard.runtime.spec import Spec

if TYPE_CHECKING:
    import asyncio

RESUME = "BRICKYARD_RESUME_AFTER_CELL"
EXTENSIONS = ("", ".py", ".ipynb", ".sql")
LINE_MAGIC = re.compile(r"^(\s*)[%!](?!%)(.*)$")
MAX_DEPTH = 20


class NotebookRunner:
    def __init__(self, spec: Spec, namespace: dict[str, Any], dbutils: DBUtils) -> None:
        self._spec = spec
        self._namespace = namespace
        self._dbutils = dbutils
        self._loop: asyncio.AbstractEventLoop | None = None
        self._depth = 0
        self._views = 0
        namespace["__brickyard_magic__"] = self._line_magic
        self._path = spec.notebook_path

    def run(self) -> None:
        cells = read_cells(Path(self._spec.file), self._spec.language)
        done = int(os.environ.pop(RESUME, "0"))
        for cell in cells:
            if cell.number <= done:
                continue
            try:
                self._cell(cell)
            except RestartPython:
                _restart(cell.number)

    def _cell(self, cell: Cell) -> None:
        match cell.language:
            case "python":
                self._python(cell)
            case "sql":
                self._sql(cell.text)
            case "run":
                self._include(cell.text.strip())
            case "md":
                pass
            case "pip":
                for line in cell.text.splitlines():
                    magics.pip(magics.expanded(line.strip(), self._namespace), self._spec)
            case "sh":
                magics.shell(cell.text)
            case "fs":
                output.display(magics.fs(cell.text, self._dbutils))
            case language:
                raise NotImplementedError(
                    f"{self._path}, cell {cell.number}: %{language} cells need a Databricks "
                    f"cluster; the embedded workspace runs Python and SQL"
                )

    def _python(self, cell: Cell) -> None:
        name = f"{self._path} (cell {cell.number})"
        text = _with_line_magics(cell.text)
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        tree = ast.parse(text, name)
        last = tree.body.pop() if tree.body and _is_shown(tree, text) else None
        self._execute(compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        if isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            value = self._execute(code)
            if value is not None:
                self._namespace["_"] = value
                output.display(value)

    def _execute(self, code: Any) -> Any:
        value = eval(code, self._namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            import asyncio  # takes a tenth of a second: only when a cell awaits

            if self._loop is None:
                self._loop = asyncio.new_event_loop()
            return self._loop.run_until_complete(value)
        return value

    def _sql(self, text: str) -> None:
        """Every statement; the last one's rows are displayed and kept as `_sqldf`."""
        frame = None
        for statement in sql_cells.statements(text):
            if sql_cells.is_about_widgets(statement, self._dbutils.widgets):
                continue
            values = self._dbutils.widgets.getAll()
            statement = self._reading_last(sql_cells.with_widgets(statement, values))
            named = {name: values[name] for name in sql_cells.parameters(statement, values)}
            frame = session.sql(statement, args=named) if named else session.sql(statement)
        if frame is not None:
            self._namespace["_sqldf"] = frame
            if frame.columns:
                output.display(frame)

    def _reading_last(self, statement: str) -> str:
        """`_sqldf` in SQL is the frame that the name stands for now, as a view of its own."""
        frame = self._namespace.get("_sqldf")
        if frame is None:
            return statement
        view = f"_sqldf_{self._views + 1}"
        changed = sql_cells.with_view(statement, view)
        if changed != statement:
            self._views += 1
            frame.createOrReplaceTempView(view)
        return changed

    def _include(self, line: str) -> None:
        """`%run ./other $name="value"`."""
        if self._depth >= MAX_DEPTH:
            raise RecursionError(f"%run {line}: notebooks include each other without end")
        words = shlex.split(line)
        if not words:
            raise ValueError("%run needs the path of a notebook")
        file, path = locate(words[0], self._spec, self._path)
        for word in words[1:]:
            name, _, value = word.removeprefix("$").partition("=")
            self._dbutils.widgets._given[name] = value
        outer, self._path = self._path, path
        self._depth += 1
        try:
            for cell in read_cells(file):
                self._cell(cell)
        finally:
            self._path = outer
            self._depth -= 1

    def _line_magic(self, line: str) -> Any:
        name, _, rest = line.partition(" ")
        match name:
            case "pip":
                return magics.pip(magics.expanded(rest.strip(), self._namespace), self._spec)
            case "run":
                return self._include(rest.strip())
            case "sql":
                return self._sql(rest)
            case "cd":
                return magics.change_folder(magics.expanded(rest.strip(), self._namespace))
            case "!" | "sh":
                return magics.shell(magics.expanded(rest, self._namespace) if name == "!" else rest)
            case _ if name in magics.IGNORED:
                return None
        raise NotImplementedError(f"%{name} is not available in the embedded workspace")


def locate(path: str, spec: Spec, beside: str = "") -> tuple[Path, str]:
    """The file of a notebook path, relative to `beside`, and its workspace path."""
    here = posixpath.dirname(beside or spec.notebook_path or spec.file)
    full = posixpath.normpath(path if path.startswith("/") else posixpath.join(here, path))
    inside = full if full.startswith("/Workspace/") else "/Workspace" + full
    found = inside
    for mount, folder in spec.mapped.items():
        if inside.startswith(mount + "/"):
            found = folder + inside[len(mount) :]
    for extension in EXTENSIONS:
        if (file := Path(found + extension)).is_file():
            return file, full
    raise FileNotFoundError(f"There is no notebook {full} in the workspace")


def _is_shown(tree: ast.Module, text: str) -> bool:
    """Whether the last statement is an expression not ended by a semicolon."""
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        return False
    lines = text.splitlines()
    after = lines[(last.end_lineno or 1) - 1].encode()[last.end_col_offset or 0 :].decode()
    return not after.lstrip().startswith(";")


def _with_line_magics(text: str) -> str:
    """`%pip ...` and `!command` lines as calls, when the text is not Python as it stands."""
    try:
        ast.parse(text)
        return text
    except SyntaxError:
        pass

    def call(found: re.Match[str]) -> str:
        mark = "! " if found[0].lstrip().startswith("!") else ""
        return f"{found[1]}__brickyard_magic__({mark + found[2]!r})"

    changed = "\n".join(LINE_MAGIC.sub(call, line) for line in text.splitlines())
    try:
        ast.parse(changed)
    except SyntaxError:
        return text  # the error should show what the user wrote
    return changed


def _restart(after: int) -> None:
    """This program again, from the next cell; `%pip` may have added a layer meanwhile."""
    output.finish()
    session.stop()
    os.environ[RESUME] = str(after)
    os.execv(sys.executable, [sys.executable, "-m", "brickyard.runtime.task", sys.argv[1]])
