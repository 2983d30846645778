"""A query of an index: by vector, by words, or by both.

Vectors are compared exactly, by Euclidean distance; a score is 1/(1 + distance^2), as documented.
Words are ranked by BM25 over the text columns. A HYBRID query takes both lists and adds up what a
row's rank is worth in each (reciprocal rank fusion), scaled so that first in both is 1.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.decode import decode
from brickyard.workspace.vector_search import filters
from brickyard.workspace.vector_search.rows import Rows
from brickyard.workspace.vector_search.schema import spark_types

ANN, HYBRID, FULL_TEXT = "ANN", "HYBRID", "FULL_TEXT"
TYPES: Final = (ANN, HYBRID, FULL_TEXT)
MOST: Final = 10_000
PAGE: Final = 1_000
RANK: Final = 60  # what dampens the first ranks; the usual constant of the method
FUSED_FROM: Final = 100  # a fused list takes at least this many of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    columns: Sequence[str] = ()
    query_text: str | None = None
    query_vector: Sequence[float] | None = None
    query_type: str | None = None
    query_columns: Sequence[str] = ()
    num_results: int = 10
    filters_json: str | None = None
    filter_string: str | None = None
    score_threshold: float | None = None

    @property
    def kind(self) -> str:
        return (self.query_type or ANN).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    columns: Sequence[Mapping[str, str]]
    rows: Sequence[Sequence[Any]]
    next_page: str = ""


def check(want: Query, *, has_vectors: bool, embeds: bool) -> None:
    """Raise for a query that an index like this cannot answer."""
    check_kind(want, has_vectors=has_vectors)
    if not 1 <= want.num_results <= MOST:
        raise invalid(f"num_results must be between 1 and {MOST}")
    if want.kind == FULL_TEXT:
        return
    if want.query_vector is None and not (want.query_text and embeds):
        text = " or query_text" if embeds else ""
        raise invalid(f"query_vector{text} is required for this index")


def page(
    rows: Rows,
    want: Query,
    *,
    key: str,
    vector: str,
    numbers: Sequence[float] | None,
    start: int = 0,
) -> Found:
    """At most a page of what is found, from the `start`th on.

    `numbers` is the vector of the query, `vector` the column that it is compared with.
    """
    table = rows.table()
    kinds = spark_types(table.schema)
    shown = list(want.columns) or [name for name in kinds if name != vector]
    if unknown := [name for name in shown if name not in kinds]:
        raise invalid(f"The index has no column {', '.join(unknown)}; it has {', '.join(kinds)}")
    where = _condition(want, list(kinds))
    texts = _text_columns(want, kinds)
    try:
        rows.index_words(table, texts)
        scores = _scores(table, want, key, vector, numbers, where, texts)
    except (ValueError, RuntimeError, OSError) as fault:
        raise invalid(f"The query cannot be run: {_first_line(fault)}") from None
    if want.score_threshold is not None:
        scores = {k: score for k, score in scores.items() if score >= want.score_threshold}
    chosen = list(scores.items())[start : min(start + PAGE, want.num_results)]
    found = _rows_of(rows, [k for k, _ in chosen], key, shown)
    listed = [[*found[k], score] for k, score in chosen if k in found]
    more = start + PAGE < min(want.num_results, len(scores))
    columns = [{"name": name, "type_text": kinds[name]} for name in shown]
    return Found(
        columns=[*columns, {"name": "score", "type_text": "double"}],
        rows=listed,
        next_page=_token(want, numbers, start + PAGE) if more else "",
    )


def check_kind(want: Query, *, has_vectors: bool) -> None:
    if want.kind not in TYPES:
        raise invalid(f"query_type must be one of {', '.join(TYPES)}, not {want.query_type!r}")
    if not has_vectors and want.kind != FULL_TEXT:
        raise invalid("This index has no vectors: use query_type FULL_TEXT")
    if want.kind != ANN and not want.query_text:
        raise invalid(f"query_text is required for query_type {want.kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page begins, and of which query: what a page token holds."""

    query: Query
    start: int
    numbers: Sequence[float] | None = None


