from people import FAULTS, KEY, PEOPLE, RANGES
from rules import check


def test_every_fault_of_the_sample_is_found_and_nothing_else() -> None:
    assert {(one.row, one.column) for one in check(PEOPLE, RANGES, KEY)} == FAULTS


def test_rows_that_keep_the_rules_are_left_alone() -> None:
    assert check(PEOPLE[:1], RANGES, KEY) == []
