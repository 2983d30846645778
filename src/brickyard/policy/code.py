"""The code of a bundle: from each task to its notebook, file, wheel or SQL, and what that touches.

Every task is followed with its own parameters. Python and SQL files that no task reaches are read
too, with unknown arguments: they are deployed, so they may run. Tests are left out.
"""

from __future__ import annotations

import ast
import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from brickyard.bundle import Resolved
from brickyard.policy.abstract_values import Known, Module, Unknown
from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.configuration import place
from brickyard.policy.interpreter import Interpreter
from brickyard.policy.library import Task
from brickyard.policy.notebooks import Cell, cells, is_notebook
from brickyard.policy.references import plain_text, with_job_parameters
from brickyard.policy.sql import HOLE, Session
from brickyard.policy.sql import accesses as sql_accesses
from brickyard.values import Value

MAX_NESTED_NOTEBOOKS = 8
NOT_DEPLOYED_CODE = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|conftest\.py$|setup\.py$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    address: str
    parameters: Mapping[str, str]


def code_accesses(
    resolved: Resolved, files: Mapping[str, bytes], sources: Iterable[str]
) -> list[Access]:
    """Accesses of everything that the bundle's tasks and its other sources do.

    `sources` are the paths, relative to the bundle's root, that a deployment would upload.
    """
    return _Reader(resolved, files, sources).read()


