"""The entry point of an update's process: `python -m brickyard.runtime.pipelines SPEC`."""

from __future__ import annotations

import linecache
import os
import sys
from pathlib import Path
from typing import Any

from brickyard.runtime import output, paths, session, shims
from brickyard.runtime.dbutils import DBUtils
from brickyard.runtime.magics import use_layer
from brickyard.runtime.pipelines import patches
from brickyard.runtime.pipelines.declarations import Declarations
from brickyard.runtime.pipelines.graph import Dataset, Defaults, Graph, quoted
from brickyard.runtime.pipelines.journal import Journal, failure
from brickyard.runtime.pipelines.planning import Planner
from brickyard.runtime.pipelines.reads import Reads
from brickyard.runtime.pipelines.run import Update, UpdateFailed
from brickyard.runtime.pipelines.sources import Loader, find_sources
from brickyard.runtime.pipelines.sql_sources import read_statements
from brickyard.runtime.pipelines.state import State
from brickyard.runtime.pipelines.writes import Writes, checked
from brickyard.runtime.refusals import Refusals
from brickyard.runtime.spec import Spec, read_spec, write_json
from brickyard.runtime.task import runtime_globals


def main() -> int:
    spec = read_spec(sys.argv[1])
    output.install()
    refusals = Refusals(spec)
    paths.install(refusals, spec.mapped)
    use_layer(spec)
    result: dict[str, Any] = {}
    try:
        run(spec, Journal(Path(spec.folder, "events.jsonl")))
    except UpdateFailed as fault:
        result["error"] = failure(fault, is_fatal=True)
    except BaseException as fault:
        result["error"] = failure(fault, is_fatal=True)
        refused = refusals.explain(fault)
        if refused is not None:
            result["error"]["exceptions"][0]["message"] = refused
    write_json(spec.result_file, result)
    session.stop()
    output.finish()
    return 1 if result else 0


def run(spec: Spec, journal: Journal) -> None:
    """The whole update."""
    asked = spec.pipeline
    defaults = Defaults(catalog=asked["catalog"], schema=asked["schema"])
    graph = Graph(defaults)
    planner = Planner(graph, session.session)

    def filtered(view: Dataset, frame: Any) -> Any:
        return checked(view, view.key, frame).frame

    reads = Reads(graph, session.session, planner.frame, filtered)
    planner.reads = reads
    settings = {**asked["configuration"], "pipelines.id": asked["id"]}
    _prepare(defaults, settings)
    patches.install(reads)
    Declarations(graph, reads.read).install()
    dbutils = DBUtils(spec)
    names = runtime_globals(dbutils)
    shims.install(spec, names)
    for folder in reversed(asked["import_folders"]):
        sys.path.insert(0, _as_seen(folder, spec))

    def declare(text: str, where: str) -> None:
        read_statements(text, graph, settings, reads.sql, where)

    loader = Loader(
        spec, {k: v for k, v in names.items() if k not in ("sc", "sqlContext")}, dbutils, declare
    )
    for source in find_sources(asked["libraries"], spec.mapped):
        loader.load(source)
    journal.state("SETTING_UP_TABLES")
    writes = Writes(session.session(), reads, asked["id"])
    state = State(Path(asked["state_folder"]))
    Update(graph, planner, reads, writes, state, journal, asked).run()


def _prepare(defaults: Defaults, settings: dict[str, str]) -> None:
    """The session's catalog, schema and configuration, before anything is read."""
    spark = session.session()
    whole = quoted(f"{defaults.catalog}.{defaults.schema}")
    if not spark.catalog.databaseExists(f"{defaults.catalog}.{defaults.schema}"):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {whole}")
    spark.catalog.setCurrentCatalog(defaults.catalog)
    spark.catalog.setCurrentDatabase(defaults.schema)
    for name, value in settings.items():
        spark.conf.set(name, value)


def _as_seen(path: str, spec: Spec) -> str:
    full = path if path.startswith(("/Workspace/", "/Volumes/")) else "/Workspace" + path
    for mount, folder in spec.mapped.items():
        if full == mount or full.startswith(mount + "/"):
            return folder + full[len(mount) :]
    return os.path.normpath(full)


if __name__ == "__main__":
    linecache.checkcache = lambda filename=None: None  # cells are not files: keep their lines
    sys.exit(main())
