"""The session's readers, taught to know the pipeline: for as long as the update's process lives."""

from __future__ import annotations

from typing import Any

from brickyard.runtime.pipelines.graph import PipelineFault
from brickyard.runtime.pipelines.reads import Reads

FILES = ("csv", "json", "parquet", "text", "avro", "orc")


def install(reads: Reads) -> None:
    """Replace what reads by name in PySpark's classes; the originals stay with `reads`."""
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.readwriter import DataFrameReader
    from pyspark.sql.connect.session import SparkSession

    reads.original |= {"table": SparkSession.table, "sql": SparkSession.sql}
    # `spark.table` is `spark.read.table` in PySpark: keep one that knows nothing of pipelines.
    reader_table = DataFrameReader.table
    reads.original["table"] = lambda session, name: reader_table(session.read, name)

    def table(_self: Any, tableName: str) -> Any:
        return reads.read(tableName)

    def sql(_self: Any, sqlQuery: str, *args: Any, **kwargs: Any) -> Any:
        return reads.sql(sqlQuery, *args, **kwargs)

    make_view = DataFrame.createOrReplaceTempView

    def create_view(self: Any, name: str) -> None:
        make_view(self, name)
        reads.made_view(name, self)

    DataFrame.createOrReplaceTempView = create_view
    SparkSession.table = table
    SparkSession.sql = sql
    DataFrameReader.table = table
    SparkSession.readStream = property(lambda _self: StreamReader(reads))
    DataFrame.withWatermark = lambda self, *_given: self
    DataFrame.dropDuplicatesWithinWatermark = lambda self, *given: self.dropDuplicates(*given)
    DataFrame.writeStream = property(_no_write_stream)


def _no_write_stream(_frame: Any) -> Any:
    raise PipelineFault(
        "writeStream is not part of a pipeline: return the DataFrame, and the pipeline writes it."
    )


class StreamReader:
    """`spark.readStream` in a pipeline."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._format = "delta"
        self._options: dict[str, Any] = {}
        self._schema: Any = None

    def format(self, source: str) -> StreamReader:
        self._format = source
        return self

    def option(self, key: str, value: Any) -> StreamReader:
        self._options[key] = str(value).lower() if isinstance(value, bool) else value
        return self

    def options(self, **options: Any) -> StreamReader:
        for key, value in options.items():
            self.option(key, value)
        return self

    def schema(self, schema: Any) -> StreamReader:
        self._schema = schema
        return self

    def table(self, tableName: str) -> Any:
        return self._reads.read(tableName, stream=True, options=self._options)

    def load(
        self, path: str | None = None, format: str | None = None, schema: Any = None, **options: Any
    ) -> Any:
        self.options(**options)
        kind = (format or self._format).lower()
        chosen = {key.lower(): value for key, value in self._options.items()}
        if kind == "cloudfiles":
            kind = str(chosen.get("cloudfiles.format", "")).lower()
            if not kind:
                raise PipelineFault("cloudFiles needs the option cloudFiles.format")
        elif kind not in FILES:
            raise PipelineFault(
                f"A stream of the format '{format or self._format}' is not in the embedded "
                "workspace: it reads Delta tables by name (readStream.table) and files."
            )
        place = path or chosen.get("path")
        if not place:
            raise PipelineFault("A stream of files needs a path.")
        rest = {key: value for key, value in self._options.items() if key.lower() != "path"}
        return self._reads.load_files(
            str(place), kind, schema if schema is not None else self._schema, rest, stream=True
        )

    def __getattr__(self, name: str) -> Any:
        if name not in FILES:
            raise AttributeError(name)

        def load(path: str, schema: Any = None, **options: Any) -> Any:
            return self.load(path, format=name, schema=schema, **options)

        return load