class _Reader:
    def __init__(
        self, resolved: Resolved, files: Mapping[str, bytes], sources: Iterable[str]
    ) -> None:
        self._resolved = resolved
        self._files = files
        self._sources = tuple(sources)
        self._interpreter = Interpreter(self._find_module)
        self._reached: set[str] = set()
        self._trees: dict[str, ast.Module | None] = {}
        self._found: list[Access] = []
        self._depth = 0
        remote = resolved.tree.get("workspace.file_path")
        self._remote = remote.text.rstrip("/") + "/" if remote is not None else ""

    def read(self) -> list[Access]:
        for declared in self._resolved.resources:
            if declared.part:
                continue
            if declared.type == "jobs":
                self._job(declared.address, declared.value)
            elif declared.type == "pipelines":
                self._pipeline(declared.address, declared.value)
        reached = set(self._interpreter.loaded) | self._reached
        self._interpreter.follow_unreached()
        self._collect("")
        for path in self._sources:
            if path not in reached and not NOT_DEPLOYED_CODE.search(path):
                self._stray(path)
        return self._found

    # -- tasks ----------------------------------------------------------------------------------

    def _job(self, address: str, job: Value) -> None:
        parameters: dict[str, str] = {}
        declared = job.get("parameters")
        for one in declared.elements if declared is not None else ():
            name, default = one.get("name"), one.get("default")
            if name is not None and default is not None:
                parameters[name.text] = plain_text(default, self._resolved.tree)
        found = job.get("tasks")
        for task in found.elements if found is not None else ():
            inner = task.get("for_each_task.task")
            self._task(_Job(address=address, parameters=parameters), inner or task)

    def _task(self, job: _Job, task: Value) -> None:
        before = len(self._found)
        if (notebook := task.get("notebook_task.notebook_path")) is not None:
            given = self._map(task.get("notebook_task.base_parameters"), job)
            widgets = {**given, **self._known(job.parameters)}
            self._notebook(notebook, Task(widgets=widgets))
        elif (file := task.get("spark_python_task.python_file")) is not None:
            arguments = self._list(task.get("spark_python_task.parameters"), job)
            self._notebook(file, Task(arguments=arguments))
        elif (wheel := task.get("python_wheel_task")) is not None:
            self._wheel(wheel, job)
        elif (sql := task.get("sql_task.file.path")) is not None:
            self._sql_file(sql, self._map(task.get("sql_task.parameters"), job))
        self._collect(job.address)
        self._found[before:] = [
            replace(one, resource=one.resource or job.address) for one in self._found[before:]
        ]

    def _pipeline(self, address: str, pipeline: Value) -> None:
        settings = pipeline.get("configuration")
        values = (
            {k: plain_text(v, self._resolved.tree) for k, v in settings.items.items()}
            if (settings is not None)
            else {}
        )
        libraries = pipeline.get("libraries")
        for library in libraries.elements if libraries is not None else ():
            path = library.get("notebook.path") or library.get("file.path")
            if path is not None:
                self._notebook(path, Task(widgets=self._known(values)))
                self._collect(address)

    def _map(self, value: Value | None, job: _Job) -> dict[str, Known]:
        entries = value.items if value is not None else {}
        return {key: self._parameter(one, job) for key, one in entries.items()}

    def _list(self, value: Value | None, job: _Job) -> tuple[Known, ...]:
        return tuple(self._parameter(one, job) for one in (value.elements if value else ()))

    def _parameter(self, value: Value, job: _Job) -> Known:
        text = with_job_parameters(plain_text(value, self._resolved.tree), job.parameters)
        return self._known({"": text})[""]

    @staticmethod
    def _known(values: Mapping[str, str]) -> dict[str, Known]:
        why = Unknown("a parameter that is known only in a run")
        return {key: why if text == HOLE else text for key, text in values.items()}

    # -- code -----------------------------------------------------------------------------------

    def _notebook(self, path: Value, task: Task) -> None:
        local = self._local(plain_text(path, self._resolved.tree))
        if local is None:
            file, line = place(path)
            if not path.text.startswith(("dbfs:", "s3:", "abfss:", "gs:")) and path.text:
                self._unknown(file, line, path.text, "code that is not part of the bundle")
            return
        if local.endswith(".sql"):
            self._sql_text(local, task.widgets)
            return
        self._reached.add(local)
        self._interpreter.start(local, task)
        module = Module(file=local, variables={"__name__": "__main__", "__file__": local})
        self._run_cells(module, local)

    def _run_cells(self, module: Module, path: str) -> None:
        self._reached.add(path)
        for cell in cells(self._text(path), path):
            self._run_cell(module, path, cell)

    def _run_cell(self, module: Module, path: str, cell: Cell) -> None:
        if cell.language == "python":
            tree = self._parse(path, cell)
            if tree is not None:
                # A notebook that is %run shares variables; its functions keep their own file.
                here = Module(file=path, variables=module.variables)
                self._interpreter.continue_in(here, tree)
        elif cell.language == "sql":
            self._interpreter.sql(cell.text, path, cell.line)
        elif cell.language == "run":
            self._run_other(module, path, cell)
        elif cell.language in {"scala", "r", "shell"}:
            self._unknown(path, cell.line, path, f"{cell.language} code is not followed")

    def _run_other(self, module: Module, path: str, cell: Cell) -> None:
        name = cell.text.strip().split(" ")[0].strip("\"'")
        other = self._beside(path, name)
        if other is None or self._depth >= MAX_NESTED_NOTEBOOKS:
            self._unknown(path, cell.line, name, "a notebook that is not part of the bundle")
            return
        self._depth += 1
        self._run_cells(module, other)
        self._depth -= 1

    def _wheel(self, task: Value, job: _Job) -> None:
        entry, package = task.get("entry_point"), task.get("package_name")
        name = entry.text if entry is not None else ""
        arguments = self._list(task.get("parameters"), job)
        named = self._map(task.get("named_parameters"), job)
        arguments += tuple(
            f"--{key}={value}" if isinstance(value, str) else value for key, value in named.items()
        )
        target = self._entry_point(name)
        if target is None:
            file, line = place(entry or task)
            label = f"{package.text if package is not None else '?'}:{name}"
            self._unknown(file, line, label, "a wheel whose entry point is not in the bundle")
            return
        module_name, function = target
        call = ast.parse(f"from {module_name} import {function}\n{function}()")
        self._interpreter.start("pyproject.toml", Task(arguments=arguments))
        module = Module(file="pyproject.toml", variables={"__name__": "__main__"})
        self._interpreter.continue_in(module, call)

    def _entry_point(self, name: str) -> tuple[str, str] | None:
        """Module and function of a console script or entry point, from any pyproject.toml."""
        for path in self._sources:
            if posixpath.basename(path) != "pyproject.toml":
                continue
            try:
                project = tomllib.loads(self._text(path)).get("project", {})
            except tomllib.TOMLDecodeError:
                continue
            groups = [project.get("scripts", {}), *project.get("entry-points", {}).values()]
            for group in groups:
                if isinstance(group, dict) and isinstance(group.get(name), str):
                    module, _, function = group[name].partition(":")
                    return module.strip(), function.strip() or "main"
        return None

    def _sql_file(self, path: Value, parameters: Mapping[str, Known]) -> None:
        local = self._local(plain_text(path, self._resolved.tree))
        if local is None:
            file, line = place(path)
            self._unknown(file, line, path.text, "SQL that is not part of the bundle")
            return
        self._sql_text(local, parameters)

    def _sql_text(self, path: str, parameters: Mapping[str, Known]) -> None:
        self._reached.add(path)
        known = {key: value for key, value in parameters.items() if isinstance(value, str)}
        text = self._text(path)
        for name, value in known.items():  # {{name}} is replaced as text before SQL runs
            text = re.sub(
                r"\{\{\s*" + re.escape(name) + r"\s*\}\}", partial(_constant, value), text
            )
        self._found.extend(sql_accesses(text, file=path, session=Session(), parameters=known))

    def _stray(self, path: str) -> None:
        """A source that no task reaches: read with unknown arguments."""
        if path.endswith(".sql"):
            self._sql_text(path, {})
        elif path.endswith(".ipynb") or (path.endswith(".py") and is_notebook(self._text(path))):
            self._interpreter.start(path, Task())
            self._run_cells(Module(file=path, variables={"__name__": "__main__"}), path)
            self._interpreter.follow_unreached()
        elif path.endswith(".py"):
            tree = self._parse(path, Cell(language="python", text=self._text(path), line=1))
            if tree is not None:
                self._interpreter.run(tree, path, Task())
                self._interpreter.follow_unreached()
        self._collect("")

    # -- files ----------------------------------------------------------------------------------

    def _find_module(self, dotted: str, importer: str) -> tuple[str, ast.Module] | None:
        """A module of the bundle by its dotted name, as `import` would look for it."""
        level = len(dotted) - len(dotted.lstrip("."))
        inner = dotted[level:].replace(".", "/")
        if level:
            start = posixpath.dirname(importer)
            for _ in range(level - 1):
                start = posixpath.dirname(start)
            candidates = [posixpath.join(start, inner) if inner else start]
        else:
            bases = [posixpath.dirname(importer)]
            while bases[-1]:
                bases.append(posixpath.dirname(bases[-1]))
            candidates = [posixpath.join(base, sub, inner) for base in bases for sub in ("", "src")]
            tail = f"/{inner}"
            candidates += sorted(
                posixpath.splitext(path)[0].removesuffix("/__init__")
                for path in self._sources
                if path.endswith((f"{tail}.py", f"{tail}/__init__.py"))
            )
        for one in candidates:
            for path in (f"{one}.py", f"{one}/__init__.py"):
                clean = posixpath.normpath(path)
                if clean in self._files and clean != importer:
                    self._reached.add(clean)
                    cell = Cell(language="python", text=self._text(clean), line=1)
                    tree = self._parse(clean, cell)
                    return (clean, tree) if tree is not None else None
        return None

    def _parse(self, path: str, cell: Cell) -> ast.Module | None:
        try:
            return ast.parse("\n" * (cell.line - 1) + cell.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
            line = getattr(fault, "lineno", None) or cell.line
            self._unknown(path, line, path, f"Python that can't be parsed: {fault}")
            return None

    def _local(self, path: str) -> str | None:
        """The bundle file behind a local or deployed path; notebooks come without extension."""
        if self._remote and path.startswith(self._remote):
            path = path[len(self._remote) :]
        path = posixpath.normpath(path)
        for extension in ("", ".py", ".ipynb", ".sql"):
            if path + extension in self._files:
                return path + extension
        return None

    def _beside(self, path: str, name: str) -> str | None:
        return self._local(posixpath.join(posixpath.dirname(path), name))

    def _text(self, path: str) -> str:
        return self._files[path].decode("utf-8", errors="replace")

    def _collect(self, address: str) -> None:
        self._found.extend(replace(one, resource=address) for one in self._interpreter.take())

    def _unknown(self, file: str, line: int, name: str, reason: str) -> None:
        self._found.append(
            Access(
                securable=Securable.PATH,
                full_name=name or "?",
                mode=Mode.WRITE,
                file=file,
                line=line,
                reason=reason,
            )
        )


def _constant(text: str, _found: re.Match[str]) -> str:
    return text


def unique(accesses: Iterable[Access]) -> Iterator[Access]:
    """Each access once, in the order of file and line."""
    seen: dict[tuple[str, ...], Access] = {}
    for one in accesses:
        key = (one.file, str(one.line), one.securable, one.full_name, one.mode, one.reason)
        seen.setdefault(key, one)
    yield from sorted(seen.values(), key=lambda one: (one.file, one.line, one.full_name, one.mode))
