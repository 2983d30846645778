"""The entry point of a task's process: `python -m brickyard.runtime.task SPEC`.

Prepares what user code expects to find (globals, `dbruntime`, paths, redacted output), runs it as
`__main__`, and writes `result.json`: the notebook's value, or the error as one line and its trace.
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH100, PTH109, PTH112, PTH120

from __future__ import annotations

import importlib
import linecache
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from brickyard.runtime import cluster_disk, output, paths, session, shims
from brickyard.runtime.dbutils import DBUtils, NotebookExit
from brickyard.runtime.magics import use_layer
from brickyard.runtime.notebooks import NotebookRunner
from brickyard.runtime.refusals import Refusals
from brickyard.runtime.spec import Spec, read_spec, write_json

LEAVING = (
    "A task fails when its code ends Python, with any status, as on Databricks: return from the "
    "program (in a notebook: dbutils.notebook.exit) for success, raise an exception for failure."
)
OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))


def main() -> int:
    spec = read_spec(sys.argv[1])
    output.install()
    refusals = Refusals(spec)
    paths.install(refusals, spec.mapped)
    use_layer(spec)
    if spec.cluster_disk:
        cluster_disk.prepare()
    dbutils = DBUtils(spec)
    names = runtime_globals(dbutils)
    shims.install(spec, names)
    main_module = ModuleType("__main__")
    main_module.__dict__.update({k: v for k, v in names.items() if k not in ("sc", "sqlContext")})
    result: dict[str, Any] = {}
    try:
        RUN[spec.kind](spec, main_module, dbutils)
    except NotebookExit as ended:
        result["result"] = output.redacted(ended.value)
    except BaseException as fault:
        result = _failure(fault, refusals)
    write_json(spec.result_file, result)
    if result.get("error"):
        print(result["error_trace"], file=sys.stderr)
    session.stop()
    output.finish()
    return 1 if result.get("error") else 0


def runtime_globals(dbutils: DBUtils) -> dict[str, Any]:
    """The names that notebooks and files find without an import."""
    return {
        "spark": session.spark,
        "sql": session.sql,
        "table": session.table,
        "udf": session.udf,
        "dbutils": dbutils,
        "display": output.display,
        "displayHTML": output.display_html,
        "getArgument": dbutils.widgets.getArgument,
        "sc": session.Unsupported("sc"),
        "sqlContext": session.Unsupported("sqlContext"),
    }


def _run_notebook(spec: Spec, module: ModuleType, dbutils: DBUtils) -> None:
    sys.argv = [sys.argv[0], sys.argv[1]]
    folder = os.path.dirname(spec.file)
    _be_main(module, folder)
    if os.path.isdir(folder):
        os.chdir(folder)
    NotebookRunner(spec, module.__dict__, dbutils).run()


def _run_python(spec: Spec, module: ModuleType, _dbutils: DBUtils) -> None:
    path = Path(spec.file)
    code = compile(path.read_text(), spec.file, "exec")
    sys.argv = [spec.file, *spec.arguments]
    module.__file__ = spec.file
    _be_main(module, str(path.parent))
    exec(code, module.__dict__)


def _run_wheel(spec: Spec, module: ModuleType, _dbutils: DBUtils) -> None:
    sys.argv = [spec.package_name, *spec.arguments]
    _be_main(module, spec.folder)
    _entry_point(spec)()


def _entry_point(spec: Spec) -> Callable[[], Any]:
    """The entry point of that name in the package's metadata, else the package's own function."""
    from importlib import metadata

    try:
        found = metadata.distribution(spec.package_name).entry_points
    except metadata.PackageNotFoundError:
        found = metadata.EntryPoints(())
    for one in found:
        if one.name == spec.entry_point:
            loaded: Callable[[], Any] = one.load()
            return loaded
    module = importlib.import_module(spec.package_name.replace("-", "_"))
    function = getattr(module, spec.entry_point, None)
    if not callable(function):
        raise AttributeError(
            f"The package {spec.package_name} has neither an entry point nor a function "
            f"named {spec.entry_point}"
        )
    return function  # type: ignore[no-any-return]


def _run_shell(spec: Spec, _module: ModuleType, _dbutils: DBUtils) -> None:
    status = cluster_disk.run(spec.arguments, spec.variables)
    if status:
        raise cluster_disk.CommandFailed(f"The command ended with status {status}.")


RUN = {
    "notebook": _run_notebook,
    "python": _run_python,
    "wheel": _run_wheel,
    "shell": _run_shell,
}


def _be_main(module: ModuleType, folder: str) -> None:
    """User code is `__main__`, and its folder comes first on the import path."""
    sys.modules["__main__"] = module
    if sys.path and sys.path[0] in ("", os.getcwd()):
        sys.path.pop(0)  # `-m` put the working folder there
    sys.path.insert(0, folder)


def _failure(fault: BaseException, refusals: Refusals) -> dict[str, Any]:
    """The error in one line and its trace, without this room's own frames."""
    shown = "".join(traceback.format_exception(type(fault), fault, _own(fault.__traceback__)))
    line = "".join(traceback.format_exception_only(type(fault), fault)).strip().split("\n")[-1]
    if not isinstance(fault, SyntaxError):
        text = str(fault)
        line = f"{type(fault).__name__}: {text}" if text else type(fault).__name__
    if isinstance(fault, SystemExit):
        shown = f"{shown.rstrip()}\n\n{LEAVING}\n"
    refused = refusals.explain(fault)
    if refused is not None:
        line = refused
        shown = f"{shown.rstrip()}\n\n{refused}\n"
    return {"error": output.redacted(line), "error_trace": output.redacted(shown)}


def _own(trace: TracebackType | None) -> TracebackType | None:
    """The trace from the first frame that is not this room's; all of it if there is none."""
    current = trace
    while current is not None and current.tb_frame.f_code.co_filename.startswith(OWN_FOLDER):
        current = current.tb_next
    return current


if __name__ == "__main__":
    linecache.checkcache = lambda filename=None: None  # cells are not files: keep their lines
    sys.exit(main())
