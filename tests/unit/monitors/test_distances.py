"""Distances between two distributions of a column, against what is known of them."""

from __future__ import annotations

import math

import pytest

from brickyard.workspace.monitors.distances import Distribution, distances
from brickyard.workspace.monitors.drift import compared


def numbers(*values: float, count: int = 0) -> Distribution:
    return Distribution(count=count or len(values), quantiles=sorted(values))


def texts(**counts: int) -> Distribution:
    return Distribution(count=sum(counts.values()), items=counts)


def test_the_same_is_at_no_distance() -> None:
    found = distances(numbers(*range(100)), numbers(*range(100)))
    assert found == {
        "ks_test": {"statistic": 0.0, "pvalue": 1.0},
        "wasserstein_distance": 0.0,
        "population_stability_index": 0.0,
    }
    found = distances(texts(a=5, b=5), texts(a=5, b=5))
    assert (found["chi_squared_test"], found["js_distance"]) == (
        {"statistic": 0.0, "pvalue": 1.0},
        0.0,
    )


def test_numbers_that_moved_are_as_far_as_they_moved() -> None:
    before = numbers(*range(100))
    moved = distances(numbers(*(one + 50 for one in range(100))), before)
    assert moved["wasserstein_distance"] == pytest.approx(50)
    assert moved["ks_test"]["statistic"] == pytest.approx(0.5)
    assert moved["ks_test"]["pvalue"] < 1e-10
    assert moved["population_stability_index"] > 1


def test_quantiles_of_many_values_are_tested_as_so_many_values() -> None:
    before = numbers(*range(1000))
    few = distances(numbers(*(one + 20 for one in range(1000))), before)
    many = distances(
        numbers(*(one + 20 for one in range(1000)), count=10**6),
        numbers(*range(1000), count=10**6),
    )
    assert many["ks_test"]["statistic"] == few["ks_test"]["statistic"] == pytest.approx(0.02)
    assert few["ks_test"]["pvalue"] > 0.9
    assert many["ks_test"]["pvalue"] < 1e-10


def test_shares_of_items() -> None:
    found = distances(texts(a=10, b=30), texts(a=30, b=10))
    assert found["tv_distance"] == pytest.approx(0.5)
    assert found["l_infinity_distance"] == pytest.approx(0.5)
    assert found["chi_squared_test"]["statistic"] == pytest.approx(20.0)
    assert found["population_stability_index"] == pytest.approx(math.log(3))
    apart = distances(texts(b=7), texts(a=7))
    assert apart["js_distance"] == pytest.approx(math.sqrt(math.log(2)))
    assert apart["tv_distance"] == 1


def test_what_is_rarer_than_the_most_frequent_counts_as_one_item() -> None:
    before = Distribution(count=10, items={"a": 6})
    assert distances(Distribution(count=10, items={"a": 1}), before)["tv_distance"] == (
        pytest.approx(0.5)
    )


def test_where_a_side_is_empty_nothing_is_said() -> None:
    assert distances(numbers(), numbers(1.0)) == {}
    assert distances(texts(a=1), Distribution(count=0, items={})) == {}
    assert distances(Distribution(count=3), Distribution(count=3)) == {}


def test_columns_that_filled_and_emptied_are_counted() -> None:
    nothing = {f"{side}_{name}": None for side in "ab" for name in ("quantiles", "frequent_items")}
    row = compared(
        {
            **nothing,
            "column_name": ":table",
            "a_count": 1,
            "b_count": 1,
            "a_non_null_columns": ["x", "y"],
            "b_non_null_columns": ["y", "z", "w"],
        }
    )
    assert row["non_null_columns_delta"] == {"added": 1, "missing": 2}
