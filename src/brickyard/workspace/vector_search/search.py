"""A query of an index: by vector, by words, or by both.

Vectors are compared by Euclidean distance (`nearest` says when exactly); a score is 1/(1 +
distance^2), as documented. Words are ranked by BM25, each row by its best text column. A HYBRID
query takes both lists and adds up what a row's rank is worth in each (reciprocal rank fusion),
scaled so that first in both is 1. `answer` does what comes after.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from brickyard.workspace.kernel import invalid
from brickyard.workspace.vector_search import filters
from brickyard.workspace.vector_search.arranging import Facet, Sorting
from brickyard.workspace.vector_search.nearest import FROM, nearest
from brickyard.workspace.vector_search.rerank import Reranker
from brickyard.workspace.vector_search.rows import Rows, State, is_of_values

ANN, HYBRID, FULL_TEXT = "ANN", "HYBRID", "FULL_TEXT"
TYPES: Final = (ANN, HYBRID, FULL_TEXT)
MOST: Final = 10_000
RANK: Final = 60  # what dampens the first ranks; the usual constant of the method
ORDERED: Final = frozenset(
    {"string", "tinyint", "smallint", "int", "bigint", "float", "double", "date", "timestamp"}
)  # types whose values an index can keep
FUSED_FROM: Final = 100  # a fused list takes at least this many of each
ROW: Final = "_rowid"  # where LanceDB has a row, until somebody writes


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
    columns_to_rerank: Sequence[str] = ()
    reranker: Reranker | None = None
    sort_columns: Sequence[str] = ()
    facets: Sequence[str] = ()
    debug_level: int = 0

    @property
    def kind(self) -> str:
        return (self.query_type or ANN).upper()

    @property
    def reranking(self) -> Reranker | None:
        """How the first results are to be reranked, in either form of asking for it."""
        if self.reranker is not None or not self.columns_to_rerank:
            return self.reranker
        return Reranker.of(self.columns_to_rerank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Rows, best first, with what they are worth."""

    rows: Any
    scores: Sequence[float]

    def taken(self, places: Sequence[int], scores: Sequence[float] | None = None) -> Ranked:
        import pyarrow as pa

        chosen = [self.scores[at] for at in places] if scores is None else scores
        return Ranked(rows=self.rows.take(pa.array(places, pa.int64())), scores=chosen)


def check(want: Query, *, has_vectors: bool, embeds: bool) -> None:
    """Raise for a query that an index like this cannot answer."""
    check_kind(want, has_vectors=has_vectors)
    if not 1 <= want.num_results <= MOST:
        raise invalid(f"num_results must be between 1 and {MOST}")
    if want.reranking is not None and not want.query_text:
        raise invalid("query_text is required for reranking")
    if want.kind == FULL_TEXT:
        return
    if want.query_vector is None and not (want.query_text and embeds):
        text = " or query_text" if embeds else ""
        raise invalid(f"query_vector{text} is required for this index")


def check_kind(want: Query, *, has_vectors: bool) -> None:
    if want.kind not in TYPES:
        raise invalid(f"query_type must be one of {', '.join(TYPES)}, not {want.query_type!r}")
    if not has_vectors and want.kind != FULL_TEXT:
        raise invalid("This index has no vectors: use query_type FULL_TEXT")
    if want.kind != ANN and not want.query_text:
        raise invalid(f"query_text is required for query_type {want.kind}")


def shown_columns(want: Query, kinds: Mapping[str, str], vector: str) -> list[str]:
    """The columns of an answer, as asked for; all but the vectors when none are named."""
    shown = list(want.columns) or [name for name in kinds if name != vector]
    known(shown, kinds)
    return shown


def known(names: Sequence[str], kinds: Mapping[str, str]) -> None:
    """Raise for a column that the index does not have."""
    if unknown := [name for name in names if name not in kinds]:
        raise invalid(f"The index has no column {', '.join(unknown)}; it has {', '.join(kinds)}")


