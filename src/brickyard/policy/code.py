"""The code of a bundle: from each task to its notebook, file, wheel or SQL, and what that touches.

Every task is followed with its own parameters (`tasks.py`). Python and SQL files that no task
reaches are read too, with unknown arguments: they are deployed, so they may run. Tests are not.
"""

from __future__ import annotations

import ast
import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from brickyard.bundle import Resolved
from brickyard.policy.abstract_values import Known, Module, Unknown
from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.apps import app_environment
from brickyard.policy.dashboards import DOCUMENTS, document_accesses
from brickyard.policy.dbt import is_project, model_accesses
from brickyard.policy.entry_points import entry_point
from brickyard.policy.interpreter import Interpreter
from brickyard.policy.library import Task
from brickyard.policy.notebooks import Cell, cells, is_notebook
from brickyard.policy.references import place, plain_text
from brickyard.policy.sources import NOT_DEPLOYED_CODE, Sources
from brickyard.policy.sql import accesses as sql_accesses
from brickyard.policy.sql_places import path_access
from brickyard.policy.sql_session import HOLE, Session
from brickyard.policy.tasks import Job, task_of, tasks_in_order, variants
from brickyard.values import Value

MAX_NESTED_NOTEBOOKS: Final = 8
STORES: Final = ("dbfs:", "s3:", "s3a:", "abfss:", "gs:", "wasbs:")
RUN_PARAMETER: Final = re.compile(r"\$(\w+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))")
BUNDLE_RESOURCE: Final = re.compile(r"^\$\{resources\.(\w+)\.([\w-]+)\.")
FS_MODES: Final = {
    "rm": (Mode.WRITE,),
    "mkdirs": (Mode.WRITE,),
    "put": (Mode.WRITE,),
    "mv": (Mode.WRITE, Mode.WRITE),
    "cp": (Mode.READ, Mode.WRITE),
    "ls": (Mode.READ,),
    "head": (Mode.READ,),
}
# Tasks whose code is not in the bundle: where to blame, and what it is.
OPAQUE_TASKS: Final = (
    ("spark_jar_task.main_class_name", "a jar is not followed"),
    ("spark_submit_task.parameters", "spark-submit is not followed"),
    ("clean_rooms_notebook_task.notebook_name", "a clean room's notebook is not in the bundle"),
    ("sql_task.query.query_id", "a saved query is not in the bundle"),
    ("run_job_task.job_id", "a job that is not in the bundle"),
)


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
        remote = resolved.tree.get("workspace.file_path")
        self._tree = resolved.tree
        self._resources = {one.address: one for one in resolved.resources if not one.part}
        self._sources = Sources(files, sources, remote.text if remote is not None else "")
        self._interpreter = Interpreter(
            self._find_module, files=self._sources, run_notebook=self._run_notebook
        )
        self._reached: set[str] = set()
        self._trees: dict[str, ast.Module | None] = {}
        self._found: list[Access] = []
        self._depth = 0
        self._calling: list[str] = []  # jobs that are followed now: one may run another

    def read(self) -> list[Access]:
        for address, declared in self._resources.items():
            if declared.type == "jobs":
                self._job(address, declared.value, {})
            elif declared.type == "pipelines":
                self._pipeline(address, declared.value)
            elif declared.type == "apps":
                self._app(address, declared.value)
            elif (document := declared.value.get("file_path")) is not None:
                self._reached.add(document.text)  # the configuration's rules read it
        reached = set(self._interpreter.loaded) | self._reached
        self._interpreter.follow_unreached()
        self._collect("")
        for path in self._sources.names:
            if path not in reached and not NOT_DEPLOYED_CODE.search(path):
                self._stray(path)
        return self._found

    # -- jobs ------------------------------------------------------------------------------------

    def _job(self, address: str, value: Value, overrides: Mapping[str, Known]) -> None:
        if address in self._calling or len(self._calling) > MAX_NESTED_NOTEBOOKS:
            return
        self._calling.append(address)
        job = Job.of(address, value, self._tree, overrides)
        for task in tasks_in_order(value):
            for one in variants(task, job, self._tree):
                self._task(one, task.get("for_each_task.task") or task)
        self._calling.pop()

    def _task(self, job: Job, task: Value) -> None:
        before = len(self._found)
        started = task_of(job, task, self._tree)
        if (notebook := task.get("notebook_task.notebook_path")) is not None:
            self._notebook(notebook, started, is_remote=_is_git(job, task, "notebook_task"))
        elif (file := task.get("spark_python_task.python_file")) is not None:
            self._notebook(file, started, is_remote=_is_git(job, task, "spark_python_task"))
        elif (wheel := task.get("python_wheel_task")) is not None:
            self._wheel(wheel, started)
        elif (sql := task.get("sql_task.file.path")) is not None:
            self._sql_file(sql, started)
        elif task.get("dbt_task") is not None:
            self._dbt(task, job.address)
        self._other_job(job, task)
        for path, reason in OPAQUE_TASKS:
            given = task.get(path)
            if given is not None and not BUNDLE_RESOURCE.match(given.text):
                name = given.text or (given.elements[0].text if given.elements else "?")
                self._unknown(given, name, reason)
        self._collect(job.address)
        self._found[before:] = [
            replace(one, resource=one.resource or job.address) for one in self._found[before:]
        ]

    def _other_job(self, job: Job, task: Value) -> None:
        """A job of the bundle that this task runs, with the parameters that it hands over."""
        called = task.get("run_job_task.job_id")
        found = BUNDLE_RESOURCE.match(called.text) if called is not None else None
        if not found:
            return
        other = self._resources.get(f"resources.jobs.{found[2]}")
        given = task.get("run_job_task.job_parameters")
        if other is not None:
            values = {
                k: job.known(v, self._tree) for k, v in (given.items if given else {}).items()
            }
            self._collect(job.address)
            self._job(other.address, other.value, values)

    def _pipeline(self, address: str, pipeline: Value) -> None:
        def text(path: str) -> str:
            value = pipeline.get(path)
            return plain_text(value, self._tree) if value is not None else ""

        settings = pipeline.get("configuration")
        entries = settings.items if settings is not None else {}
        values = {k: _known(plain_text(v, self._tree)) for k, v in entries.items()}
        task = Task(
            widgets=values,
            settings=values,
            catalog=text("catalog"),
            schema=text("schema") or text("target"),
        )
        libraries = pipeline.get("libraries")
        for library in libraries.elements if libraries is not None else ():
            path = library.get("notebook.path") or library.get("file.path")
            if path is not None:
                self._notebook(path, task)
            elif (pattern := library.get("glob.include")) is not None:
                for name in self._matching(plain_text(pattern, self._tree)):
                    self._follow_file(name, task)
            self._collect(address)

    def _matching(self, pattern: str) -> list[str]:
        """Sources that a pipeline's glob includes: a file, or `folder/**`."""
        inner = posixpath.normpath(pattern.removesuffix("**").removesuffix("*"))
        local = self._sources.local(inner)
        if local is not None:
            return [local]
        remote = self._tree.get("workspace.file_path")
        prefix = remote.text.rstrip("/") + "/" if remote is not None and remote.text else "\0"
        clean = posixpath.normpath(pattern.removeprefix(prefix))
        folder = clean.split("*")[0].rstrip("/")
        return [
            name
            for name in self._sources.names
            if fnmatch.fnmatch(name, clean) or ("**" in clean and name.startswith(f"{folder}/"))
        ]

    def _app(self, address: str, app: Value) -> None:
        """Each Python file of an app's folder, with the variables that the app starts with."""
        folder = app.get("source_code_path")
        local = self._local_folder(folder)
        if folder is None or not folder.text or local is None:
            return
        environment = app_environment(app, self._sources, local, self._tree)
        for name in self._sources.under(local):
            if name.endswith(".py") and name not in self._reached:
                self._follow_file(name, Task(environment=environment))
        self._collect(address)

    def _local_folder(self, value: Value | None) -> str | None:
        if value is None or not value.text:
            return None
        remote = self._tree.get("workspace.file_path")
        prefix = remote.text.rstrip("/") + "/" if remote is not None and remote.text else "\0"
        return posixpath.normpath(value.text.removeprefix(prefix).removeprefix("/Workspace"))

    def _dbt(self, task: Value, address: str) -> None:
        schema, catalog = task.get("dbt_task.schema"), task.get("dbt_task.catalog")
        blamed = schema or catalog or task.get("dbt_task.commands") or task
        parts = [plain_text(one, self._tree) for one in (catalog, schema) if one is not None]
        name = ".".join(parts) if len(parts) == 2 else f"{parts[0]}.{HOLE}" if catalog else ""
        self._models(task, parts if catalog is not None else [])
        if catalog is None:
            self._unknown(blamed, "dbt", "dbt models go where a profile says")
            return
        self._touch(Securable.SCHEMA, name, Mode.WRITE, blamed, address)

    def _models(self, task: Value, target: list[str]) -> None:
        """The models of the project in the bundle: what they read, and where each is made."""
        given = task.get("dbt_task.project_directory")
        folder = self._local_folder(given) if given is not None else "."
        if folder is None or not is_project(self._sources, folder):
            return
        catalog, schema = (*[one.replace(HOLE, "") for one in target], "", "")[:2]
        for path, found in model_accesses(self._sources, folder, catalog, schema):
            self._reached.add(path)
            self._found.extend(found)

    # -- code ------------------------------------------------------------------------------------

    def _notebook(self, path: Value, task: Task, *, is_remote: bool = False) -> None:
        text = plain_text(path, self._tree)
        local = None if is_remote else self._sources.local(text)
        if local is not None:
            self._follow_file(local, task)
        elif text.startswith(("/Volumes/", "dbfs:/Volumes/")):
            file, line, column = place(path)
            self._found.append(path_access(text, Mode.READ, file, line, column))
            self._unknown(path, text, "code that is not part of the bundle")
        elif text:
            self._unknown(path, text, "code that is not part of the bundle")

    def _follow_file(self, path: str, task: Task) -> None:
        self._reached.add(path)
        text = self._sources.text(path)
        if path.endswith(".sql") and not is_notebook(text):
            self._sql_text(path, task)
            return
        if not path.endswith((".py", ".ipynb", ".sql")):
            if path.endswith((".scala", ".r", ".R")):
                self._unknown_at(path, 1, path, f"{path.rsplit('.', 1)[-1]} code is not followed")
            return
        self._interpreter.start(path, task)
        self._run_cells(_main(path), path)

    def _run_cells(self, module: Module, path: str) -> None:
        self._reached.add(path)
        for cell in cells(self._sources.text(path), path):
            self._run_cell(module, path, cell)

    def _run_cell(self, module: Module, path: str, cell: Cell) -> None:
        match cell.language:
            case "python":
                tree = self._parse(path, cell)
                if tree is not None:
                    # A notebook that is %run shares variables; its functions keep their own file.
                    here = Module(file=path, variables=module.variables)
                    self._interpreter.continue_in(here, tree)
            case "sql":
                self._interpreter.sql(cell.text, path, cell.line_of)
            case "run":
                self._run_other(module, path, cell)
            case "fs":
                self._fs(path, cell)
            case "scala" | "r" | "shell":
                self._unknown_at(path, cell.line, path, f"{cell.language} code is not followed")
                for number, line in enumerate(cell.text.splitlines(), start=1):
                    if "/Volumes/" in line or cell.language != "shell":
                        at = cell.line_of(number)
                        reason = f"{cell.language} code is not followed"
                        self._unknown_at(path, at, line.strip()[:80], reason)

    def _run_other(self, module: Module, path: str, cell: Cell) -> None:
        text = cell.text.strip()
        quoted = re.match(r"\"([^\"]+)\"|'([^']+)'|(\S+)", text)
        name = next((one for one in quoted.groups() if one), "") if quoted else ""
        other = self._sources.beside(path, name)
        if other is None or self._depth >= MAX_NESTED_NOTEBOOKS:
            reason = "a notebook that is not part of the bundle"
            self._unknown_at(path, cell.line, name, reason)
            return
        given = {m[1]: m[2] or m[3] or m[4] or "" for m in RUN_PARAMETER.finditer(text)}
        self._interpreter.set_widgets(given)
        self._depth += 1
        self._run_cells(module, other)
        self._depth -= 1

    def _run_notebook(self, name: str, widgets: dict[str, Known], caller: str) -> Known:
        """`dbutils.notebook.run`: another notebook, with a session and widgets of its own."""
        other = self._sources.beside(caller, name)
        if other is None or self._depth >= MAX_NESTED_NOTEBOOKS:
            self._interpreter.note_unknown(name, "a notebook that is not part of the bundle")
            return Unknown()
        self._depth += 1
        task = Task(widgets=widgets)
        self._interpreter.nested(other, task, lambda: self._run_cells(_main(other), other))
        self._depth -= 1
        return Unknown("what a notebook returns")

    def _fs(self, path: str, cell: Cell) -> None:
        words = [one for one in cell.text.split() if not one.startswith("-")]
        for mode, word in zip(FS_MODES.get(words[0] if words else "", ()), words[1:], strict=False):
            if word.strip("\"'").startswith(("/Volumes", *STORES)):
                self._found.append(path_access(word.strip("\"'"), mode, path, cell.line))

    def _wheel(self, task: Value, started: Task) -> None:
        entry, package = task.get("entry_point"), task.get("package_name")
        name = entry.text if entry is not None else ""
        distribution = package.text if package is not None else ""
        target = entry_point(self._sources, distribution, name)
        if target is None or self._sources.module(target[0], "pyproject.toml") is None:
            reason = "a wheel whose entry point is not in the bundle"
            self._unknown(entry or task, f"{distribution or '?'}:{name}", reason)
            return
        module_name, function = target
        call = ast.parse(f"from {module_name} import {function}\n{function}()")
        self._interpreter.start("pyproject.toml", started)
        module = Module(file="pyproject.toml", variables={"__name__": "__main__"})
        self._interpreter.continue_in(module, call)

    def _sql_file(self, path: Value, task: Task) -> None:
        local = self._sources.local(plain_text(path, self._tree))
        if local is None:
            self._unknown(path, path.text, "SQL that is not part of the bundle")
            return
        self._sql_text(local, task)

    def _sql_text(self, path: str, task: Task) -> None:
        self._reached.add(path)
        session = Session(catalog=task.catalog, schema=task.schema, settings=dict(task.settings))
        known = {key: value for key, value in task.widgets.items() if isinstance(value, str)}
        text = self._sources.text(path)
        self._found.extend(sql_accesses(text, file=path, session=session, parameters=known))

    def _stray(self, path: str) -> None:
        """A source that no task reaches: read with unknown arguments."""
        if path.endswith(DOCUMENTS):
            self._found.extend(document_accesses(self._sources.text(path), path))
        elif path.endswith((".sql", ".ipynb", ".py", ".scala", ".r", ".R")):
            self._follow_file(path, Task())
            self._interpreter.follow_unreached()
        self._collect("")

    # -- files -----------------------------------------------------------------------------------

    def _find_module(self, dotted: str, importer: str) -> tuple[str, ast.Module] | None:
        path = self._sources.module(dotted, importer)
        if path is None:
            return None
        self._reached.add(path)
        if path not in self._trees:
            cell = Cell(language="python", text=self._sources.text(path), lines=())
            self._trees[path] = self._parse(path, cell)
        tree = self._trees[path]
        return (path, tree) if tree is not None else None

    def _parse(self, path: str, cell: Cell) -> ast.Module | None:
        """The tree of a cell with the lines of the file; magics among the Python are left out."""
        try:
            tree = _tree(cell.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
            line = cell.line_of(getattr(fault, "lineno", None) or 1)
            self._unknown_at(path, line, path, f"Python that can't be parsed: {fault}")
            return None
        if cell.lines:
            for node in ast.walk(tree):
                for key in ("lineno", "end_lineno"):
                    if hasattr(node, key):
                        setattr(node, key, cell.line_of(getattr(node, key)))
        return tree

    # -- findings --------------------------------------------------------------------------------

    def _collect(self, address: str) -> None:
        for one in self._interpreter.take():
            self._found.append(replace(one, resource=address))

    def _touch(
        self, securable: Securable, name: str, mode: Mode, blamed: Value, address: str
    ) -> None:
        file, line, column = place(blamed)
        self._found.append(
            Access(
                securable=securable,
                full_name=name.replace(HOLE, "?"),
                mode=mode,
                file=file,
                line=line,
                column=column,
                resource=address,
            )
        )

    def _unknown(self, blamed: Value, name: str, reason: str) -> None:
        file, line, column = place(blamed)
        self._unknown_at(file, line, name, reason, column)

    def _unknown_at(self, file: str, line: int, name: str, reason: str, column: int = 1) -> None:
        self._found.append(
            Access(
                securable=Securable.PATH,
                full_name=name.replace(HOLE, "?") or "?",
                mode=Mode.WRITE,
                file=file,
                line=line,
                column=column,
                reason=reason,
            )
        )


def _tree(text: str) -> ast.Module:
    """Python as it is, or without the lines that only a notebook takes."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", text))


def _main(path: str) -> Module:
    return Module(file=path, variables={"__name__": "__main__", "__file__": path})


def _known(text: str) -> Known:
    return Unknown("a value that is known only in a run") if text == HOLE else text


def _is_git(job: Job, task: Value, kind: str) -> bool:
    """Whether a task's code comes from a Git repository instead of the bundle."""
    source = task.get(f"{kind}.source")
    text = source.text if source is not None else ""
    return text == "GIT" or (job.has_git_source and text != "WORKSPACE")


def unique(accesses: Iterable[Access]) -> Iterator[Access]:
    """Each access once, in the order of file and line."""
    seen: dict[tuple[str, ...], Access] = {}
    for one in accesses:
        key = (one.file, str(one.line), one.securable, one.full_name, one.mode, one.reason)
        seen.setdefault(key, one)
    yield from sorted(seen.values(), key=lambda one: (one.file, one.line, one.full_name, one.mode))