def opened(token: str) -> Place:
    """What a page token holds. It comes from a client: it may hold anything."""
    try:
        kept = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, RecursionError):
        raise invalid("page_token is not one of a query") from None
    place = decode(kept, Place)
    without = place.numbers is None and place.query.kind != FULL_TEXT
    if without or place.start < 0 or not 1 <= place.query.num_results <= MOST:
        raise invalid("page_token is not one of a query")
    return place


def _token(want: Query, numbers: Sequence[float] | None, start: int) -> str:
    kept = asdict(Place(query=want, numbers=numbers, start=start))
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()


def _condition(want: Query, columns: Sequence[str]) -> str:
    if want.filters_json and want.filter_string:
        raise invalid("Give one of filters_json and filter_string")
    if want.filters_json:
        return filters.from_json(want.filters_json, columns)
    return filters.from_text(want.filter_string, columns) if want.filter_string else ""


def _text_columns(want: Query, kinds: Mapping[str, str]) -> list[str]:
    texts = [name for name, kind in kinds.items() if kind == "string"]
    if want.kind == ANN:
        return []
    if unknown := [name for name in want.query_columns if name not in texts]:
        raise invalid(f"query_columns may name text columns only, not {', '.join(unknown)}")
    if not texts:
        raise invalid(f"query_type {want.kind} needs a text column, and the index has none")
    return list(want.query_columns) or texts


def _scores(
    table: Any,
    want: Query,
    key: str,
    vector: str,
    numbers: Sequence[float] | None,
    where: str,
    texts: Sequence[str],
) -> dict[Any, float]:
    """Primary keys with their scores, best first."""
    if want.kind == FULL_TEXT:
        return _by_words(table, want, key, where, texts, want.num_results)
    assert numbers is not None
    if want.kind == ANN:
        return _by_vector(table, numbers, key, vector, where, want.num_results)
    many = max(want.num_results, FUSED_FROM)
    near = _by_vector(table, numbers, key, vector, where, many)
    said = _by_words(table, want, key, where, texts, many)
    fused: dict[Any, float] = {}
    for ranked in (near, said):
        for rank, one in enumerate(ranked, start=1):
            fused[one] = fused.get(one, 0.0) + (RANK + 1) / (2 * (RANK + rank))
    best = sorted(fused.items(), key=lambda item: -item[1])
    return dict(best[: want.num_results])


def _by_vector(
    table: Any, numbers: Sequence[float], key: str, vector: str, where: str, many: int
) -> dict[Any, float]:
    query = table.search(list(numbers), vector_column_name=vector, query_type="vector")
    query = query.distance_type("l2").limit(many).select([key, "_distance"])
    got = (query.where(where, prefilter=True) if where else query).to_arrow()
    pairs = zip(got[key].to_pylist(), got["_distance"].to_pylist(), strict=True)
    return {k: 1 / (1 + distance) for k, distance in pairs if distance is not None}


def _by_words(
    table: Any, want: Query, key: str, where: str, texts: Sequence[str], many: int
) -> dict[Any, float]:
    from lancedb.query import MultiMatchQuery

    if table.count_rows() == 0:
        return {}
    words = MultiMatchQuery(str(want.query_text), list(texts))
    query = table.search(words).limit(many).select([key, "_score"])
    got = (query.where(where, prefilter=True) if where else query).to_arrow()
    return dict(zip(got[key].to_pylist(), got["_score"].to_pylist(), strict=True))


def _rows_of(
    rows: Rows, keys: Sequence[Any], key: str, shown: Sequence[str]
) -> dict[Any, list[Any]]:
    if not keys:
        return {}
    got = rows.read(list(dict.fromkeys([key, *shown])), rows.has(keys))
    values = [got[name].to_pylist() for name in shown]
    return {
        k: [plain(column[at]) for column in values] for at, k in enumerate(got[key].to_pylist())
    }


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _first_line(fault: Exception) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0]
