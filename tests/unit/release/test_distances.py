"""Distances between samples, against SciPy where it is there and by hand where it is not."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from brickyard.release.distances import chi2_pvalue, ks_pvalue, of_numbers, of_texts


def sample(mean: float, count: int, seed: int) -> list[float]:
    drawn = random.Random(seed)
    return [drawn.gauss(mean, 1.0) for _ in range(count)]


def test_the_same_sample_is_at_no_distance() -> None:
    found = of_numbers(sample(0, 500, 1), sample(0, 500, 1))
    assert found == {
        "psi": 0.0,
        "tv": 0.0,
        "js": 0.0,
        "ks": 0.0,
        "ks_pvalue": 1.0,
        "wasserstein": 0.0,
    }


def test_a_shift_is_seen_and_noise_is_not() -> None:
    base = sample(0, 2000, 1)
    noise, shift = of_numbers(base, sample(0, 2000, 2)), of_numbers(base, sample(0.5, 2000, 3))
    assert noise["psi"] < 0.05
    assert shift["psi"] > 0.2
    assert noise["ks_pvalue"] > 0.05
    assert shift["ks_pvalue"] < 0.001
    assert shift["wasserstein"] == pytest.approx(0.5, abs=0.1)


def test_the_numbers_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    old, new = sample(0, 300, 1), sample(0.2, 200, 2)
    found, theirs = of_numbers(old, new), stats.ks_2samp(old, new)
    assert found["ks"] == pytest.approx(theirs.statistic)
    assert found["ks_pvalue"] == pytest.approx(theirs.pvalue, abs=0.01)
    assert found["wasserstein"] == pytest.approx(stats.wasserstein_distance(old, new))
    table = [(30, 20), (50, 70), (20, 10), (0, 5)]
    theirs = stats.chi2_contingency([list(column) for column in zip(*table, strict=True)])
    assert chi2_pvalue(table) == pytest.approx(theirs.pvalue, rel=1e-6)


def test_index_by_hand() -> None:
    # Shares 0.5/0.5 against 0.8/0.2: 0.3 ln 1.6 + 0.3 ln 2.5.
    found = of_texts({"a": 50, "b": 50}, {"a": 80, "b": 20})
    assert found["psi"] == pytest.approx(0.41589, abs=1e-4)
    assert found["tv"] == pytest.approx(0.3)


def test_a_value_that_is_new_counts() -> None:
    found = of_texts(Counter("aaab"), Counter("aaac"))
    assert found["tv"] == pytest.approx(0.25)
    assert 0 < found["js"] < 1


def test_nothing_has_no_distance() -> None:
    assert of_numbers([], [1.0]) == {}
    assert of_texts({}, {"a": 1}) == {}
    assert of_numbers([1.0, 1.0], [1.0])["ks"] == 0.0
    assert ks_pvalue(0.0, 5, 5) == 1.0