async def ranked(
    rows: Rows,
    table: Any,
    want: Query,
    kinds: Mapping[str, str],
    *,
    vector: str,
    numbers: Sequence[float] | None,
    sorting: Sequence[Sorting] = (),
    facets: Sequence[Facet] = (),
) -> Ranked:
    """What is found, up to the score threshold: not reranked and not sorted yet.

    `table` is the one of the rows for coroutines, `numbers` the vector of the query, `vector` the
    column that it is compared with, `kinds` the types of all columns. The rows have the columns
    that the answer shows and those that what comes next looks at.
    """
    asked = [one.column for one in sorting] + [one.column for one in facets]
    if want.reranking is not None:
        asked += want.reranking.columns
    known(asked, kinds)
    columns = list(dict.fromkeys([rows.key, *shown_columns(want, kinds, vector), *asked]))
    where, texts = _condition(want, kinds), _text_columns(want, kinds)
    many = want.num_results if want.reranking is None else max(want.num_results, Reranker.FIRST)
    search = _Search(table=table, state=rows.state, key=rows.key, columns=columns, where=where)
    try:
        await _prepare(rows, table, texts, _worth_indexing(search, kinds))
        found = await search.run(want, vector, numbers, texts, many)
    except (ValueError, RuntimeError, OSError) as fault:
        raise invalid(f"The query cannot be run: {_first_line(fault)}") from None
    least = want.score_threshold
    if least is None:
        return found
    return found.taken([at for at, score in enumerate(found.scores) if score >= least])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    table: Any
    state: State
    key: str
    columns: Sequence[str]
    where: str

    async def run(
        self,
        want: Query,
        vector: str,
        numbers: Sequence[float] | None,
        texts: Sequence[str],
        many: int,
    ) -> Ranked:
        if want.kind == FULL_TEXT:
            return await self.by_words(want, texts, many)
        assert numbers is not None
        if want.kind == ANN:
            return await self.by_vector(numbers, vector, many)
        deep = max(many, FUSED_FROM)

        async def fused(search: _Search) -> Ranked:
            near, said = await asyncio.gather(
                search.by_vector(numbers, vector, deep), search.by_words(want, texts, deep)
            )
            return _fused(near, said, self.key, many)

        found = await fused(replace(self, columns=(self.key, ROW)))
        return await self._read(found) or await fused(self)

    async def _read(self, found: Ranked) -> Ranked | None:
        """The columns of these rows, known by key and place: most of two lists is not shown.

        None when somebody wrote in between and they are not in their places any more.
        """
        import pyarrow as pa

        keys = found.rows[self.key].to_pylist()
        if not keys:
            return Ranked(rows=await self._no_rows(), scores=())
        taken = self.table.take_row_ids(found.rows[ROW].to_pylist())
        try:
            rows = await taken.select(list(self.columns)).to_arrow()
        except (ValueError, RuntimeError, OSError):
            return None
        at = {one: place for place, one in enumerate(rows[self.key].to_pylist())}
        if len(rows) != len(keys) or at.keys() != set(keys):
            return None
        return Ranked(rows=rows.take(pa.array([at[one] for one in keys])), scores=found.scores)

    async def by_vector(self, numbers: Sequence[float], vector: str, many: int) -> Ranked:
        query = nearest(self.table, self.state, numbers, vector, self.where, many)
        got = await query.select([*self.columns, "_distance"]).to_arrow()
        got = got.filter(got["_distance"].is_valid())
        scores = [1 / (1 + far) for far in got["_distance"].to_pylist()]
        return Ranked(rows=got.select(self.columns), scores=scores)

    async def by_words(self, want: Query, texts: Sequence[str], many: int) -> Ranked:
        """One search for each column: LanceDB's for several at once compares every row that has a
        word, that for one leaves out what cannot be among the best. Scores are the same."""
        if await self.table.count_rows() == 0:
            return Ranked(rows=await self._no_rows(), scores=())
        found = [self._in_column(str(want.query_text), name, many) for name in texts]
        return _best(await asyncio.gather(*found), self.key, many)

    async def _no_rows(self) -> Any:
        import pyarrow as pa

        schema = (await self.table.schema()).append(pa.field(ROW, pa.uint64()))
        return schema.empty_table().select(self.columns)

    async def _in_column(self, words: str, column: str, many: int) -> Ranked:
        from lancedb.query import MatchQuery

        query = self.table.query().nearest_to_text(MatchQuery(words, column)).limit(many)
        query = query.select([*self.columns, "_score"])
        got = await (query.where(self.where) if self.where else query).to_arrow()
        return Ranked(rows=got.select(self.columns), scores=got["_score"].to_pylist())


async def _prepare(rows: Rows, table: Any, texts: Sequence[str], values: Collection[str]) -> None:
    """Make the indexes of words and of values that a query needs, where they are missing."""
    if not texts and not values:
        return
    there = await table.list_indices()
    words = {name for one in there if not is_of_values(one) for name in one.columns}
    known = {name for one in there if is_of_values(one) for name in one.columns}
    if not words >= set(texts):
        await asyncio.to_thread(rows.index_words, texts)
    if not known >= set(values):
        await asyncio.to_thread(rows.index_values, values)


def _worth_indexing(search: _Search, kinds: Mapping[str, str]) -> list[str]:
    """The columns of a condition that are quicker found by an index of their values."""
    if not search.where or search.state.rows < FROM:
        return []
    return [name for name in filters.compared(search.where) if kinds.get(name) in ORDERED]


def _best(lists: Sequence[Ranked], key: str, many: int) -> Ranked:
    """One list of several: a row is worth what it is in the list where it is worth most."""
    import pyarrow as pa

    if len(lists) == 1:
        return lists[0]
    rows = pa.concat_tables([one.rows for one in lists])
    scores = [score for one in lists for score in one.scores]
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    first: dict[Any, int] = {}
    keys = rows[key].to_pylist()
    for at in order:
        first.setdefault(keys[at], at)
    return Ranked(rows=rows, scores=scores).taken(list(first.values())[:many])


def _fused(near: Ranked, said: Ranked, key: str, many: int) -> Ranked:
    import pyarrow as pa

    rows = pa.concat_tables([near.rows, said.rows])
    keys = rows[key].to_pylist()
    worth: dict[Any, float] = {}
    place = {one: at for at, one in reversed(list(enumerate(keys)))}
    for start, ranks in ((0, len(near.scores)), (len(near.scores), len(said.scores))):
        for rank, one in enumerate(keys[start : start + ranks], start=1):
            worth[one] = worth.get(one, 0.0) + (RANK + 1) / (2 * (RANK + rank))
    best = sorted(worth.items(), key=lambda item: -item[1])[:many]
    chosen = pa.array([place[one] for one, _ in best], pa.int64())
    return Ranked(rows=rows.take(chosen), scores=[score for _, score in best])


def _condition(want: Query, columns: Mapping[str, str]) -> str:
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
