"""What a query asks of its results besides their ranking: an order by columns, and facets.

`sort_columns` are `"rating DESC"`, `"price ASC"`. A facet is `"brand"` (its ten most frequent
values), `"brand TOP 3"`, or `"price BUCKETS [[0,10],[11,20]]"` (inclusive ranges), and counts what
the query found.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.kernel import invalid

SORTING: Final = re.compile(r"(.+?)(?:\s+(ASC|DESC))?", re.IGNORECASE)
FACET: Final = re.compile(r"(.+?)(?:\s+(?:TOP\s+(\d+)|BUCKETS\s+(\[.*\])))?", re.IGNORECASE)
TOP: Final = 10
FACET_COLUMNS: Final[Sequence[Mapping[str, str]]] = (
    {"name": "facet_column", "type_text": "string"},
    {"name": "facet_value", "type_text": "string"},
    {"name": "count", "type_text": "bigint"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    column: str
    is_falling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    column: str
    top: int = TOP
    ranges: Sequence[tuple[float, float]] = ()


def sortings(given: Sequence[str]) -> list[Sorting]:
    found = []
    for one in given:
        parts = SORTING.fullmatch(one.strip())
        if parts is None:
            raise invalid(f'sort_columns takes "<column> ASC" or "<column> DESC", not {one!r}')
        found.append(
            Sorting(column=parts.group(1), is_falling=(parts.group(2) or "").upper() == "DESC")
        )
    return found


def facets(given: Sequence[str]) -> list[Facet]:
    found = [_facet(one) for one in given]
    if len({one.column for one in found}) < len(found):
        raise invalid("facets names a column twice")
    return found


def _facet(text: str) -> Facet:
    parts = FACET.fullmatch(text.strip())
    if parts is None:
        raise invalid('A facet is "<column>", "<column> TOP <n>" or "<column> BUCKETS [[from,to]]"')
    top = int(parts.group(2) or TOP)
    if top <= 0:
        raise invalid(f"The facet {text!r} takes a TOP of more than 0")
    try:
        pairs = [(float(low), float(high)) for low, high in json.loads(parts.group(3) or "[]")]
    except (ValueError, TypeError, RecursionError):
        raise invalid(f"The BUCKETS of the facet {text!r} must be [[from,to],...]") from None
    return Facet(column=parts.group(1), top=top, ranges=tuple(pairs))


def in_order(rows: Any, wanted: Sequence[Sorting]) -> list[int]:
    """The places of rows in the order wanted, rows without a value last."""
    places = list(range(rows.num_rows))
    for one in reversed(wanted):
        values = rows[one.column].to_pylist()
        there = [at for at in places if values[at] is not None]
        try:
            there.sort(key=lambda at, of=values: of[at], reverse=one.is_falling)  # type: ignore[misc]
        except TypeError:
            raise invalid(f"The column {one.column} has no order") from None
        places = there + [at for at in places if values[at] is None]
    return places


def counted(rows: Any, wanted: Sequence[Facet]) -> list[list[str]]:
    """`[column, value or range, count]` for each facet, the most frequent first."""
    found = []
    for one in wanted:
        values = [value for value in rows[one.column].to_pylist() if value is not None]
        if one.ranges:
            found += [[one.column, *_in_range(values, *ends)] for ends in one.ranges]
            continue
        for value, count in Counter(map(_text, values)).most_common(one.top):
            found.append([one.column, value, str(count)])
    return found


def _in_range(values: Sequence[Any], low: float, high: float) -> tuple[str, str]:
    numbers = [one for one in values if isinstance(one, int | float)]
    if len(numbers) < len(values):
        raise invalid("BUCKETS takes a column of numbers")
    count = sum(1 for one in numbers if low <= one <= high)
    return f"[{low:g},{high:g}]", str(count)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
