"""Gates: what opens them, and that what can't be computed never does."""

from __future__ import annotations

import pytest

from brickyard.release.requirements import RequirementFault, judge, parse_requirement


@pytest.mark.parametrize(
    ("limit", "value", "holds"),
    [
        (">= 0.8", 0.8, True),
        (">= 0.8", 0.79, False),
        ("<= 20", 20, True),
        ("> 0", 0, False),
        ("< 1e3", 999.5, True),
        ("== 1", 1, True),
        (">= 0.8", None, False),
        (">= 0.8", float("nan"), False),
        (">= 0.8", float("inf"), False),
        ("<= 0.8", float("-inf"), False),
        (">= 0.8", "0.9", False),
        (">= 0", True, False),
    ],
)
def test_a_requirement_holds_only_for_a_number_within_its_limit(
    limit: str, value: object, holds: bool
) -> None:
    (outcome,) = judge([parse_requirement("m", limit)], {"m": value})
    assert outcome.holds is holds


def test_a_missing_metric_closes_the_gate() -> None:
    requirement = parse_requirement("recall", ">= 0")
    assert not judge([requirement], {"precision": 1})[0].holds
    assert not judge([requirement], "nothing")[0].holds


@pytest.mark.parametrize("limit", ["0.8", "=> 1", ">= high", ""])
def test_a_limit_that_cannot_be_read_says_what_one_looks_like(limit: str) -> None:
    with pytest.raises(RequirementFault, match=r">= 0\.8"):
        parse_requirement("m", limit)
