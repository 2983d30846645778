"""The SQL that profiles a table: from a monitor's settings to statements. Pure.

Every row is one column (or `:table`) within one window and one slice. A snapshot has one window for
each refresh, the moment of it; a time series and an inference log have one for each granularity and
interval, all computed anew by every refresh. Columns of the metric tables are those of the real
service's documentation; left out are quantiles, frequent items, distances between distributions,
model quality and custom metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NUMBERS: Final = frozenset({"BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL"})
TEXTS: Final = frozenset({"STRING", "CHAR", "VARCHAR"})
NESTED: Final = frozenset({"ARRAY", "MAP", "STRUCT", "VARIANT", "BINARY"})
SECONDS: Final = {"5 minutes": 300, "30 minutes": 1800, "1 hour": 3600, "1 day": 86400}
WEEK_S: Final = 7 * 86400
FIRST_MONDAY_S: Final = 4 * 86400  # 1970-01-05
MOST_SLICES: Final = 100  # values of one slicing expression, the most frequent
COLUMNS_AT_ONCE: Final = 25

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
}
DELTAS: Final = ("count", "avg", "percent_null", "percent_zeros", "percent_distinct")
WINDOW: Final = "STRUCT<start: TIMESTAMP, `end`: TIMESTAMP>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table to profile; `moment` is the refresh's, as SQL."""

    table: str
    columns: Sequence[Mapping[str, Any]]  # as the catalog has them
    log_type: str  # INPUT | BASELINE
    moment: str


def create(profile_table: str, drift_table: str) -> tuple[str, str]:
    """The statements that make both tables, unless they are there."""
    measures = ", ".join(f"`{name}` {kind}" for name, kind in MEASURES.items())
    deltas = ", ".join(f"`{name}_delta` DOUBLE" for name in DELTAS)
    group = (
        f"`window` {WINDOW}, `monitor_version` BIGINT, `granularity` STRING, `model_id` STRING,"
        " `slice_key` STRING, `slice_value` STRING, `column_name` STRING, `data_type` STRING"
    )
    profiled = f"{group}, `log_type` STRING, {measures}"
    drifted = f"{group}, `window_cmp` {WINDOW}, `drift_type` STRING, {deltas}"
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted(profile_table)} ({profiled})",
        f"CREATE TABLE IF NOT EXISTS {quoted(drift_table)} ({drifted})",
    )


def clear(profile_table: str, monitor: Mapping[str, Any]) -> str:
    """The statement that removes what a refresh computes anew: all but earlier snapshots."""
    which = "log_type = 'BASELINE'" if monitor.get("snapshot") is not None else "true"
    return f"DELETE FROM {quoted(profile_table)} WHERE {which}"


def profile(
    profile_table: str, monitor: Mapping[str, Any], source: Source, version: int
) -> Iterator[str]:
    """The statements that add the profile of a source, some columns at a time."""
    rows = [_row(source, version, None)]
    rows += [_row(source, version, one) for one in source.columns]
    names = ", ".join(f"`{name}`" for name in (*GROUP, "monitor_version", "column_name"))
    more = ", ".join(f"`{name}`" for name in ("data_type", "log_type", *MEASURES))
    for at in range(0, len(rows), COLUMNS_AT_ONCE):
        union = " UNION ALL ".join(rows[at : at + COLUMNS_AT_ONCE])
        yield (
            f"INSERT INTO {quoted(profile_table)} ({names}, {more})"
            f" WITH source AS ({_branches(monitor, source)}) {union}"
        )


