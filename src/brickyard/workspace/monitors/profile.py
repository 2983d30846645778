"""The SQL that profiles a table: from a monitor's settings to statements. Pure.

Every row is one column (or `:table`) within one window and one slice. A snapshot has one window for
each refresh, the moment of it; a time series and an inference log have one for each granularity and
interval, all computed anew by every refresh. Columns of the metric tables are those of the real
service's documentation; left out are model quality and custom metrics. `drift` compares the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.monitors.names import (
    WINDOW,
    identifier,
    literal,
    quoted,
    struct_of_window,
)

NUMBERS: Final = frozenset({"BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL"})
TEXTS: Final = frozenset({"STRING", "CHAR", "VARCHAR"})
NESTED: Final = frozenset({"ARRAY", "MAP", "STRUCT", "VARIANT", "BINARY"})
SECONDS: Final = {"5 minutes": 300, "30 minutes": 1800, "1 hour": 3600, "1 day": 86400}
WEEK_S: Final = 7 * 86400
FIRST_MONDAY_S: Final = 4 * 86400  # 1970-01-05
MOST_SLICES: Final = 100  # values of one slicing expression, the most frequent
COLUMNS_AT_ONCE: Final = 25
QUANTILES: Final = 1000
MOST_ITEMS: Final = 100
COUNTED: Final = TEXTS | {"BOOLEAN"}  # types whose items are counted

GROUP: Final = ("window", "granularity", "model_id", "slice_key", "slice_value")
MEASURES: Final[Mapping[str, str]] = {
    "count": "BIGINT",
    "num_nulls": "BIGINT",
    "avg": "DOUBLE",
    "min": "DOUBLE",
    "max": "DOUBLE",
    "stddev": "DOUBLE",
    "median": "DOUBLE",
    "num_zeros": "BIGINT",
    "num_nan": "BIGINT",
    "min_length": "BIGINT",
    "max_length": "BIGINT",
    "avg_length": "DOUBLE",
    "distinct_count": "BIGINT",
    "percent_null": "DOUBLE",
    "percent_zeros": "DOUBLE",
    "percent_nan": "DOUBLE",
    "percent_distinct": "DOUBLE",
    "quantiles": "ARRAY<DOUBLE>",
    "frequent_items": "ARRAY<STRUCT<item: STRING, `count`: BIGINT>>",
    "non_null_columns": "ARRAY<STRING>",
}
KEYS: Final[Mapping[str, str]] = {
    "window": WINDOW,
    "monitor_version": "BIGINT",
    "granularity": "STRING",
    "model_id": "STRING",
    "slice_key": "STRING",
    "slice_value": "STRING",
    "column_name": "STRING",
    "data_type": "STRING",
    "log_type": "STRING",
}
COLUMNS: Final[Mapping[str, str]] = {**KEYS, **MEASURES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table to profile; `moment` is the refresh's, as SQL."""

    table: str
    columns: Sequence[Mapping[str, Any]]  # as the catalog has them
    log_type: str  # INPUT | BASELINE
    moment: str


def create(table: str, columns: Mapping[str, str]) -> str:
    """The statement that makes a table of metrics, unless it is there."""
    shown = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
    return f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({shown})"


def widen(table: str, columns: Mapping[str, str], there: Sequence[str]) -> str:
    """The statement that adds the columns that an older table lacks; nothing if it has all."""
    known = {name.lower() for name in there}
    lacking = [f"`{name}` {kind}" for name, kind in columns.items() if name not in known]
    return f"ALTER TABLE {quoted(table)} ADD COLUMNS ({', '.join(lacking)})" if lacking else ""


def clear(profile_table: str, monitor: Mapping[str, Any]) -> str:
    """The statement that removes what a refresh computes anew: all but earlier snapshots."""
    which = "log_type = 'BASELINE'" if monitor.get("snapshot") is not None else "true"
    return f"DELETE FROM {quoted(profile_table)} WHERE {which}"


