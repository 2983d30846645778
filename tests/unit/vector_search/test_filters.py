"""Filters of queries become conditions over the index's columns, or are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.vector_search import answer, embedding, search
from brickyard.workspace.vector_search.definition import direct_columns, normalized_schema
from brickyard.workspace.vector_search.filters import from_json, from_text
from brickyard.workspace.vector_search.rerank import Reranker

COLUMNS = {
    "id": "bigint",
    "title": "string",
    "my col": "double",
    "a OR b": "boolean",
    "x LIKE": "string",
    "day": "date",
    "at": "timestamp",
}


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"id": 5}, "(`id` IN (5))"),
        ({"id": [1, 2], "title NOT": "it's"}, "(`id` IN (1, 2)) AND (`title` NOT IN ('it''s'))"),
        ({"id >=": 2.5}, "(`id` >= 2.5)"),
        ({"id OR title": [1, "x"]}, "((`id` IN (1)) OR (`title` IN ('x')))"),
        (
            {"title like": "a_b"},
            r"((`title` LIKE '%a\_b%' AND (' ' || `title` || ' ') LIKE '% a\_b %'))",
        ),
        ({"my col <": 1, "a OR b": True}, "(`my col` < 1) AND (`a OR b` IN (true))"),
        ({"x LIKE": "word"}, "(`x LIKE` IN ('word'))"),
        ({"day >=": "2024-02-29"}, "(`day` >= date '2024-02-29')"),
        (
            {"day": ["2024-01-01", "2025-01-01T12:00:00Z"]},
            "(`day` IN (date '2024-01-01', date '2025-01-01'))",
        ),
        ({"at <": "2024-01-01T02:30:00+02:00"}, "(`at` < timestamp '2024-01-01 00:30:00')"),
        ({"at NOT": "2024-01-01"}, "(`at` NOT IN (timestamp '2024-01-01 00:00:00'))"),
    ],
)
def test_an_object_becomes_a_condition(given: Any, condition: str) -> None:
    assert from_json(json.dumps(given), COLUMNS) == condition


@pytest.mark.parametrize(
    "given",
    ['{"nope": 1}', "[]", "{", '{"id": null}', '{"id": {}}', '{"id <": [1, 2]}', '{"id": []}',
     '{"id OR title": [1]}', '{"id` = 1 OR `id": 1}', '{"day": "today"}', '{"at <": "2024-13-01"}'],
)  # fmt: skip
def test_an_object_that_is_no_filter_is_refused(given: str) -> None:
    with pytest.raises(ApiError):
        from_json(given, COLUMNS)


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ('title = "x" AND NOT id IN (1, 2)', "`title` = 'x' AND NOT `id` IN (1, 2)"),
        ("day > '2024-01-01'", "`day` > CAST('2024-01-01' AS DATE)"),
        ("day >= DATE '2024-01-01'", "`day` >= CAST('2024-01-01' AS DATE)"),
        (
            "'2024-01-01T00:00:00Z' < at AND title = '2024-01-01'",
            "CAST('2024-01-01 00:00:00' AS TIMESTAMP) < `at` AND `title` = '2024-01-01'",
        ),
        (
            "day BETWEEN '2024-01-01' AND '2024-12-31'",
            "`day` BETWEEN CAST('2024-01-01' AS DATE) AND CAST('2024-12-31' AS DATE)",
        ),
        (
            "NOT day IN ('2024-01-01', '2024-12-31')",
            "NOT `day` IN (CAST('2024-01-01' AS DATE), CAST('2024-12-31' AS DATE))",
        ),
    ],
)
def test_a_text_becomes_a_condition(given: str, condition: str) -> None:
    assert from_text(given, COLUMNS) == condition


@pytest.mark.parametrize(
    "given",
    ["nope = 1", "t.id = 1", "id = 1; SELECT 1", "id IN (SELECT 1)", "upper(title) = 'X'", "id =",
     "SELECT 1", "id = 1 -- x\n OR sleep(1) = 1", "day = 'today'", "CAST(id AS DATE) = day",
     "id = CAST('1' AS INT)"],
)  # fmt: skip
def test_a_text_that_does_more_than_compare_is_refused(given: str) -> None:
    with pytest.raises(ApiError):
        from_text(given, COLUMNS)


def test_a_page_token_comes_back_as_it_was_and_another_is_refused() -> None:
    want = search.Query(
        columns=("id",), query_text="x", num_results=2000, reranker=Reranker.of(("title",))
    )
    place = answer.Place(query=want, numbers=(1.0,), start=1000)
    assert answer.opened(answer._token(place)) == place
    without = answer._token(replace(place, numbers=None))
    for wrong in ("", "x", "e30=", "bnVsbA==", without):
        with pytest.raises(ApiError):
            answer.opened(wrong)


def test_vectors_are_found_in_answers_of_both_forms() -> None:
    openai: Any = {"data": [{"embedding": [1]}, {"embedding": [2]}]}
    for given in (openai, {"predictions": [[1], [2]]}, {"predictions": openai}):
        assert embedding._vectors(given) == [[1.0], [2.0]]
    for given in ({"predictions": ["x"]}, {"predictions": [[]]}, [], {"data": [{}]}):
        assert embedding._vectors(given) is None


def test_a_schema_is_written_as_the_service_writes_it() -> None:
    columns = direct_columns('{"v": "array<FLOAT>", "id": "integer", "n": "long"}')
    assert normalized_schema(columns) == '{"id":"int","n":"bigint","v":"array<float>"}'
    for wrong in ("", "[]", "{}", '{"a": "map<int>"}', '{"a": 1}', '{"a": "array<array<int>>"}'):
        with pytest.raises(ApiError):
            direct_columns(wrong)
