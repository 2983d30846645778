"""`dlt` and `pyspark.pipelines` as pipeline sources import them.

Follows the Python reference of Lakeflow Spark Declarative Pipelines. Decorators give back the
function they decorate, so expectations may stand above or below the dataset they belong to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from brickyard.runtime.pipelines.graph import (
    MATERIALIZED_VIEW,
    STREAMING_TABLE,
    TABLE,
    VIEW,
    Action,
    Cdc,
    Dataset,
    Expectation,
    Flow,
    Graph,
    PipelineFault,
)

EXPECTATIONS: Final = "__brickyard_expectations__"
Function = Callable[[], Any]
Read = Callable[..., Any]  # (name, stream=…) -> DataFrame


class Declarations:
    """Writes what the decorators are told into a graph."""

    def __init__(self, graph: Graph, read: Read) -> None:
        self._graph = graph
        self._read = read

    def install(self) -> None:
        """Be `dlt` and `pyspark.pipelines` for whatever is imported from now on."""
        import pyspark

        for name in ("dlt", "pyspark.pipelines"):
            module = ModuleType(name)
            module.__dict__.update(self._names())
            module.__getattr__ = _missing(name)  # type: ignore[method-assign]
            sys.modules[name] = module
        pyspark.pipelines = sys.modules["pyspark.pipelines"]

    def _names(self) -> dict[str, Any]:
        return {
            "table": self._decorator(TABLE),
            "materialized_view": self._decorator(MATERIALIZED_VIEW),
            "streaming_table": self._decorator(STREAMING_TABLE),
            "view": self._decorator(VIEW),
            "temporary_view": self._decorator(VIEW),
            "create_table": self._decorator(TABLE),
            "create_view": self._decorator(VIEW),
            "create_streaming_table": self.streaming_table,
            "create_target_table": self.streaming_table,
            "create_streaming_live_table": self.streaming_table,
            "append_flow": self.append_flow,
            "create_auto_cdc_flow": self.auto_cdc,
            "apply_changes": self.auto_cdc,
            "expect": _expect("ALLOW"),
            "expect_or_drop": _expect("DROP"),
            "expect_or_fail": _expect("FAIL"),
            "expect_all": _expect_all("ALLOW"),
            "expect_all_or_drop": _expect_all("DROP"),
            "expect_all_or_fail": _expect_all("FAIL"),
            "read": lambda name: self._read(name, stream=False),
            "read_stream": lambda name: self._read(name, stream=True),
            "readStream": lambda name: self._read(name, stream=True),
        }

    def _decorator(self, kind: str) -> Callable[..., Any]:
        """`@dp.table`, `@dp.table(...)` and `dp.table(function, ...)` of one kind of dataset."""

        def decorate(
            query_function: Function | None = None, *, name: str | None = None, **options: Any
        ) -> Any:
            def define(function: Function) -> Function:
                self._define(kind, function, name or function.__name__, options)
                return function

            return define(query_function) if query_function is not None else define

        return decorate

    def _define(self, kind: str, function: Function, name: str, options: Mapping[str, Any]) -> None:
        _refuse_options(name, options)
        is_view = kind == VIEW or bool(options.get("temporary"))
        key = self._graph.key(name, is_view=is_view)
        if not hasattr(function, EXPECTATIONS):
            setattr(function, EXPECTATIONS, [])
        self._graph.declare(
            Dataset(
                key=key,
                kind=VIEW if is_view else kind,
                expectations=getattr(function, EXPECTATIONS),
                where=function.__code__.co_filename if hasattr(function, "__code__") else "",
                **_settings(options),
            )
        )
        conf = {str(k): str(v) for k, v in (options.get("spark_conf") or {}).items()}
        self._graph.add_flow(
            Flow(name=key, target=key, query=function, conf=conf, defaults=self._graph.now)
        )

    def streaming_table(self, name: str, **options: Any) -> None:
        _refuse_options(name, options)
        expectations = [
            Expectation(name=one, condition=condition, action=action)
            for option, action in EXPECT_OPTIONS.items()
            for one, condition in (options.get(option) or {}).items()
        ]
        key = self._graph.key(name)
        self._graph.declare(
            Dataset(
                key=key,
                kind=STREAMING_TABLE,
                expectations=expectations,
                **_settings(options),
            )
        )

    def append_flow(
        self,
        *,
        target: str,
        name: str | None = None,
        once: bool = False,
        comment: str | None = None,
        spark_conf: Mapping[str, str] | None = None,
    ) -> Callable[[Function], Function]:
        def define(function: Function) -> Function:
            self._graph.add_flow(
                Flow(
                    name=self._graph.key(name or function.__name__),
                    target=self._graph.key(target),
                    query=function,
                    once=once,
                    conf={str(k): str(v) for k, v in (spark_conf or {}).items()},
                    defaults=self._graph.now,
                )
            )
            return function

        return define

    def auto_cdc(
        self,
        target: str,
        source: str,
        keys: Sequence[Any],
        sequence_by: Any,
        *,
        where: Any = None,
        ignore_null_updates: bool = False,
        apply_as_deletes: Any = None,
        apply_as_truncates: Any = None,
        column_list: Sequence[Any] | None = None,
        except_column_list: Sequence[Any] | None = None,
        stored_as_scd_type: str | int = 1,
        track_history_column_list: Sequence[Any] | None = None,
        track_history_except_column_list: Sequence[Any] | None = None,
        name: str | None = None,
        once: bool = False,
        **_others: Any,
    ) -> None:
        for option, given in (
            ("where", where),
            ("track_history_column_list", track_history_column_list),
            ("track_history_except_column_list", track_history_except_column_list),
            ("once", once or None),
        ):
            if given is not None:
                raise PipelineFault(
                    f"create_auto_cdc_flow({option}=…) is not available in the embedded workspace."
                )
        columns = [column_text(one) for one in column_list] if column_list is not None else None
        self._graph.add_flow(
            Flow(
                name=self._graph.key(name or target),
                target=self._graph.key(target),
                cdc=Cdc(
                    source=source,
                    keys=[column_text(one) for one in keys],
                    sequence_by=column_text(sequence_by),
                    deletes=_condition(apply_as_deletes),
                    truncates=_condition(apply_as_truncates),
                    ignores_nulls=ignore_null_updates,
                    columns=columns,
                    except_columns=[column_text(one) for one in except_column_list or ()],
                    scd=scd_type(stored_as_scd_type),
                ),
                defaults=self._graph.now,
            )
        )


EXPECT_OPTIONS: Final[Mapping[str, Action]] = {
    "expect_all": "ALLOW",
    "expect_all_or_drop": "DROP",
    "expect_all_or_fail": "FAIL",
}
# Options that only say how data is laid out or computed: without effect here.
WITHOUT_EFFECT: Final = frozenset(
    {"cluster_by", "cluster_by_auto", "format", "private", "temporary", "refresh_policy"}
)
KEPT: Final = frozenset({"comment", "table_properties", "partition_cols", "schema", "spark_conf"})
REFUSED_NAMES: Final = {
    "create_sink": "Sinks",
    "sink": "Sinks",
    "foreach_batch_sink": "Sinks",
    "create_auto_cdc_from_snapshot_flow": "AUTO CDC from snapshots",
    "apply_changes_from_snapshot": "AUTO CDC from snapshots",
    "on_event_hook": "Event hooks",
}


def _refuse_options(name: str, options: Mapping[str, Any]) -> None:
    for option, given in options.items():
        known = option in WITHOUT_EFFECT or option in KEPT or option in EXPECT_OPTIONS
        if not known and given is not None:
            raise PipelineFault(
                f"Dataset '{name}': the option {option} is not available in the embedded workspace."
            )


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    properties = options.get("table_properties") or {}
    return {
        "comment": str(options.get("comment") or ""),
        "properties": {str(name): str(value) for name, value in properties.items()},
        "partitions": [str(one) for one in options.get("partition_cols") or ()],
        "schema": options.get("schema"),
    }


def _missing(module: str) -> Callable[[str], Any]:
    def missing(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        what = REFUSED_NAMES.get(name)
        if what is None:
            raise AttributeError(f"module '{module}' has no attribute '{name}'")

        def refused(*_args: Any, **_options: Any) -> Any:
            raise PipelineFault(f"{what} ({module}.{name}) are not in the embedded workspace.")

        return refused

    return missing


def _expect(action: Action) -> Callable[[str, Any], Callable[[Function], Function]]:
    def expect(name: str, inv: Any) -> Callable[[Function], Function]:
        return _expect_all(action)({name: inv})

    return expect


def _expect_all(
    action: Action,
) -> Callable[[Mapping[str, Any]], Callable[[Function], Function]]:
    def expect_all(expectations: Mapping[str, Any]) -> Callable[[Function], Function]:
        def define(function: Function) -> Function:
            kept = getattr(function, EXPECTATIONS, None)
            if kept is None:
                kept = []
                setattr(function, EXPECTATIONS, kept)
            kept.extend(
                Expectation(name=name, condition=condition, action=action)
                for name, condition in expectations.items()
            )
            return function

        return define

    return expect_all


def column_text(given: Any) -> str:
    """A column by its name or as `col("name")`: the name."""
    if isinstance(given, str):
        return given
    return str(given._expr._unparsed_identifier) if _is_plain(given) else _sql_of(given)


def _is_plain(given: Any) -> bool:
    return hasattr(getattr(given, "_expr", None), "_unparsed_identifier")


def _condition(given: Any) -> str | None:
    return None if given is None else given if isinstance(given, str) else _sql_of(given)


def _sql_of(given: Any) -> str:
    """The SQL behind `expr("…")`; other expressions have none."""
    text = getattr(getattr(given, "_expr", None), "_expr", None)
    if isinstance(text, str):
        return text
    raise PipelineFault(
        f"{given}: write conditions of a change feed as SQL text or expr(…) for the embedded "
        "workspace."
    )


def scd_type(given: Any) -> int:
    if str(given) not in ("1", "2"):
        raise PipelineFault(f"stored_as_scd_type is 1 or 2, not {given!r}")
    return int(given)
