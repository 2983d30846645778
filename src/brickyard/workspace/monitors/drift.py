"""The drift table: each window of a profile against the one before it and against the baseline.

Filled anew by every refresh from the profile table alone, which keeps of each column what its
distances need: a snapshot's earlier data is not there any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from brickyard.workspace.monitors.distances import Distribution, distances
from brickyard.workspace.monitors.names import WINDOW, literal, quoted, struct_of_window

Rows = Sequence[Mapping[str, Any]]
Run = Callable[[str], Rows]  # a statement, its rows

DELTAS: Final = ("count", "avg", "percent_null", "percent_zeros", "percent_distinct")
TEST: Final = "STRUCT<statistic: DOUBLE, pvalue: DOUBLE>"
KEYS: Final[Mapping[str, str]] = {
    "window": WINDOW,
    "monitor_version": "BIGINT",
    "granularity": "STRING",
    "model_id": "STRING",
    "slice_key": "STRING",
    "slice_value": "STRING",
    "column_name": "STRING",
    "data_type": "STRING",
    "window_cmp": WINDOW,
    "drift_type": "STRING",
}
MEASURES: Final[Mapping[str, str]] = {
    **{f"{name}_delta": "DOUBLE" for name in DELTAS},
    "non_null_columns_delta": "STRUCT<added: INT, missing: INT>",
    "chi_squared_test": TEST,
    "ks_test": TEST,
    "tv_distance": "DOUBLE",
    "l_infinity_distance": "DOUBLE",
    "js_distance": "DOUBLE",
    "wasserstein_distance": "DOUBLE",
    "population_stability_index": "DOUBLE",
}
COLUMNS: Final[Mapping[str, str]] = {**KEYS, **MEASURES}
COMPARED: Final = ("count", "quantiles", "frequent_items", "non_null_columns")
SAME: Final = ("granularity", "model_id", "slice_key", "slice_value", "column_name")
ROWS_AT_ONCE: Final = 100


def fill(run: Run, profile_table: str, drift_table: str) -> None:
    """Compute the table anew."""
    found = [row for select in pairs(profile_table) for row in run(select)]
    run(f"DELETE FROM {quoted(drift_table)} WHERE true")
    for statement in inserts(drift_table, [compared(row) for row in found]):
        run(statement)


def pairs(profile_table: str) -> Iterator[str]:
    """The statements that put each window beside what it is compared with."""
    profiles = quoted(profile_table)
    partition = ", ".join(f"`{name}`" for name in SAME)
    numbered = (
        f"SELECT *, row_number() OVER (PARTITION BY {partition} ORDER BY `window`.`start`) AS n"
        f" FROM {profiles} WHERE log_type = 'INPUT'"
    )
    yield (
        f"WITH p AS ({numbered}) {_shown('CONSECUTIVE', 'b.`window`')}"
        f" FROM p a JOIN p b ON {_equal(SAME)} AND a.n = b.n + 1"
    )
    yield (
        f"{_shown('BASELINE', struct_of_window('NULL', 'NULL'))}"
        f" FROM {profiles} a JOIN {profiles} b ON {_equal(SAME[2:])}"
        f" WHERE a.log_type = 'INPUT' AND b.log_type = 'BASELINE'"
    )


def compared(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the drift table from a pair."""
    now, before = (_distribution(row, side) for side in ("a", "b"))
    found = {name: row.get(name) for name in COLUMNS}
    if row["column_name"] == ":table":
        new, old = (set(row[f"{side}_non_null_columns"] or ()) for side in ("a", "b"))
        found["non_null_columns_delta"] = {"added": len(new - old), "missing": len(old - new)}
    return {**found, **distances(now, before)}


def inserts(drift_table: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = ", ".join(f"`{name}`" for name in COLUMNS)
    for at in range(0, len(rows), ROWS_AT_ONCE):
        selected = " UNION ALL ".join(_selected(row) for row in rows[at : at + ROWS_AT_ONCE])
        yield f"INSERT INTO {quoted(drift_table)} ({names}) {selected}"


def _selected(row: Mapping[str, Any]) -> str:
    shown = (f"{_literal(row[name], kind)} AS `{name}`" for name, kind in COLUMNS.items())
    return f"SELECT {', '.join(shown)}"


def _distribution(row: Mapping[str, Any], side: str) -> Distribution:
    items = row[f"{side}_frequent_items"]
    return Distribution(
        count=int(row[f"{side}_count"] or 0),
        quantiles=row[f"{side}_quantiles"],
        items=None if items is None else {one["item"]: one["count"] for one in items},
    )


def _shown(drift_type: str, window: str) -> str:
    kept = [f"a.`{name}`" for name in KEYS if name not in ("window_cmp", "drift_type")]
    deltas = [
        f"CAST(a.`{name}` AS DOUBLE) - CAST(b.`{name}` AS DOUBLE) AS `{name}_delta`"
        for name in DELTAS
    ]
    sides = [f"{side}.`{name}` AS `{side}_{name}`" for side in "ab" for name in COMPARED]
    said = [f"{window} AS `window_cmp`", f"'{drift_type}' AS `drift_type`"]
    return f"SELECT {', '.join([*kept, *said, *deltas, *sides])}"


def _equal(names: Sequence[str]) -> str:
    return " AND ".join(f"a.`{name}` <=> b.`{name}`" for name in names)


def _literal(value: Any, kind: str) -> str:
    """A value as SQL, of the column's type."""
    if value is None:
        return f"CAST(NULL AS {kind})"
    if kind == WINDOW:
        return struct_of_window(*(_moment(value[end]) for end in ("start", "end")))
    if isinstance(value, Mapping):
        fields = ", ".join(f"'{name}', {one!r}" for name, one in value.items())
        return f"CAST(named_struct({fields}) AS {kind})"
    return f"CAST({literal(value) if isinstance(value, str) else repr(value)} AS {kind})"


def _moment(value: datetime | None) -> str:
    return "NULL" if value is None else value.strftime("TIMESTAMP'%Y-%m-%d %H:%M:%S.%f'")
