"""The paired test: what it finds worse, what it does not, and when it says that it can't say."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from brickyard.release.paired_test import NotComparable, compare, p_of_worse


def examples(*values: float | bool) -> dict[str, dict[str, float | bool]]:
    return {f"e{at}": {"m": value} for at, value in enumerate(values)}


def test_the_exact_sign_test_for_right_and_wrong() -> None:
    # Five of five changed for the worse: one pattern of thirty-two.
    assert p_of_worse([-1, -1, -1, -1, -1, 0, 0]) == pytest.approx(1 / 32)
    # As often better as worse is no evidence.
    assert p_of_worse([-1, 1, -1, 1]) == pytest.approx(11 / 16)
    assert p_of_worse([0, 0, 0]) == 1.0


def test_every_pattern_is_counted_where_differences_vary() -> None:
    # Of the 8 sign patterns of 1, 2, 4 only one sums to -7.
    assert p_of_worse([-1.0, -2.0, -4.0]) == pytest.approx(1 / 8)
    assert p_of_worse([1.0, -2.0, -4.0]) == pytest.approx(2 / 8)


@pytest.mark.parametrize("shift", [-0.3, 0.0, 0.3])
def test_drawn_patterns_agree_with_scipy(shift: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    drawn = random.Random(7)
    differences = [drawn.gauss(shift, 1.0) for _ in range(60)]

    def mean(values: Sequence[float], axis: int) -> object:
        return values.mean(axis=axis)  # type: ignore[attr-defined]

    theirs = stats.permutation_test(
        (differences,),
        mean,
        permutation_type="samples",
        alternative="less",
        n_resamples=20_000,
        vectorized=True,
        random_state=1,
    )
    assert p_of_worse(differences) == pytest.approx(theirs.pvalue, abs=0.015)
    assert p_of_worse(differences) == p_of_worse(differences)


def test_significantly_worse_closes_and_noise_does_not() -> None:
    live = examples(*[True] * 20)
    assert compare("m", examples(*[True] * 12, *[False] * 8), live).is_worse
    assert not compare("m", examples(*[True] * 18, *[False] * 2), live).is_worse
    assert not compare("m", examples(*[True] * 20), live).is_worse


def test_a_margin_holds_whatever_the_significance() -> None:
    live = examples(*[True] * 20)
    new = examples(*[True] * 17, *[False] * 3)
    assert not compare("m", new, live).is_worse
    assert compare("m", new, live, margin=0.1).is_worse
    assert not compare("m", new, live, margin=0.15).is_worse


def test_for_seconds_lower_is_better() -> None:
    live, new = examples(*[1.0] * 8), examples(*[2.0] * 8)
    assert compare("m", new, live, lower_is_better=True).is_worse
    assert not compare("m", live, new, lower_is_better=True).is_worse


def test_only_shared_examples_count_and_lists_have_ids() -> None:
    live = [{"id": f"e{at}", "m": 1} for at in range(10)]
    found = compare("m", examples(*[1.0] * 6), live)
    assert (found.examples, found.change) == (6, 0.0)
    assert "6 of 10 examples" in str(found)


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), "timed out"])
def test_losing_the_hard_examples_is_no_way_to_pass(nothing: object) -> None:
    live = examples(*[1.0] * 20)
    new = {name: {"m": 1.0 if at < 12 else nothing} for at, name in enumerate(live)}
    with pytest.raises(NotComparable, match="no number for 8 examples"):
        compare("m", new, live)


@pytest.mark.parametrize(
    ("new", "live", "why"),
    [
        ({}, examples(1.0), "left no examples"),
        (None, examples(1.0), "left no examples"),
        (examples(1.0), {"other": {"m": 1.0}}, "shares no example"),
        (examples(*[1.0] * 4), examples(*[1.0] * 4), "5 are the least"),
        (examples(*[float("nan")] * 9), examples(*[1.0] * 9), "left no examples"),
    ],
)
def test_what_can_not_be_compared_says_why(new: object, live: object, why: str) -> None:
    with pytest.raises(NotComparable, match=why):
        compare("m", new, live)
