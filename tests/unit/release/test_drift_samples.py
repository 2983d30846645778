"""How columns are sampled: whole where they are small, else each row with the same chance."""

from __future__ import annotations

from brickyard.release.drift.data import SAMPLE, sample_statement


def test_a_small_column_is_fetched_whole() -> None:
    assert sample_statement("t", "`x`", SAMPLE) == "SELECT `x` AS v FROM t WHERE `x` IS NOT NULL"


def test_of_a_large_one_each_row_has_the_same_chance() -> None:
    statement = sample_statement("t VERSION AS OF 3", "`x`", 4 * SAMPLE)
    assert statement.endswith("`x` IS NOT NULL AND rand() < 0.250000000000")
    assert "ORDER BY" not in statement  # the first of an order are no fair sample
