"""One page of a query's answer: what was found, reranked, sorted, counted and cut."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.decode import decode
from brickyard.workspace.vector_search import arranging, handles, rerank, search
from brickyard.workspace.vector_search.arranging import FACET_COLUMNS, Sorting
from brickyard.workspace.vector_search.rerank import Reranker
from brickyard.workspace.vector_search.rows import Rows
from brickyard.workspace.vector_search.schema import spark_types
from brickyard.workspace.vector_search.search import FULL_TEXT, MOST, Query, Ranked

PAGE: Final = 1_000
FEW: Final = 100  # rows that are shown at once; more take a thread, and nobody else's time
Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]  # (serving endpoint, body) -> its answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    columns: Sequence[Mapping[str, str]]
    rows: Sequence[Sequence[Any]]
    facets: Sequence[Sequence[str]] | None = None
    next_page: str = ""
    debug: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page begins, and of which query: what a page token holds."""

    query: Query
    start: int
    numbers: Sequence[float] | None = None


async def page(
    rows: Rows,
    want: Query,
    *,
    vector: str,
    numbers: Sequence[float] | None,
    ask: Ask,
    start: int = 0,
) -> Found:
    """At most a page of what is found, from the `start`th on. `ask` invokes a reranking model."""
    began = time.perf_counter()
    sorting, facets = arranging.sortings(want.sort_columns), arranging.facets(want.facets)
    if want.reranking is not None:
        want.reranking.check()
    table = await handles.waiting(rows.folder)
    kinds = spark_types(await table.schema())
    found = await search.ranked(
        rows, table, want, kinds, vector=vector, numbers=numbers, sorting=sorting, facets=facets
    )
    debug: dict[str, Any] = {}
    if want.reranking is not None:
        found = await _reranked(found, want, want.reranking, ask, debug)
    names = search.shown_columns(want, kinds, vector)

    def finished() -> Found:
        chosen = _sorted(found.taken(range(len(found.scores))[: want.num_results]), sorting)
        debug["response_time"] = round((time.perf_counter() - began) * 1000, 3)
        counted = arranging.counted(chosen.rows, facets) if facets and not start else None
        more = start + PAGE < len(chosen.scores)
        next_page = Place(query=want, start=start + PAGE, numbers=numbers)
        return Found(
            # With names alone: databricks-langchain looks for a column as {"name": name}.
            columns=[{"name": name} for name in (*names, "score")],
            rows=_listed(chosen, names, start),
            facets=counted,
            next_page=_token(next_page) if more else "",
            debug=debug if want.debug_level else None,
        )

    return finished() if len(found.scores) <= FEW else await asyncio.to_thread(finished)


def _listed(found: Ranked, names: Sequence[str], start: int) -> list[list[Any]]:
    """The values of a page's rows, the score last."""
    cut = found.taken(range(start, min(start + PAGE, len(found.scores))))
    values = [cut.rows[name].to_pylist() for name in names]
    return [
        [*(search.plain(column[at]) for column in values), score]
        for at, score in enumerate(cut.scores)
    ]


def shown(found: Found) -> dict[str, Any]:
    """As JSON, in the API's form."""
    manifest: dict[str, Any] = {
        "column_count": len(found.columns),
        "columns": list(found.columns),
    }
    answer: dict[str, Any] = {
        "manifest": manifest,
        "result": {"row_count": len(found.rows), "data_array": list(found.rows)},
    }
    if found.facets is not None:
        manifest |= {
            "facet_column_count": len(FACET_COLUMNS),
            "facet_columns": list(FACET_COLUMNS),
        }
        answer["facet_result"] = {
            "facet_row_count": len(found.facets),
            "facet_array": list(found.facets),
        }
    if found.next_page:
        answer["next_page_token"] = found.next_page
    if found.debug is not None:
        answer["debug_info"] = dict(found.debug)
    return answer


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


def _token(place: Place) -> str:
    kept = asdict(replace(place, query=replace(place.query, facets=())))
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()


async def _reranked(
    found: Ranked, want: Query, reranker: Reranker, ask: Ask, debug: dict[str, Any]
) -> Ranked:
    """The first results in the order of the reranker, with its scores; the others go."""
    began = time.perf_counter()
    first = found.taken(range(len(found.scores))[: Reranker.FIRST])
    texts, query = rerank.passages(first.rows, reranker.columns), str(want.query_text)
    if reranker.endpoint and texts:
        answer = await ask(reranker.endpoint, rerank.asked_of_model(query, texts))
        scores = rerank.answered(answer, len(texts))
    else:
        scores = await asyncio.to_thread(rerank.scores, query, texts)
    debug["reranker"] = reranker.endpoint or rerank.SAYS
    debug["reranker_time"] = round((time.perf_counter() - began) * 1000, 3)
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    return first.taken(order, [scores[at] for at in order])


def _sorted(found: Ranked, sorting: Sequence[Sorting]) -> Ranked:
    return found.taken(arranging.in_order(found.rows, sorting)) if sorting else found
