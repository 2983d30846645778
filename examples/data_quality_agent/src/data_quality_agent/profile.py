"""What a table looks like: columns, statistics, most frequent values, from a few aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from data_quality_agent.rules import is_numeric, quoted
from data_quality_agent.tables import Row, Tables

QUANTILES: Mapping[str, float] = {"q01": 0.01, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q99": 0.99}
TOP_VALUES = 20
MOST_VALUES = 20_000  # different ones of a column that are fetched with their counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`top` holds the most frequent values of texts that repeat, with their counts."""

    name: str
    type: str
    nulls: int
    distinct: int
    least: Any
    most: Any
    quantiles: Mapping[str, float]
    top: tuple[tuple[Any, int], ...] = ()

    @property
    def is_text(self) -> bool:
        return self.type.startswith(("string", "varchar", "char"))

    @property
    def is_number(self) -> bool:
        return is_numeric(self.type)

    @property
    def is_whole(self) -> bool:
        return self.is_number and not self.type.startswith(("float", "double", "dec"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    table: str
    rows: int
    columns: Mapping[str, Column]

    @property
    def types(self) -> Mapping[str, str]:
        return {column.name: column.type for column in self.columns.values()}

    def to_json(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "row_count": self.rows,
            "columns": [asdict(column) for column in self.columns.values()],
        }


def profile_table(tables: Tables, table: str) -> Profile:
    types = tables.columns(table)
    names = list(types)
    parts = ["COUNT(*) AS n"]
    for i, name in enumerate(names):
        column = quoted(name)
        parts += [
            f"COUNT({column}) AS filled{i}",
            f"COUNT(DISTINCT {column}) AS distinct{i}",
            f"MIN({column}) AS least{i}",
            f"MAX({column}) AS most{i}",
        ]
    row = plain_row(tables.query(f"SELECT {', '.join(parts)} FROM {quoted(table)}")[0])
    rows = int(row["n"])
    numbers = {name: int(row[f"distinct{i}"]) for i, name in enumerate(names)}
    numbers = {name: count for name, count in numbers.items() if is_numeric(types[name])}
    quantiles = _quantiles(tables, table, numbers)
    columns = {}
    for i, name in enumerate(names):
        distinct = int(row[f"distinct{i}"])
        columns[name] = Column(
            name=name,
            type=types[name],
            nulls=rows - int(row[f"filled{i}"]),
            distinct=distinct,
            least=row[f"least{i}"],
            most=row[f"most{i}"],
            quantiles=quantiles.get(name, {}),
            top=_top(tables, table, name) if _has_categories(types[name], distinct, rows) else (),
        )
    return Profile(table=table, rows=rows, columns=columns)


def _quantiles(
    tables: Tables, table: str, numbers: Mapping[str, int]
) -> dict[str, dict[str, float]]:
    """Of each column with a number of different values, which `numbers` counts.

    Exact, from how often each value occurs: engines sort a table anew for each `percentile`, and
    numbers repeat. Only where they hardly do are they left to the engine.
    """
    counted = [name for name, distinct in numbers.items() if 0 < distinct <= MOST_VALUES]
    found = {}
    if counted:
        parts = (
            f"SELECT {at} AS c, CAST({quoted(name)} AS DOUBLE) AS v, COUNT(*) AS n"
            f" FROM {quoted(table)} WHERE {quoted(name)} IS NOT NULL GROUP BY {quoted(name)}"
            for at, name in enumerate(counted)
        )
        histograms: list[list[tuple[float, int]]] = [[] for _ in counted]
        for row in tables.query(" UNION ALL ".join(parts)):
            histograms[int(row["c"])].append((float(row["v"]), int(row["n"])))
        found = {
            name: {q: round(percentile(histogram, at), 6) for q, at in QUANTILES.items()}
            for name, histogram in zip(counted, histograms, strict=True)
        }
    for name in (name for name, distinct in numbers.items() if distinct > MOST_VALUES):
        parts = (f"percentile({quoted(name)}, {at}) AS {q}" for q, at in QUANTILES.items())
        row = tables.query(f"SELECT {', '.join(parts)} FROM {quoted(table)}")[0]
        found[name] = {q: round(float(value), 6) for q, value in row.items()}
    return found


def percentile(histogram: Iterable[tuple[float, int]], at: float) -> float:
    """As SQL's `percentile` has it: between the two nearest values. Given with counts."""
    ordered = sorted(histogram)
    place = at * (sum(count for _, count in ordered) - 1)
    passed = 0
    for position, (value, count) in enumerate(ordered):
        passed += count
        if place <= passed - 1:
            return value
        if place < passed:
            return value + (place - (passed - 1)) * (ordered[position + 1][0] - value)
    raise ValueError("there are no values")


def _has_categories(kind: str, distinct: int, rows: int) -> bool:
    return kind.startswith(("string", "varchar", "char")) and distinct * 2 <= max(rows, 1)


def _top(tables: Tables, table: str, name: str) -> tuple[tuple[Any, int], ...]:
    column = quoted(name)
    found = tables.query(
        f"SELECT {column} AS v, COUNT(*) AS n FROM {quoted(table)} WHERE {column} IS NOT NULL "
        f"GROUP BY {column} ORDER BY n DESC, v LIMIT {TOP_VALUES}"
    )
    return tuple((plain(row["v"]), int(row["n"])) for row in found)


def plain_row(row: Row) -> Row:
    return {name: plain(value) for name, value in row.items()}


def plain(value: Any) -> Any:
    """The value as JSON holds it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
