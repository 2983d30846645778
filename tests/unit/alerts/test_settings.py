"""What may be said of an alert, and what an update mask changes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.workspace.alerts.file import written
from brickyard.workspace.alerts.settings import complete, masked
from brickyard.workspace.kernel import ApiError

ALERT: dict[str, Any] = {
    "display_name": "Low",
    "query_text": "SELECT 1 AS x\n",
    "warehouse_id": "abc",
    "parent_path": "/Workspace/Shared",
    "evaluation": {
        "source": {"name": "x"},
        "comparison_operator": "LESS_THAN",
        "threshold": {"value": {"double_value": 0}},
        "notification": {"subscriptions": [{"user_email": "a@example.com"}]},
    },
    "schedule": {"quartz_cron_schedule": "0 0 9 * * ?", "timezone_id": "UTC"},
}


def test_an_alert_is_kept_as_it_was_given() -> None:
    assert complete(ALERT) == ALERT
    assert complete({**ALERT, "id": "x", "lifecycle_state": "ACTIVE", "parameters": None}) == ALERT


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"query_text": " "}, "query_text is required"),
        ({"schedule": {"quartz_cron_schedule": "often", "timezone_id": "UTC"}}, "Invalid quartz"),
        (
            {"schedule": {"quartz_cron_schedule": "0 0 9 * * ?", "timezone_id": "Moon"}},
            "no time zone 'Moon'",
        ),
        (
            {"evaluation": {"source": {"name": "x"}, "comparison_operator": "EQUAL"}},
            "must have exactly one of",
        ),
        ({"evaluation": {"source": {}, "comparison_operator": "?"}}, "source.name is required"),
    ],
)
def test_what_is_wrong_with_it_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError, match=said):
        complete({**ALERT, **changes})


def test_a_mask_names_what_changes() -> None:
    given = {"evaluation": {"threshold": {"value": {"double_value": 7.0}}}, "query_text": "?"}
    after = masked(ALERT, given, "evaluation.threshold.value,custom_summary")
    assert after["evaluation"]["threshold"] == {"value": {"double_value": 7.0}}
    assert after["evaluation"]["source"] == {"name": "x"}
    assert (after["query_text"], after["custom_summary"]) == (ALERT["query_text"], None)
    assert ALERT["evaluation"]["threshold"]["value"] == {"double_value": 0}


def test_a_star_stands_for_all_but_the_folder() -> None:
    given = {"display_name": "New", "parent_path": "/elsewhere"}
    assert masked(ALERT, given, "*") == {"display_name": "New", "parent_path": "/Workspace/Shared"}
    assert masked(ALERT, given, "parent_path,id") == ALERT


@pytest.mark.parametrize("mask", ["", "nothing", "evaluation.nothing", "query_text.x", "schedule."])
def test_a_mask_of_no_such_field_is_refused(mask: str) -> None:
    with pytest.raises(ApiError, match="update_mask"):
        masked(ALERT, {}, mask)


def test_its_file_has_the_query_in_lines() -> None:
    text = written({**ALERT, "query_text": "SELECT\n1\n", "custom_description": "a"}).decode()
    file = json.loads(text)
    assert (file["query_lines"], file["custom_description_lines"]) == (["SELECT", "1"], ["a"])
    assert list(file["evaluation"]) == [
        "source", "comparison_operator", "threshold", "notification"
    ]  # fmt: skip
    assert file["evaluation"]["notification"]["notify_on_ok"] is False
    assert "display_name" not in file
