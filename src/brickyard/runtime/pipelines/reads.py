"""Reading inside a query of the pipeline: `spark.read`, `spark.readStream`, `spark.sql`, `dlt`.

While a flow is planned, names of the pipeline's datasets give their queries; while it runs, their
tables. A stream of a table gives the rows that were appended since the flow's last update.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from brickyard.runtime import api
from brickyard.runtime.pipelines import delta_log, files
from brickyard.runtime.pipelines.evaluation import Evaluation, has_stream
from brickyard.runtime.pipelines.graph import (
    Dataset,
    Flow,
    Graph,
    PipelineFault,
    full_name,
    name_parts,
    quoted,
)
from brickyard.runtime.pipelines.queries import Query, Special, read_query, replaced

TABLES: Final = "/api/2.1/unity-catalog/tables/"


class Reads:
    """What the patched readers of the session ask. `planned` gives a dataset by its query."""

    def __init__(
        self,
        graph: Graph,
        session: Callable[[], Any],
        planned: Callable[[Dataset], Any],
        filtered: Callable[[Dataset, Any], Any],
    ) -> None:
        self._graph = graph
        self.session = session
        self._planned = planned
        self._filtered = filtered
        self._stack: list[Evaluation] = []
        self._numbers = itertools.count(1)
        self.original: dict[str, Any] = {}

    @contextmanager
    def during(self, evaluation: Evaluation) -> Iterator[None]:
        """Reads belong to this evaluation meanwhile."""
        self._stack.append(evaluation)
        try:
            yield
        finally:
            self._stack.pop()

    @property
    def current(self) -> Evaluation | None:
        return self._stack[-1] if self._stack else None

    def plain(self, name: str) -> Any:
        """A table as the engine knows it."""
        return self.original["table"](self.session(), name)

    def read(
        self, name: str, *, stream: bool = False, options: Mapping[str, Any] | None = None
    ) -> Any:
        """What a name means inside a query. Raises PipelineFault outside one for a stream."""
        now = self.current
        if now is None:
            if stream:
                raise PipelineFault(f"{name}: a stream can only be read in a query of the pipeline")
            return self.plain(name)
        dataset = self._graph.find(name, now.flow.defaults)
        if dataset is None:
            if stream and not now.in_batch:
                key = full_name(name_parts(name), now.flow.defaults)
                return self._stream(now, key, options or {})
            is_stream = ".".join(name_parts(name)) in now.stream_views
            return self._marked(now, self.plain(name), is_stream=is_stream)
        if dataset.is_view:
            return self._view(now, dataset, stream=stream)
        now.depends_on[dataset.key] = None
        is_stream = stream and not now.in_batch
        if now.plans:
            now.stream_count += is_stream
            return self._marked(now, self._planned(dataset), is_stream=is_stream)
        if is_stream:
            return self._stream(now, dataset.key, options or {})
        return self.plain(dataset.key)

    def _view(self, now: Evaluation, view: Dataset, *, stream: bool) -> Any:
        if view.key in now.views:
            circle = " -> ".join((*now.views, view.key))
            raise PipelineFault(f"Views of the pipeline read each other in a circle: {circle}.")
        flow = self._graph.flows_of(view.key)[0]
        before = now.stream_count
        now.views.append(view.key)
        now.in_batch += not stream
        outer, now.flow = now.flow, _as_part_of(now.flow, flow)
        try:
            assert flow.query is not None
            frame = flow.query()
        finally:
            now.flow = outer
            now.in_batch -= not stream
            now.views.pop()
        require_frame(frame, view.key)
        if stream and now.stream_count == before and not now.in_batch:
            raise PipelineFault(
                f"View '{view.key}' is not a streaming view and must be referenced using read."
            )
        return frame if now.plans else self._filtered(view, frame)

    def _stream(self, now: Evaluation, key: str, options: Mapping[str, Any]) -> Any:
        """The rows of a table that the flow has not read; all of them the first time."""
        now.stream_count += 1
        lowered = {name.lower(): str(value) for name, value in options.items()}
        for option in ("readchangefeed", "readchangedata", "startingversion", "startingtimestamp"):
            if lowered.get(option, "false").lower() != "false":
                raise PipelineFault(
                    f"The option {option} of a stream is not in the embedded workspace."
                )
        if now.plans:
            return self._marked(now, self.plain(key), is_stream=True)
        table = self.location(key)
        if table is None:
            raise PipelineFault(f"{key} is a view: a stream reads a table.")
        version, identity = delta_log.version_of(table), delta_log.table_id(table)
        known = (now.before.get("sources") or {}).get(key)
        fresh: list[delta_log.DataFile] = []
        if known is not None:
            if known["id"] != identity or known["version"] > version:
                raise PipelineFault(
                    f"{key} is not the table that was read before: it was dropped and made again. "
                    "Run a full refresh."
                )
            skips = lowered.get("skipchangecommits") == "true" or (
                lowered.get("ignorechanges") == "true"
            )
            fresh = delta_log.added_since(
                table, known["version"], version, name=key, skips_changes=skips
            )
        now.has_new |= known is None or bool(fresh)
        now.sources[key] = {"id": identity, "version": version}
        if known is None or now.takes_all:
            fresh = delta_log.snapshot(table, version)
        return self._marked(now, self._frame(key, fresh), is_stream=True)

    def _frame(self, key: str, fresh: list[delta_log.DataFile]) -> Any:
        """These files of a table, with the columns the table has now."""
        from pyspark.sql import functions
        from pyspark.sql.types import StructType

        whole = self.plain(key)
        if not fresh:
            return whole.limit(0)
        schema = whole.schema
        groups: dict[tuple[tuple[str, str | None], ...], list[str]] = {}
        for one in fresh:
            groups.setdefault(one.partition, []).append(one.path)
        union: Any = None
        for partition, paths in groups.items():
            values = dict(partition)
            inside = StructType([one for one in schema.fields if one.name not in values])
            part = self.session().read.schema(inside).parquet(*paths)
            for name, value in values.items():
                kind = schema[name].dataType
                part = part.withColumn(name, functions.lit(value).cast(kind))
            part = part.select(*(functions.col(f"`{one.name}`") for one in schema.fields))
            union = part if union is None else union.unionAll(part)
        return union

    def load_files(
        self, path: str, format: str, schema: Any, options: Mapping[str, Any], *, stream: bool
    ) -> Any:
        """Files below a path: those that the flow has not read, for a stream."""
        now = self.current
        own, rest = files.split_options(options)
        listed = files.listing(path)
        chosen = listed
        if stream and now is not None and not now.in_batch:
            now.stream_count += 1
            seen = now.before.get("files") or {}
            fresh = {file: mark for file, mark in listed.items() if file not in seen}
            if not now.plans:
                now.has_new |= bool(fresh) or not seen
                now.files |= {**seen, **fresh}
                chosen = listed if now.takes_all else fresh
        if not listed and schema is None:
            raise PipelineFault(
                f"[CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE] {path} has no file to take a schema from: "
                "give one, or add a file first."
            )
        session = self.session()
        infers = own.get("infercolumntypes", "false").lower() == "true"
        texts = format.lower() in ("csv", "json") and schema is None and not infers
        if format.lower() == "csv" and schema is None:
            rest.setdefault("header", "true")
            rest.setdefault("inferSchema", str(infers).lower())
        frame = files.read_files(session, list(listed), format, schema, rest)
        if schema is None:
            frame = files.as_text(frame) if texts else frame
            frame = files.with_hints(frame, own.get("schemahints", ""))
        if chosen != listed:
            wanted = frame.schema
            frame = (
                files.read_files(session, list(chosen), format, schema or wanted, rest)
                if chosen
                else frame.limit(0)
            )
        return self._marked(now, frame, is_stream=stream) if now is not None else frame

    def _marked(self, now: Evaluation, frame: Any, *, is_stream: bool) -> Any:
        if is_stream:
            now.stream_plans.append(frame._plan)
        return frame

    def sql(self, text: str, *args: Any, **kwargs: Any) -> Any:
        """`spark.sql`: datasets and streams in the text mean those of the pipeline."""
        now = self.current
        if now is None:
            return self.original["sql"](self.session(), text, *args, **kwargs)
        before = len(now.stream_plans)
        query = read_query(text, self._fresh)
        if query is None:
            return self.original["sql"](self.session(), text, *args, **kwargs)
        streams = self._streams_in(now, query)
        frame = self.original["sql"](self.session(), self._resolved(now, query), *args, **kwargs)
        streams += len(now.stream_plans) - before
        if streams and (query.remembers or (streams > 1 and query.joins)):
            now.remembers = True
        return self._marked(now, frame, is_stream=streams > 0)

    def made_view(self, name: str, frame: Any) -> None:
        """A temporary view was made of a frame: is it a stream by another name?"""
        now = self.current
        if now is not None and has_stream(frame, now):
            now.stream_views.add(name.lower())

    def _streams_in(self, now: Evaluation, query: Query) -> int:
        """How many names of the text are temporary views of streams."""
        names = (".".join(name_parts(dotted)) for _, _, dotted in query.names)
        return sum(name in now.stream_views for name in names)

    def _resolved(self, now: Evaluation, query: Query) -> str:
        texts: dict[int, tuple[int, str]] = {}
        for start, end, dotted in query.names:
            dataset = self._graph.find(dotted, now.flow.defaults)
            if dataset is None:
                continue
            if dataset.is_view or now.plans:
                texts[start] = (end, self._as_view(self.read(dotted)))
            else:
                now.depends_on[dataset.key] = None
                texts[start] = (end, quoted(dataset.key))
        for name, special in query.specials.items():
            self._special(special).createOrReplaceTempView(name)
        return replaced(query, texts)

    def _special(self, special: Special) -> Any:
        if special.arguments is None:
            return self.read(special.name, stream=special.is_stream)
        given = dict(special.arguments)
        path = given.pop("", None) or given.pop("path", None)
        if path is None:
            raise PipelineFault("read_files needs a path")
        format = str(given.pop("format", "") or _format_of(path))
        schema = given.pop("schema", None)
        infers = {"cloudFiles.inferColumnTypes": given.pop("infercolumntypes", "true")}
        hints = given.pop("schemahints", None)
        options = {**infers, **({"cloudFiles.schemaHints": hints} if hints else {}), **given}
        return self.load_files(path, format, schema, options, stream=special.is_stream)

    def _as_view(self, frame: Any) -> str:
        name = self._fresh()
        frame.createOrReplaceTempView(name)
        return name

    def _fresh(self) -> str:
        return f"__pipeline_{next(self._numbers)}"

    def location(self, key: str) -> Path | None:
        """The folder of a table; None for a view. Raises when there is no such table."""
        place = self.info(key).get("storage_location")
        return Path(unquote(urlsplit(str(place)).path)) if place else None

    def info(self, key: str) -> Mapping[str, Any]:
        """A table as the catalog shows it. Raises PipelineFault when it cannot be seen."""
        try:
            found: Mapping[str, Any] = api.get(TABLES + quote(key, safe=""))
        except api.RequestRefused as fault:
            if fault.status == 404:
                raise PipelineFault(
                    f"[TABLE_OR_VIEW_NOT_FOUND] The table or view `{key}` cannot be found."
                ) from None
            raise
        return found


def _as_part_of(outer: Flow, view: Flow) -> Flow:
    """The outer flow, with the names of a view's query meant as where the view is declared."""
    return Flow(name=outer.name, target=outer.target, defaults=view.defaults)


def _format_of(path: str) -> str:
    ending = path.rsplit(".", 1)[-1].lower()
    return ending if ending in files.FORMATS else "json"


def require_frame(frame: Any, name: str) -> None:
    if not hasattr(frame, "_plan"):
        raise PipelineFault(f"The query of '{name}' gave {type(frame).__name__}, not a DataFrame.")
