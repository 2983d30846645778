"""What may be said of a monitor, as catalog.QualityMonitorsAPI of the SDK says it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.cron import require_schedule
from brickyard.workspace.kernel.decode import as_given, decode

PROFILES: Final = ("inference_log", "snapshot", "time_series")
GRANULARITY: Final = re.compile(
    r"5 minutes|30 minutes|1 hour|1 day|[1-9]\d{0,2} weeks?|1 month|1 year"
)
LONGEST_EXPRESSION: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    name: str
    definition: str
    input_columns: Sequence[str]
    output_data_type: str
    type: Literal[
        "CUSTOM_METRIC_TYPE_AGGREGATE", "CUSTOM_METRIC_TYPE_DERIVED", "CUSTOM_METRIC_TYPE_DRIFT"
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceLog:
    problem_type: Literal["PROBLEM_TYPE_CLASSIFICATION", "PROBLEM_TYPE_REGRESSION"]
    timestamp_col: str
    granularities: Sequence[str]
    prediction_col: str
    model_id_col: str
    label_col: str | None = None
    prediction_proba_col: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    timestamp_col: str
    granularities: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    quartz_cron_expression: str
    timezone_id: str
    pause_status: Literal["PAUSED", "UNPAUSED", "UNSPECIFIED"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    email_addresses: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    on_failure: Destination | None = None
    on_new_classification_tag_detected: Destination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    output_schema_name: str
    baseline_table_name: str | None = None
    custom_metrics: Sequence[Metric] | None = None
    data_classification_config: Classification | None = None
    inference_log: InferenceLog | None = None
    notifications: Notifications | None = None
    schedule: Schedule | None = None
    slicing_exprs: Sequence[str] | None = None
    snapshot: Mapping[str, Any] | None = None
    time_series: TimeSeries | None = None


def complete(given: Any) -> dict[str, Any]:
    """The monitor as it is kept, as it was given. Raises INVALID_PARAMETER_VALUE."""
    monitor = decode(given, Monitor)
    profiles = [name for name in PROFILES if getattr(monitor, name) is not None]
    if len(profiles) != 1 and (profiles or monitor.data_classification_config is None):
        raise invalid(f"Exactly one of {', '.join(PROFILES)} must be given")
    if (schedule := monitor.schedule) is not None:
        require_schedule(
            schedule.quartz_cron_expression,
            schedule.timezone_id,
            field="quartz_cron_expression",
            zone_field="schedule.timezone_id",
        )
    if (windows := monitor.inference_log or monitor.time_series) is not None:
        _require_granularities(windows.granularities)
    for expression in monitor.slicing_exprs or ():
        if not expression.strip() or len(expression) > LONGEST_EXPRESSION:
            raise invalid("slicing_exprs: an expression is empty or too long")
    return as_given(monitor)


def _require_granularities(granularities: Sequence[str]) -> None:
    if not granularities:
        raise invalid("granularities must not be empty")
    for one in granularities:
        if not GRANULARITY.fullmatch(one):
            raise invalid(
                f"{one[:40]!r} is not a granularity: use 5 minutes, 30 minutes, 1 hour, 1 day,"
                " <n> week(s), 1 month or 1 year"
            )
