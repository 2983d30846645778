"""What may be said of a quality monitor."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.monitors.settings import complete

WINDOWS = {"timestamp_col": "at", "granularities": ["30 minutes", "2 weeks"]}


def test_a_monitor_is_kept_as_it_was_given() -> None:
    for profile in ({"snapshot": {}}, {"time_series": WINDOWS}):
        given = {"output_schema_name": "Dev.S", "slicing_exprs": ["a > 1"], **profile}
        assert complete({**given, "assets_dir": "/x", "warehouse_id": None}) == given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Exactly one of inference_log, snapshot, time_series"),
        ({"snapshot": {}, "time_series": WINDOWS}, "Exactly one of"),
        ({"time_series": {**WINDOWS, "granularities": []}}, "must not be empty"),
        (
            {"time_series": {**WINDOWS, "granularities": ["2 days"]}},
            "'2 days' is not",
        ),
        (
            {"snapshot": {}, "schedule": {"quartz_cron_expression": "x", "timezone_id": "UTC"}},
            "Invalid quartz_cron_expression",
        ),
        ({"snapshot": {}, "slicing_exprs": [" "]}, "slicing_exprs"),
    ],
)
def test_what_is_wrong_with_it_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError, match=said):
        complete({"output_schema_name": "dev.s", **given})
