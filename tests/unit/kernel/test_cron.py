"""Quartz cron expressions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from brickyard.workspace.kernel.cron import BadCron, Cron

MONDAY = datetime(2026, 11, 23, 6, 30, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("0 30 6 * * ?", True),
        ("0 30 6 ? * MON-FRI", True),
        ("0 30 6 ? * 2", True),
        ("0 30 6 ? * SUN", False),
        ("0 0/15 * * * ?", True),
        ("0 0/20 * * * ?", False),
        ("* * * * NOV ? 2026", True),
        ("0 30 6 1,23 * ?", True),
        ("0 30 20-7 * * ?", True),
        ("0 30 6 ? * MON#4", True),
        ("0 30 6 ? * 2#3", False),
        ("0 30 6 ? * MONL", False),
        ("0 30 6 L-7 * ?", True),
        ("0 30 6 L * ?", False),
        ("0 30 6 22W * ?", True),
        ("0 30 6 23W * ?", True),
        ("0 30 6 LW * ?", False),
    ],
)
def test_an_expression_holds_at_its_moments(text: str, holds: bool) -> None:
    assert Cron(text).holds(MONDAY) is holds


@pytest.mark.parametrize(
    "text", ["* * * * *", "0 61 * * * ?", "0 0 0 C * ?", "0 0 0 * * *", "0 0 0 ? * ?"]
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BadCron):
        Cron(text)