def profile(
    profile_table: str, monitor: Mapping[str, Any], source: Source, version: int
) -> Iterator[str]:
    """The statements that add the profile of a source, some columns at a time."""
    rows = [_row(source, version, one) for one in (None, *source.columns)]
    names = ", ".join(f"`{name}`" for name in (*GROUP, "monitor_version", "column_name"))
    more = ", ".join(f"`{name}`" for name in ("data_type", "log_type", *MEASURES))
    for at in range(0, len(rows), COLUMNS_AT_ONCE):
        union = " UNION ALL ".join(rows[at : at + COLUMNS_AT_ONCE])
        yield (
            f"INSERT INTO {quoted(profile_table)} ({names}, {more})"
            f" WITH source AS ({_branches(monitor, source)}) {union}"
        )


# -- where rows come from -------------------------------------------------------------------------


def _branches(monitor: Mapping[str, Any], source: Source) -> str:
    """Every row of the source once for each window and slice that it belongs to."""
    found = []
    for window, granularity, model in _windows(monitor, source):
        for key, value, condition in _slices(monitor, source):
            found.append(
                f"SELECT *, {window} AS `__window`, {granularity} AS `__granularity`,"
                f" {model} AS `__model_id`, {key} AS `__slice_key`, {value} AS `__slice_value`"
                f" FROM {quoted(source.table)}{condition}"
            )
    return " UNION ALL ".join(found)


def _windows(monitor: Mapping[str, Any], source: Source) -> Iterator[tuple[str, str, str]]:
    """Window, granularity and model as SQL. A baseline is one window without ends."""
    nothing = "CAST(NULL AS STRING)"
    series = monitor.get("time_series") or monitor.get("inference_log")
    if source.log_type == "BASELINE":
        yield struct_of_window("NULL", "NULL"), nothing, nothing
        return
    if series is None:
        yield struct_of_window(source.moment, source.moment), nothing, nothing
        return
    column = f"CAST({identifier(series['timestamp_col'])} AS TIMESTAMP)"
    model = series.get("model_id_col")
    of_model = f"CAST({identifier(model)} AS STRING)" if model else nothing
    for granularity in series["granularities"]:
        yield struct_of_window(*_interval(column, granularity)), literal(granularity), of_model


def _interval(column: str, granularity: str) -> tuple[str, str]:
    """Start and end of the interval that a time falls into, in UTC; weeks begin on Monday."""
    count, unit = granularity.split()
    if unit in ("month", "year"):
        start = f"date_trunc('{unit.upper()}', {column})"
        return start, f"{start} + INTERVAL 1 {unit.upper()}"
    is_weeks = unit.startswith("week")
    length = int(count) * WEEK_S if is_weeks else SECONDS[granularity]
    origin = FIRST_MONDAY_S if is_weeks else 0
    number = f"floor((unix_timestamp({column}) - {origin}) / {length})"
    ends = (f"{number} * {length} + {origin}", f"({number} + 1) * {length} + {origin}")
    start, end = (f"timestamp_seconds(CAST({one} AS BIGINT))" for one in ends)
    return start, end


def _slices(monitor: Mapping[str, Any], source: Source) -> Iterator[tuple[str, str, str]]:
    """Key, value and condition as SQL: all rows, then those of each slicing expression."""
    yield "CAST(NULL AS STRING)", "CAST(NULL AS STRING)", ""
    for expression in monitor.get("slicing_exprs") or ():
        value = f"CAST(({expression}) AS STRING)"
        often = (
            f"SELECT v FROM (SELECT {value} AS v, count(*) AS n FROM {quoted(source.table)}"
            f" GROUP BY {value}) ORDER BY n DESC LIMIT {MOST_SLICES}"
        )
        yield literal(expression), value, f" WHERE {value} IN ({often})"


# -- what is measured -----------------------------------------------------------------------------


def _row(source: Source, version: int, column: Mapping[str, Any] | None) -> str:
    """The SELECT of one column's rows, or of the whole table's."""
    measures = _measures(source, column)
    shown = ", ".join(
        f"CAST({measures.get(name, 'NULL')} AS {kind}) AS `{name}`"
        for name, kind in MEASURES.items()
    )
    name = literal(str(column["name"])) if column is not None else "':table'"
    kind = literal(str(column["type_text"])) if column is not None else "CAST(NULL AS STRING)"
    group = ", ".join(f"`__{one}`" for one in GROUP)
    return (
        f"SELECT {group}, {version} AS `monitor_version`, {name} AS `column_name`,"
        f" {kind} AS `data_type`, '{source.log_type}' AS `log_type`, {shown}"
        f" FROM {_ranked(column, group)} GROUP BY {group}"
    )


