"""What comes after a search: reranking, sorting, facets."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.vector_search import arranging, rerank
from brickyard.workspace.vector_search.arranging import Facet, Sorting

ROWS = pa.table(
    {
        "brand": ["x", "y", "x", None],
        "price": [3.0, 1.0, 2.0, 9.0],
        "new": [True, False, True, None],
    }
)


def test_a_passage_with_rare_words_of_the_query_close_together_comes_first() -> None:
    texts = [
        "the wall of the house",
        "a red house",
        "the brick is red and far away, in a garden, is some wall",
        "a red brick wall",
    ]
    scores = rerank.scores("red brick walls", texts)
    assert sorted(range(4), key=lambda at: -scores[at])[:2] == [3, 2]
    assert all(0 <= one <= 1 for one in scores)
    assert rerank.scores("red", ["nothing", "none"])[0] > rerank.scores("red", ["x", "y"])[1]
    assert rerank.scores("", ["text"]) == [0.1]


def test_a_passage_joins_columns_and_is_cut() -> None:
    rows = pa.table({"a": ["x" * 1990, None], "b": ["y" * 20, "only"]})
    first, second = rerank.passages(rows, ["a", "b"])
    assert (len(first), first[-9:], second) == (2000, "y" * 9, "only")


def test_results_are_sorted_by_columns_with_missing_values_last() -> None:
    wanted = arranging.sortings(["brand DESC", "price"])
    assert wanted == [
        Sorting(column="brand", is_falling=True),
        Sorting(column="price", is_falling=False),
    ]
    assert arranging.in_order(ROWS, wanted) == [1, 2, 0, 3]


def test_facets_count_values_and_ranges() -> None:
    wanted = arranging.facets(["brand", "new top 1", "price BUCKETS [[0,2],[3,10]]"])
    assert wanted[1] == Facet(column="new", top=1)
    assert arranging.counted(ROWS, wanted) == [
        ["brand", "x", "2"],
        ["brand", "y", "1"],
        ["new", "true", "2"],
        ["price", "[0,2]", "2"],
        ["price", "[3,10]", "2"],
    ]


@pytest.mark.parametrize(
    "given", [["a TOP 0"], ["a", "a TOP 3"], ["a BUCKETS [1]"], ["a BUCKETS [[1]"], [""]]
)
def test_facets_that_are_none_are_refused(given: list[str]) -> None:
    with pytest.raises(ApiError):
        arranging.facets(given)
