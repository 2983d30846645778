"""Conditions on many rows: an index of values finds what a look at every row finds."""

from __future__ import annotations

import asyncio
import datetime
import json
import random
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from brickyard.workspace.vector_search import answer, filters, search
from brickyard.workspace.vector_search.rows import Rows, is_of_values
from brickyard.workspace.vector_search.search import FULL_TEXT, Query

ROWS = 1200
KINDS = ["red", "blue", "it's", "", "é", None]
PRICES = [None, float("nan"), 0.0, -0.0, 1.5, 2.0, -3.25]
DAYS = [None, datetime.date(2024, 1, 1), datetime.date(2025, 5, 5)]
COLUMNS = ("id", "kind", "price", "day")
ATOMS = (
    "kind = 'red'", "kind IN ('red', 'blue')", "kind NOT IN ('red')", "kind <> 'blue'",
    "kind IS NULL", "NOT kind IS NULL", "kind > 'blue'", "kind LIKE 'i%'", "kind = 'it''s'",
    "price < 1.5", "price >= 0", "price = 0", "price BETWEEN -5 AND 1.5", "price IS NULL",
    "price NOT IN (1.5)", "id < 50", "id IN (1, 2, 1000, 1250)", "day = date '2024-01-01'",
    "day > date '2024-06-01'",
)  # fmt: skip


def some(rng: random.Random, first: int, end: int) -> Any:
    many = range(first, end)
    return pa.table(
        {
            "id": pa.array(many, pa.int64()),
            "kind": pa.array([rng.choice(KINDS) for _ in many], pa.string()),
            "price": pa.array([rng.choice(PRICES) for _ in many], pa.float64()),
            "day": pa.array([rng.choice(DAYS) for _ in many], pa.date32()),
        }
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Rows]:
    """Twice the same rows, the second with indexes; later ones are in no index."""
    made = []
    for name in ("plain", "indexed"):
        rng = random.Random(0)
        rows = Rows(tmp_path_factory.mktemp(name), "id", threading.Lock())
        first = some(rng, 0, ROWS)
        rows.create(first.schema)
        rows.upsert(first)
        if name == "indexed":
            rows.index_values(COLUMNS)
            rows.index_words(["kind"])
            rows.index_values(COLUMNS)
        rows.upsert(some(rng, ROWS - 100, ROWS + 100))
        rows.delete(list(range(0, ROWS, 7)))
        made.append(rows)
    return made[0], made[1]


def condition(rng: random.Random, depth: int = 0) -> str:
    chance = rng.random()
    if depth > 2 or chance < 0.4:
        return rng.choice(ATOMS)
    if chance < 0.6:
        return f"NOT ({condition(rng, depth + 1)})"
    joined = rng.choice(("AND", "OR"))
    return f"({condition(rng, depth + 1)}) {joined} ({condition(rng, depth + 1)})"


@pytest.mark.belief
@pytest.mark.parametrize("tidy", [False, True])
def test_every_condition_finds_the_same_rows(pair: tuple[Rows, Rows], tidy: bool) -> None:
    plain, indexed = pair
    if tidy:
        plain.settle(1, "")
        indexed.settle(1, "")
    rng = random.Random(1)
    for where in (*ATOMS, *(condition(rng) for _ in range(80))):
        found, known = (sorted(one.read(["id"], where)["id"].to_pylist()) for one in pair)
        assert found == known, where


@pytest.mark.belief
def test_a_query_makes_the_indexes_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(tmp_path, "id", threading.Lock())
    first = some(random.Random(2), 0, ROWS)
    rows.create(first.schema)
    rows.upsert(first)
    want = Query(
        columns=("id",),
        query_text="red blue",
        query_type=FULL_TEXT,
        num_results=ROWS,
        filters_json=json.dumps({"price <": 1.75, "id >=": 100, "kind NOT": "blue"}),
    )

    async def ask(name: str, body: Any) -> Any:
        raise AssertionError

    def found() -> Any:
        return asyncio.run(answer.page(rows, want, vector="", numbers=None, ask=ask)).rows

    def indexed() -> set[str]:
        listed = rows.table().list_indices()
        return {name for one in listed if is_of_values(one) for name in one.columns}

    before = found()
    assert before
    assert not indexed()  # few rows are quickly looked through
    monkeypatch.setattr(search, "FROM", 1000)
    assert sorted(found()) == sorted(before)
    assert indexed() == {"price", "id"}
    assert sorted(found()) == sorted(before)


@pytest.mark.documented
@pytest.mark.parametrize("indexed", [False, True])
def test_dates_are_compared_with_text(pair: tuple[Rows, Rows], indexed: bool) -> None:
    kinds = {"id": "bigint", "day": "date"}
    for given, where in (
        ({"day": "2024-01-01"}, "day = date '2024-01-01'"),
        ({"day >": "2024-06-01"}, "day > date '2024-06-01'"),
        ({"day NOT": ["2024-01-01"]}, "day <> date '2024-01-01'"),
    ):
        rows = pair[indexed]
        said = filters.from_json(json.dumps(given), kinds)
        found = sorted(rows.read(["id"], said)["id"].to_pylist())
        assert found
        assert found == sorted(rows.read(["id"], where)["id"].to_pylist())
    between = filters.from_text("day BETWEEN '2024-06-01' AND '2026-01-01'", kinds)
    late = sorted(rows.read(["id"], between)["id"].to_pylist())
    assert late == sorted(rows.read(["id"], "day > date '2024-06-01'")["id"].to_pylist())
