"""The patterns of SHOW and of `spark.catalog`."""

from __future__ import annotations

import pytest

from brickyard.workspace.spark.commands.namespaces import like


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("orders", "", True),
        ("orders", "ord*", True),
        ("orders", "Orders", True),
        ("orders", "ord", False),
        ("orders", "items | ord*", True),
        ("gold_orders", "gold.orders", True),  # what a client makes of LIKE's "_"
        ("gold_orders", "gold.rders", False),
        ("orders", "ord%", True),
        ("a+b", "a+b", True),
        ("aab", "a+b", False),
    ],
)
def test_a_name_fits(name: str, pattern: str, fits: bool) -> None:
    assert like(name, pattern) is fits
