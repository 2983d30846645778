"""Whether the result of a query sets an alert off."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from brickyard.workspace.alerts.evaluation import CannotEvaluate, state_of


def judged(
    values: list[Any], operator: str, threshold: Any = None, aggregation: str = "", **more: Any
) -> str:
    source = {"name": "X", **({"aggregation": aggregation} if aggregation else {})}
    kinds = {bool: "bool_value", float: "double_value", str: "string_value"}
    against = threshold if isinstance(threshold, dict) else {"value": {}}
    if type(threshold) in kinds:
        against = {"value": {kinds[type(threshold)]: threshold}}
    told = {"source": source, "comparison_operator": operator, "threshold": against}
    return state_of({"x": values, "y": [5] * len(values)}, {**told, **more})


@pytest.mark.parametrize(
    ("value", "operator", "threshold", "state"),
    [
        (6, "GREATER_THAN", 5.0, "TRIGGERED"),
        (5, "GREATER_THAN", 5.0, "OK"),
        (5, "GREATER_THAN_OR_EQUAL", 5.0, "TRIGGERED"),
        (4.5, "LESS_THAN", 5.0, "TRIGGERED"),
        (5, "LESS_THAN_OR_EQUAL", 4.0, "OK"),
        (Decimal("0.1"), "EQUAL", 0.1, "TRIGGERED"),
        ("7", "EQUAL", 7.0, "TRIGGERED"),
        ("a", "NOT_EQUAL", "b", "TRIGGERED"),
        (True, "EQUAL", True, "TRIGGERED"),
        ("true", "EQUAL", True, "TRIGGERED"),
        (date(2026, 1, 2), "GREATER_THAN", "2026-01-01", "TRIGGERED"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "LESS_THAN", "2026-01-02T03:00:01", "TRIGGERED"),
        (None, "GREATER_THAN", 5.0, "OK"),
        (None, "NOT_EQUAL", 5.0, "OK"),
        (None, "IS_NULL", None, "TRIGGERED"),
        (1, "IS_NULL", None, "OK"),
        (1, "IS_NOT_NULL", None, "TRIGGERED"),
        (float("inf"), "GREATER_THAN", 5.0, "TRIGGERED"),
    ],
)
def test_the_first_row_is_compared(value: Any, operator: str, threshold: Any, state: str) -> None:
    assert judged([value, 0], operator, threshold) == state


@pytest.mark.parametrize(
    ("aggregation", "result"),
    [
        ("COUNT", 4.0),
        ("COUNT_DISTINCT", 3.0),
        ("MIN", 1.0),
        ("MAX", 4.0),
        ("SUM", 8.0),
        ("AVG", 2.0),
        ("MEDIAN", 1.5),
    ],
)
def test_an_aggregate_is_over_all_rows_without_nulls(aggregation: str, result: float) -> None:
    assert judged([1, None, 4, 2, 1], "EQUAL", result, aggregation) == "TRIGGERED"


def test_the_spread_of_values_is_a_samples() -> None:
    assert judged([1, 3], "GREATER_THAN", 1.41, "STDDEV") == "TRIGGERED"
    assert judged([1, 3], "LESS_THAN", 1.42, "STDDEV") == "TRIGGERED"
    assert judged([1], "GREATER_THAN", 0.0, "STDDEV") == "OK"


def test_another_column_may_be_the_threshold() -> None:
    against = {"column": {"name": "y", "aggregation": "SUM"}}
    assert judged([11, 0], "GREATER_THAN", threshold=against) == "TRIGGERED"


def test_an_empty_result_has_the_state_that_was_chosen_for_it() -> None:
    assert judged([], "EQUAL", 1.0, empty_result_state="TRIGGERED") == "TRIGGERED"
    assert judged([], "EQUAL", 1.0) == "UNKNOWN"


@pytest.mark.parametrize(
    ("values", "threshold", "aggregation", "said"),
    [(["a"], 1.0, "", "not both numbers"), (["a"], 1.0, "SUM", "SUM of column X")],
)
def test_what_does_not_fit_is_said(
    values: list[Any], threshold: Any, aggregation: str, said: str
) -> None:
    with pytest.raises(CannotEvaluate, match=said):
        judged(values, "GREATER_THAN", threshold, aggregation)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    told = {"source": {"name": "z"}, "comparison_operator": "IS_NULL"}
    with pytest.raises(CannotEvaluate, match="no column z; it has x, y"):
        state_of({"x": [1], "y": [1]}, told)
