"""Rules that rows can break, and which rows break them. Plain Python: tested without Spark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Breach:
    rule: str
    column: str
    row: int  # its place, from 0

    def __str__(self) -> str:
        return f"row {self.row}: {self.column} is {self.rule}"


def check(rows: Sequence[Row], ranges: Mapping[str, tuple[float, float]], key: str) -> list[Breach]:
    """What is missing, out of its range, or there twice though it is the key."""
    return [*missing(rows), *out_of_range(rows, ranges), *repeated(rows, key)]


def missing(rows: Sequence[Row]) -> Iterable[Breach]:
    for at, row in enumerate(rows):
        for column, value in row.items():
            if value is None or value != value:  # not a number
                yield Breach("missing", column, at)


def out_of_range(rows: Sequence[Row], ranges: Mapping[str, tuple[float, float]]) -> Iterable[Breach]:
    for at, row in enumerate(rows):
        for column, (least, most) in ranges.items():
            value = row.get(column)
            if isinstance(value, int | float) and value == value and not least <= value <= most:
                yield Breach("out of range", column, at)


def repeated(rows: Sequence[Row], key: str) -> Iterable[Breach]:
    counts = Counter(row.get(key) for row in rows)
    seen = set[Any]()
    for at, row in enumerate(rows):
        value = row.get(key)
        if counts[value] > 1 and value in seen:
            yield Breach("repeated", key, at)
        seen.add(value)
