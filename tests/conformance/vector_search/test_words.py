"""Queries by words: each row is worth what LanceDB's search over all columns at once says; and by
words and a vector, whose rows are read when their places in both lists are known."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lancedb.query import MultiMatchQuery

from brickyard.workspace.vector_search import answer
from brickyard.workspace.vector_search.rows import Rows
from brickyard.workspace.vector_search.search import FULL_TEXT, HYBRID, Query, Ranked, _Search

ROWS = 600
WORDS = [f"w{number}" for number in range(200)]
TEXTS = ("title", "body")
FILTER = json.dumps({"id >=": 300})


def some(rng: random.Random, first: int, end: int) -> Any:
    def text() -> str:
        frequent = WORDS[: rng.randint(1, len(WORDS))]
        return " ".join(rng.choice(frequent) for _ in range(rng.randint(1, 25)))

    many = range(first, end)
    columns = {name: [text() for _ in many] for name in TEXTS}
    return pa.table({"id": pa.array(many, pa.int64()), **columns})


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Rows with indexes of words; some came later, some went."""
    rng = random.Random(0)
    made = Rows(tmp_path_factory.mktemp("words"), "id", threading.Lock())
    first = some(rng, 0, ROWS)
    made.create(first.schema)
    made.upsert(first)
    made.index_words(TEXTS)
    made.upsert(some(rng, ROWS - 50, ROWS + 100))
    made.delete(list(range(0, ROWS, 7)))
    return made


def found(rows: Rows, words: str, many: int, filters: str | None) -> list[Any]:
    want = Query(
        columns=("id",),
        query_text=words,
        query_type=FULL_TEXT,
        num_results=many,
        filters_json=filters,
    )

    async def ask(name: str, body: Any) -> Any:
        raise AssertionError

    return [*asyncio.run(answer.page(rows, want, vector="", numbers=None, ask=ask)).rows]


@pytest.mark.belief
@pytest.mark.parametrize("filters", [None, FILTER])
@pytest.mark.parametrize(
    "words", ["w0", "w0 w1", "w0 w3 w150", "w199", "w0 of no row", "W1, w2!", "nothing"]
)
def test_words_find_what_all_columns_together_hold(
    rows: Rows, words: str, filters: str | None
) -> None:
    query = rows.table().search(MultiMatchQuery(words, list(TEXTS)), query_type="fts")
    query = query.where("id >= 300", prefilter=True) if filters else query
    held = query.limit(2 * ROWS).select(["id", "_score"]).to_arrow().to_pylist()
    worth = {row["id"]: row["_score"] for row in held}
    everything = found(rows, words, 2 * ROWS, filters)
    assert dict(everything) == pytest.approx(worth)
    assert len(everything) == len(worth)
    first = found(rows, words, 10, filters)
    scores = [score for _, score in first]
    assert scores == pytest.approx(sorted(worth.values(), reverse=True)[:10])
    assert dict(first) == pytest.approx({id: worth[id] for id, _ in first})


@pytest.mark.belief
def test_an_index_without_rows_has_no_words(tmp_path: Path) -> None:
    empty = Rows(tmp_path, "id", threading.Lock())
    empty.create(some(random.Random(0), 0, 1).schema)
    assert found(empty, "w0", 10, None) == []


SIZE = 4


def pointing(rng: random.Random, first: int, end: int) -> Any:
    points = [[rng.random() for _ in range(SIZE)] for _ in range(first, end)]
    kind = pa.list_(pa.float32(), SIZE)
    return some(rng, first, end).append_column("vector", pa.array(points, kind))


def both(rows: Rows, many: int, filters: str | None = None) -> list[Any]:
    want = Query(
        columns=("id", "body"),
        query_text="w0 w3",
        query_type=HYBRID,
        num_results=many,
        filters_json=filters,
    )

    async def ask(name: str, body: Any) -> Any:
        raise AssertionError

    numbers = [0.5] * SIZE
    return [*asyncio.run(answer.page(rows, want, vector="vector", numbers=numbers, ask=ask)).rows]


@pytest.mark.belief
def test_words_and_a_vector_show_rows_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(1)
    rows = Rows(tmp_path, "id", threading.Lock())
    first = pointing(rng, 0, ROWS)
    rows.create(first.schema)
    rows.upsert(first)
    read, writes = _Search._read, [False]
    seen: list[Ranked | None] = []

    async def reads(self: _Search, found: Ranked) -> Ranked | None:
        if any(writes):
            await asyncio.to_thread(rows.table().optimize)
        seen.append(await read(self, found))
        return seen[-1]

    monkeypatch.setattr(_Search, "_read", reads)
    assert len(both(rows, 20)) == 20
    rows.upsert(pointing(rng, 0, ROWS // 2))
    rows.delete(list(range(0, ROWS, 5)))
    bodies = {row["id"]: row["body"] for row in rows.read(["id", "body"]).to_pylist()}
    found = both(rows, 20)
    assert [body for _, body, _ in found] == [bodies[id] for id, _, _ in found]
    assert sorted((score for *_, score in found), reverse=True) == [score for *_, score in found]
    assert both(rows, 5, json.dumps({"id": -1})) == []
    assert None not in seen
    writes[0] = True
    found = both(rows, 20)
    assert seen[-1] is None  # they were not where they had been found
    assert [body for _, body, _ in found] == [bodies[id] for id, _, _ in found]
