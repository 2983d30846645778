"""What `run` asks of a pipeline, and how an event is shown."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.deploy.pipeline_runs import PipelineRun, Refresh, event_line
from brickyard.deploy.run import RunRefused


def test_everything_is_refreshed_unless_something_is_named() -> None:
    assert Refresh().body() == Refresh(refresh_all=True).body() == {}
    assert Refresh(full_refresh_all=True).body() == {"full_refresh": True}
    assert Refresh(validate_only=True).body() == {"validate_only": True}
    both = Refresh(refresh=["a", "b"], full_refresh=["c"]).body()
    assert both == {"refresh_selection": ["a", "b"], "full_refresh_selection": ["c"]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"refresh_all": True, "validate_only": True},
            "--refresh-all, --validate-only pipeline run flags are mutually exclusive",
        ),
        (
            {"full_refresh_all": True, "refresh": ["a"]},
            "cannot use --refresh or --full-refresh together with --full-refresh-all",
        ),
    ],
)
def test_what_excludes_each_other_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RunRefused, match=message):
        Refresh(**given).body()


def test_an_error_is_shown_with_what_its_exceptions_say() -> None:
    event = {
        "timestamp": "2026-11-27T23:30:36.122Z",
        "event_type": "flow_progress",
        "level": "ERROR",
        "message": "Flow 'a' has FAILED.",
        "error": {"exceptions": [{"message": "no such column"}]},
    }
    line = "2026-11-27T23:30:36.122Z flow_progress   ERROR \"Flow 'a' has FAILED.\""
    assert event_line(event) == line + "\nno such column"
    assert event_line(event | {"level": "WARN"}) == line.replace("ERROR", "WARN")
    assert PipelineRun(update_id="1", errors=(event,)).why == "no such column"