def drift(profile_table: str, drift_table: str) -> Iterator[str]:
    """The statements that fill the drift table anew from all profiles."""
    same = ("granularity", "model_id", "slice_key", "slice_value", "column_name")
    profiles, into = quoted(profile_table), f"INSERT INTO {quoted(drift_table)}"
    partition = ", ".join(f"`{name}`" for name in same)
    numbered = (
        f"SELECT *, row_number() OVER (PARTITION BY {partition} ORDER BY `window`.`start`) AS n"
        f" FROM {profiles} WHERE log_type = 'INPUT'"
    )
    yield f"DELETE FROM {quoted(drift_table)} WHERE true"
    yield (
        f"{into} WITH p AS ({numbered}) {_compared('CONSECUTIVE', 'b.`window`')}"
        f" FROM p a JOIN p b ON {_equal(same)} AND a.n = b.n + 1"
    )
    yield (
        f"{into} {_compared('BASELINE', _window('NULL', 'NULL'))}"
        f" FROM {profiles} a JOIN {profiles} b ON {_equal(same[2:])}"
        f" WHERE a.log_type = 'INPUT' AND b.log_type = 'BASELINE'"
    )


def quoted(full_name: str) -> str:
    return ".".join(_name(part) for part in full_name.split("."))


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
        yield _window("NULL", "NULL"), nothing, nothing
        return
    if series is None:
        yield _window(source.moment, source.moment), nothing, nothing
        return
    column = f"CAST({_name(series['timestamp_col'])} AS TIMESTAMP)"
    model = series.get("model_id_col")
    of_model = f"CAST({_name(model)} AS STRING)" if model else nothing
    for granularity in series["granularities"]:
        yield _window(*_interval(column, granularity)), _text(granularity), of_model


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
        yield _text(expression), value, f" WHERE {value} IN ({often})"


# -- what is measured -----------------------------------------------------------------------------


def _row(source: Source, version: int, column: Mapping[str, Any] | None) -> str:
    """The SELECT of one column's rows, or of the whole table's."""
    measures = _measures(column)
    shown = ", ".join(
        f"CAST({measures.get(name, 'NULL')} AS {kind}) AS `{name}`"
        for name, kind in MEASURES.items()
    )
    name = _text(str(column["name"])) if column is not None else "':table'"
    kind = _text(str(column["type_text"])) if column is not None else "CAST(NULL AS STRING)"
    group = ", ".join(f"`__{one}`" for one in GROUP)
    return (
        f"SELECT {group}, {version} AS `monitor_version`, {name} AS `column_name`,"
        f" {kind} AS `data_type`, '{source.log_type}' AS `log_type`, {shown}"
        f" FROM source GROUP BY {group}"
    )


def _measures(column: Mapping[str, Any] | None) -> dict[str, str]:
    if column is None:
        return {"count": "count(*)"}
    name, kind = _name(str(column["name"])), str(column["type_name"]).upper()
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
    return found


def _of_numbers(value: str) -> dict[str, str]:
    real = f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END"
    zeros = f"count(CASE WHEN {value} = 0 THEN 1 END)"
    nans = f"count(CASE WHEN isnan({value}) THEN 1 END)"
    functions = ("avg", "min", "max", "stddev", "median")
    return {
        **{function: f"{function}({real})" for function in functions},
        "num_zeros": zeros,
        "num_nan": nans,
        "percent_zeros": _percent(zeros),
        "percent_nan": _percent(nans),
    }


def _percent(count: str) -> str:
    return f"CAST({count} AS DOUBLE) * 100 / count(*)"


def _compared(drift_type: str, window: str) -> str:
    kept = ("monitor_version", "granularity", "model_id", "slice_key", "slice_value")
    shown = ", ".join(f"a.`{name}`" for name in ("window", *kept, "column_name", "data_type"))
    deltas = ", ".join(
        f"CAST(a.`{name}` AS DOUBLE) - CAST(b.`{name}` AS DOUBLE) AS `{name}_delta`"
        for name in DELTAS
    )
    return f"SELECT {shown}, {window} AS `window_cmp`, '{drift_type}' AS `drift_type`, {deltas}"


def _equal(names: Sequence[str]) -> str:
    return " AND ".join(f"a.`{name}` <=> b.`{name}`" for name in names)


def _window(start: str, end: str) -> str:
    return f"named_struct('start', CAST({start} AS TIMESTAMP), 'end', CAST({end} AS TIMESTAMP))"


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
