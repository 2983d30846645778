"""Calls that read or write securables, by how they are reached, and what their arguments name.

One row per call. `ends` is how the dotted chain of the call ends; `where` limits it to chains that
contain one of these words (empty: any). The argument at `position` or called `keyword` holds a
table name, SQL text, a path, a model URI and so on, which `kind` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from brickyard.policy.accesses import Mode

READ, WRITE = Mode.READ, Mode.WRITE


@dataclass(frozen=True, slots=True)
class Sink:
    ends: str
    kind: str  # table | sql | path | model | model_uri | volume | schema | catalog | index
    mode: Mode
    position: int = 0
    keyword: str = ""
    where: tuple[str, ...] = ()


_READER = (".read", ".readStream")
_WRITER = (".write", ".writeStream")
_FRAME = ("pandas", "pd", "polars", "pl", "duckdb")
_FILES = ("read_csv", "read_parquet", "read_json", "read_excel", "read_table", "read_feather")
_SAVES = ("to_csv", "to_parquet", "to_json", "to_excel", "to_pickle", "to_feather")
_FORMATS = ("load", "parquet", "csv", "json", "text", "orc", "delta")

SINKS: Final[tuple[Sink, ...]] = (
    # Spark
    Sink("table", "table", READ, 0, "tableName", ("spark", ".read", ".readStream")),
    Sink("table", "table", READ, 0, "tableName", ("table",)),  # the notebook's global
    Sink("sql", "sql", READ, 0, "sqlQuery", ("spark", "sql")),
    Sink("saveAsTable", "table", WRITE, 0, "name"),
    Sink("insertInto", "table", WRITE, 0, "tableName"),
    Sink("toTable", "table", WRITE, 0, "tableName"),
    Sink("writeTo", "table", WRITE, 0, "table"),
    Sink("createTable", "table", WRITE, 0, "tableName", ("catalog",)),
    Sink("createExternalTable", "table", WRITE, 0, "tableName", ("catalog",)),
    Sink("forName", "table", READ, 1, "tableOrViewName", ("DeltaTable",)),
    Sink("forPath", "path", READ, 1, "path", ("DeltaTable",)),
    *(Sink(name, "path", READ, 0, "path", _READER) for name in _FORMATS),
    *(Sink(name, "path", WRITE, 0, "path", _WRITER) for name in ("save", "start", *_FORMATS)),
    # Files
    *(Sink(name, "path", READ, 0, "filepath_or_buffer", _FRAME) for name in _FILES),
    *(Sink(name, "path", WRITE, 0, "path_or_buf") for name in _SAVES),
    Sink("write_deltalake", "path", WRITE, 0, "table_or_uri"),
    Sink("DeltaTable", "path", READ, 0, "table_uri", ("deltalake",)),
    *(Sink(name, "path", WRITE, 0, "", ("dbutils.fs",)) for name in ("put", "rm", "mkdirs")),
    *(Sink(name, "path", READ, 0, "", ("dbutils.fs",)) for name in ("ls", "head", "cp")),
    Sink("mv", "path", WRITE, 0, "", ("dbutils.fs",)),
    *(Sink(name, "path", WRITE, 1, "", ("dbutils.fs",)) for name in ("cp", "mv")),
    *(Sink(name, "path", WRITE, 1, "dst", ("shutil",)) for name in ("copy", "copyfile", "move")),
    *(Sink(name, "path", READ, 0, "src", ("shutil",)) for name in ("copy", "copyfile", "copytree")),
    Sink("copytree", "path", WRITE, 1, "dst", ("shutil",)),
    Sink("rmtree", "path", WRITE, 0, "path", ("shutil",)),
    *(Sink(name, "path", WRITE, 0, "", ("os",)) for name in ("makedirs", "mkdir", "remove")),
    Sink("listdir", "path", READ, 0, "path", ("os",)),
    # The SDK
    Sink("execute_statement", "sql", READ, 0, "statement", ("statement_execution",)),
    Sink("upload", "path", WRITE, 0, "file_path", ("files",)),
    Sink("download", "path", READ, 0, "file_path", ("files",)),
    *(Sink(n, "table", READ, 0, "full_name", ("tables",)) for n in ("get", "exists")),
    *(Sink(n, "table", WRITE, 0, "full_name", ("tables",)) for n in ("delete", "update")),
    *(Sink(n, "schema", WRITE, 0, "full_name", ("schemas",)) for n in ("delete", "update")),
    *(Sink(n, "volume", WRITE, 0, "name", ("volumes",)) for n in ("delete", "update")),
    Sink("create", "catalog", WRITE, 0, "name", ("catalogs",)),
    # MLflow
    Sink("register_model", "model", WRITE, 1, "name", ("mlflow",)),
    Sink("log_model", "model", WRITE, 99, "registered_model_name"),
    Sink("create_registered_model", "model", WRITE, 0, "name"),
    Sink("create_model_version", "model", WRITE, 0, "name"),
    Sink("delete_registered_model", "model", WRITE, 0, "name"),
    Sink("delete_model_version", "model", WRITE, 0, "name"),
    Sink("set_registered_model_alias", "model", WRITE, 0, "name"),
    Sink("delete_registered_model_alias", "model", WRITE, 0, "name"),
    Sink("set_registered_model_tag", "model", WRITE, 0, "name"),
    Sink("set_model_version_tag", "model", WRITE, 0, "name"),
    Sink("copy_model_version", "model", WRITE, 1, "dst_name"),
    Sink("get_registered_model", "model", READ, 0, "name"),
    Sink("get_model_version", "model", READ, 0, "name"),
    Sink("get_model_version_by_alias", "model", READ, 0, "name"),
    Sink("load_model", "model_uri", READ, 0, "model_uri", ("mlflow",)),
    Sink("download_artifacts", "model_uri", READ, 0, "artifact_uri", ("mlflow",)),
    Sink("evaluate", "model_uri", READ, 0, "model", ("mlflow",)),
    # Vector search
    Sink("create_delta_sync_index", "table", READ, 99, "source_table_name"),
    Sink("create_delta_sync_index", "index", WRITE, 99, "index_name"),
    Sink("create_delta_sync_index_and_wait", "table", READ, 99, "source_table_name"),
    Sink("create_delta_sync_index_and_wait", "index", WRITE, 99, "index_name"),
    Sink("create_direct_access_index", "index", WRITE, 99, "index_name"),
    Sink("get_index", "index", READ, 1, "index_name"),
)

BY_NAME: Final[dict[str, tuple[Sink, ...]]] = {
    name: tuple(sink for sink in SINKS if sink.ends == name)
    for name in {sink.ends for sink in SINKS}
}

# Methods of a table that was reached by name (`DeltaTable.forName(…)`) that write it.
TABLE_WRITES: Final = frozenset(
    {"merge", "update", "delete", "updateAll", "optimize", "vacuum", "restoreToVersion"}
)
PATH_READS: Final = frozenset({"read_text", "read_bytes", "iterdir", "glob", "rglob", "exists"})
PATH_WRITES: Final = frozenset({"write_text", "write_bytes", "mkdir", "unlink", "touch", "rmdir"})


def matching(chain: str) -> tuple[Sink, ...]:
    """The sinks that a call by this dotted chain is."""
    name = chain.rsplit(".", 1)[-1]
    before = chain.replace("()", "")
    words = before.split(".")
    return tuple(
        sink
        for sink in BY_NAME.get(name, ())
        if not sink.where or any(_within(word, before, words) for word in sink.where)
    )


def _within(word: str, chain: str, words: list[str]) -> bool:
    if word == words[-1]:  # the call's own name counts only for a bare global
        return len(words) == 1
    return f"{word}." in f"{chain}." if "." in word else word in words
