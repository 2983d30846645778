from __future__ import annotations

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.pipelines.filters import Condition, like, read_filter

FIELDS = ("level", "timestamp", "update_id")


def test_conditions_are_joined_by_and() -> None:
    text = (
        "level in ('WARN', 'ERROR') AND timestamp>'2021-07-22T06:37:33.083Z' and update_id='a''b'"
    )
    assert read_filter(text, FIELDS) == (
        Condition("level", "IN", ("WARN", "ERROR")),
        Condition("timestamp", ">", ("2021-07-22T06:37:33.083Z",)),
        Condition("update_id", "=", ("a'b",)),
    )
    assert read_filter("  ", FIELDS) == ()


@pytest.mark.parametrize(
    "text", ["level", "level = ERROR", "level='A' OR level='B'", "colour='red'", "level='A' AND"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match="Invalid filter"):
        read_filter(text, FIELDS)


def test_like_knows_its_two_wildcards() -> None:
    assert like("%shop_ing%").fullmatch("my shopping.list")
    assert not like("shop.ing").fullmatch("shopping")
