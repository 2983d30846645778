"""What may be said of a saved query, and what its parameters stand for."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.queries.settings import complete, masked, values

NOW = datetime.datetime(2026, 3, 1, 8, 5, 9, tzinfo=datetime.UTC)
MANY = {"prefix": "<", "suffix": ">", "separator": ";"}


@pytest.mark.parametrize(
    ("parameter", "found"),
    [
        ({"text_value": {"value": "x"}}, {"p": "x"}),
        ({"numeric_value": {"value": 3}}, {"p": "3"}),
        ({"numeric_value": {"value": 0.5}}, {"p": "0.5"}),
        ({"date_value": {"date_value": "2026-01-01"}}, {"p": "2026-01-01"}),
        ({"date_value": {"dynamic_date_value": "YESTERDAY"}}, {"p": "2026-02-28"}),
        (
            {"date_value": {"dynamic_date_value": "NOW", "precision": "MINUTE_PRECISION"}},
            {"p": "2026-03-01 08:05"},
        ),
        (
            {"date_range_value": {"date_range_value": {"start": "a", "end": "b"}}},
            {"p.start": "a", "p.end": "b"},
        ),
        ({"enum_value": {"values": ["a", "b"]}}, {"p": "a"}),
        ({"enum_value": {"values": ["a", "b"], "multi_values_options": MANY}}, {"p": "<a>;<b>"}),
        ({"query_backed_value": {"query_id": "q", "values": ["v"]}}, {"p": "v"}),
        ({"enum_value": {"enum_options": "a\nb"}}, {}),
        ({}, {}),
    ],
)
def test_a_parameter_stands_for_its_value(parameter: Any, found: dict[str, str]) -> None:
    assert values({"parameters": [{"name": "p", **parameter}]}, NOW) == found


@pytest.mark.parametrize(
    "given",
    [
        {"display_name": "a/b"},
        {"parameters": [{"name": "p"}, {"name": "p"}]},
        {"parameters": [{}]},
        {"run_as_mode": "SOMEBODY"},
        {"tags": "a"},
    ],
)
def test_what_cannot_be_is_refused(given: Any) -> None:
    with pytest.raises(ApiError):
        complete(given)


def test_a_mask_says_what_changes() -> None:
    before = complete({"display_name": "q", "query_text": "SELECT 1", "tags": ["a"]})
    assert masked(before, {"tags": ["b"], "query_text": "no"}, "tags")["tags"] == ["b"]
    assert masked(before, {}, "tags, query_text") == {"display_name": "q", "query_text": ""}
    assert masked(before, {"display_name": "r"}, "*") == {"display_name": "r", "query_text": ""}
    for mask in ("", "id", "parent_path"):
        with pytest.raises(ApiError, match="update_mask"):
            masked(before, {}, mask)