def _ranked(column: Mapping[str, Any] | None, group: str) -> str:
    """The source's rows, numbered where quantiles or frequent items are taken of them."""
    kind = "" if column is None else str(column["type_name"]).upper()
    if column is None or kind not in NUMBERS | COUNTED:
        return "source"
    name = identifier(str(column["name"]))
    if kind in NUMBERS:
        value = _real(f"CAST({name} AS DOUBLE)")
        return (
            f"(SELECT *, count({value}) OVER (PARTITION BY {group}) AS `__n`, row_number() OVER"
            f" (PARTITION BY {group} ORDER BY {value} IS NULL, {value}) AS `__at` FROM source)"
        )
    counted = (
        f"(SELECT *, count(*) OVER (PARTITION BY {group}, {name}) AS `__n`, row_number() OVER"
        f" (PARTITION BY {group}, {name} ORDER BY {name}) AS `__at` FROM source)"
    )
    return (
        f"(SELECT *, dense_rank() OVER (PARTITION BY {group}"
        f" ORDER BY {name} IS NULL, `__n` DESC, {name}) AS `__rank` FROM {counted})"
    )


def _measures(source: Source, column: Mapping[str, Any] | None) -> dict[str, str]:
    if column is None:
        return {"count": "count(*)", "non_null_columns": _filled(source)}
    name, kind = identifier(str(column["name"])), str(column["type_name"]).upper()
    found = {
        "count": f"count({name})",
        "num_nulls": f"count(*) - count({name})",
        "percent_null": _percent(f"count(*) - count({name})"),
    }
    if kind not in NESTED:
        distinct = f"count(DISTINCT {name})"
        found |= {"distinct_count": distinct, "percent_distinct": _percent(distinct)}
    if kind in NUMBERS:
        found |= _of_numbers(f"CAST({name} AS DOUBLE)")
    if kind in TEXTS:
        found |= {f"{one}_length": f"{one}(length({name}))" for one in ("min", "max", "avg")}
    if kind in COUNTED:
        one = f"named_struct('item', CAST({name} AS STRING), 'count', `__n`)"
        kept = f"`__at` = 1 AND `__rank` <= {MOST_ITEMS} AND {name} IS NOT NULL"
        found["frequent_items"] = f"collect_list(CASE WHEN {kept} THEN {one} END)"
    return found


def _filled(source: Source) -> str:
    """The columns that have a value, as an array."""
    names = [str(column["name"]) for column in source.columns]
    found = ", ".join(
        f"CASE WHEN count({identifier(name)}) > 0 THEN {literal(name)} END" for name in names
    )
    return f"filter(array({found}), x -> x IS NOT NULL)" if names else "NULL"


def _real(value: str) -> str:
    return f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END"


def _of_numbers(value: str) -> dict[str, str]:
    real = _real(value)
    zeros = f"count(CASE WHEN {value} = 0 THEN 1 END)"
    nans = f"count(CASE WHEN isnan({value}) THEN 1 END)"
    functions = ("avg", "min", "max", "stddev", "median")
    return {
        **{function: f"{function}({real})" for function in functions},
        "num_zeros": zeros,
        "num_nan": nans,
        "percent_zeros": _percent(zeros),
        "percent_nan": _percent(nans),
        "quantiles": f"sort_array(collect_list(CASE WHEN {_is_quantile(real)} THEN {real} END))",
    }


def _percent(count: str) -> str:
    return f"CAST({count} AS DOUBLE) * 100 / count(*)"


def _is_quantile(value: str) -> str:
    """Whether a row, by its number, has one of so many values that share the column evenly."""
    at = f"`__at` * {QUANTILES} / `__n`"
    before = f"(`__at` - 1) * {QUANTILES} / `__n`"
    return f"{value} IS NOT NULL AND (`__n` <= {QUANTILES} OR floor({at}) > floor({before}))"
