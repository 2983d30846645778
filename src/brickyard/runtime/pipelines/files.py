"""Files as a source: Auto Loader (`cloudFiles`) and `read_files`, by listing what is there.

A file is known by its path, and read once. Formats are those of the engine. Without a schema,
columns of JSON and CSV files are text unless type inference is asked for, as Auto Loader does.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.runtime.pipelines.graph import PipelineFault

FORMATS: Final = frozenset({"csv", "json", "parquet", "text", "avro", "orc", "binaryfile"})
OF_LOADER: Final = "cloudfiles."
# Options of the loader that change nothing here: where it keeps notes, how it is told of files.
WITHOUT_EFFECT: Final = frozenset(
    [
        "schemalocation",
        "schemaevolutionmode",
        "usenotifications",
        "usemanagedfileevents",
        "maxfilespertrigger",
        "maxbytespertrigger",
        "includeexistingfiles",
        "validateoptions",
        "usestrictglobber",
        "backfillinterval",
        "rescueddatacolumn",
        "allowoverwrites",
    ]
)


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The loader's own options (lower case, without prefix), and those of the format."""
    own = {
        name.lower().removeprefix(OF_LOADER): str(value)
        for name, value in options.items()
        if name.lower().startswith(OF_LOADER)
    }
    rest = {
        name: str(value)
        for name, value in options.items()
        if not name.lower().startswith(OF_LOADER)
    }
    known = WITHOUT_EFFECT | {"format", "infercolumntypes", "schemahints", "partitioncolumns"}
    if unknown := sorted(own.keys() - known):
        raise PipelineFault(f"cloudFiles.{unknown[0]} is not available in the embedded workspace.")
    return own, rest


def listing(path: str) -> dict[str, str]:
    """Every file at or below a path, which may hold wildcards; path -> size and time."""
    bare = path.removeprefix("dbfs:").removeprefix("file:")
    if "://" in bare or not bare.startswith(("/Volumes/", "/Workspace/")):
        raise PipelineFault(
            f"{path}: the embedded workspace reads files under /Volumes and /Workspace."
        )
    fixed = bare
    while any(mark in fixed for mark in "*?[{"):
        fixed = os.path.dirname(fixed)  # noqa: PTH120
    if os.path.isfile(fixed):  # noqa: PTH113
        return {fixed: _mark(fixed)}
    if not os.path.isdir(fixed):  # noqa: PTH112
        raise PipelineFault(f"[PATH_NOT_FOUND] Path does not exist: {path}.")
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(fixed):
        folders[:] = sorted(one for one in folders if not one.startswith(("_", ".")))
        for name in sorted(names):
            file = os.path.join(folder, name)  # noqa: PTH118
            wanted = fixed == bare or fnmatch.fnmatch(file, bare.rstrip("/"))
            wanted = wanted or fnmatch.fnmatch(folder, bare.rstrip("/"))
            if wanted and not name.startswith(("_", ".")):
                found[file] = _mark(file)
    return found


def read_files(
    session: Any, files: Sequence[str], format: str, schema: Any, options: Mapping[str, str]
) -> Any:
    """A DataFrame of these files."""
    if format.lower() not in FORMATS:
        names = ", ".join(sorted(FORMATS))
        raise PipelineFault(f"Files of the format {format!r} are not read here; there is {names}.")
    reader = session.read.format(format).options(**options)
    if schema is not None:
        reader = reader.schema(schema)
    return reader.load(list(files))


def as_text(frame: Any) -> Any:
    """Plain columns as text, as an untyped file has them."""
    from pyspark.sql import functions
    from pyspark.sql.types import ArrayType, MapType, StringType, StructType

    nested = (ArrayType, MapType, StructType, StringType)
    columns = [
        functions.col(f"`{one.name}`")
        if isinstance(one.dataType, nested)
        else functions.col(f"`{one.name}`").cast("string").alias(one.name)
        for one in frame.schema.fields
    ]
    return frame.select(*columns)


def _mark(file: str) -> str:
    found = os.stat(file)  # noqa: PTH116
    return f"{found.st_size}:{found.st_mtime_ns}"


def with_hints(frame: Any, hints: str) -> Any:
    """Columns that a schema hint names, as the type it gives."""
    from pyspark.sql import functions

    for hint in (one.strip() for one in hints.split(",") if one.strip()):
        name, _, kind = hint.partition(" ")
        frame = frame.withColumn(name.strip("`"), functions.col(name).cast(kind.strip()))
    return frame
