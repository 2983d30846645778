"""What may be said of an alert: the fields of AlertV2 that callers set, and update masks.

An alert is kept as it was given, so that a client that compares finds its own words again. Fields
that the service sets are taken and left aside, as the real service does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, Final, Literal, get_args, get_type_hints

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.cron import require_schedule
from brickyard.workspace.kernel.decode import as_given, decode

Aggregation = Literal["AVG", "COUNT", "COUNT_DISTINCT", "MAX", "MEDIAN", "MIN", "STDDEV", "SUM"]
Operator = Literal[
    "EQUAL",
    "GREATER_THAN",
    "GREATER_THAN_OR_EQUAL",
    "IS_NOT_NULL",
    "IS_NULL",
    "LESS_THAN",
    "LESS_THAN_OR_EQUAL",
    "NOT_EQUAL",
]
SET_BY_THE_SERVICE: Final = (
    "create_time",
    "effective_run_as",
    "evaluation.last_evaluated_at",
    "evaluation.state",
    "id",
    "lifecycle_state",
    "owner_user_name",
    "update_time",
)
FIXED: Final = "parent_path"  # set on create, and never again


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    aggregation: Aggregation | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    bool_value: bool | None = None
    double_value: float | None = None
    string_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    column: Column | None = None
    value: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    destination_id: str | None = None
    user_email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    notify_on_ok: bool | None = None
    retrigger_seconds: int | None = None
    subscriptions: Sequence[Subscription] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    source: Column
    comparison_operator: Operator
    threshold: Threshold | None = None
    empty_result_state: Literal["ERROR", "OK", "TRIGGERED", "UNKNOWN"] | None = None
    notification: Notification | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    quartz_cron_schedule: str
    timezone_id: str
    pause_status: Literal["PAUSED", "UNPAUSED"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAs:
    service_principal_name: str | None = None
    user_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    type: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    display_name: str
    query_text: str
    warehouse_id: str
    evaluation: Evaluation
    schedule: Schedule
    custom_description: str | None = None
    custom_summary: str | None = None
    custom_template_format: Literal["HTML", "MARKDOWN"] | None = None
    parameters: Sequence[Parameter] | None = None
    parent_path: str | None = None
    run_as: RunAs | None = None
    run_as_user_name: str | None = None


def complete(given: Any) -> dict[str, Any]:
    """The alert as it is kept. Raises INVALID_PARAMETER_VALUE naming every fault."""
    alert = decode(given, Alert)
    for field in ("display_name", "query_text", "warehouse_id"):
        if not getattr(alert, field).strip():
            raise invalid(f"{field} is required")
    require_schedule(
        alert.schedule.quartz_cron_schedule,
        alert.schedule.timezone_id,
        field="quartz_cron_schedule",
        zone_field="schedule.timezone_id",
    )
    _require_threshold(alert.evaluation)
    return as_given(alert)


def masked(before: Mapping[str, Any], given: Mapping[str, Any], mask: str) -> dict[str, Any]:
    """The alert with the fields of an update mask as given; `*` stands for all of it."""
    paths = [one.strip() for one in mask.split(",") if one.strip()]
    if not paths:
        raise invalid("update_mask is required: name the fields to change, or give *")
    kept = {FIXED: before[FIXED]} if FIXED in before else {}
    if paths == ["*"]:
        return {**given, **kept}
    after: dict[str, Any] = dict(before)
    for path in paths:
        if path in SET_BY_THE_SERVICE or path == FIXED:
            continue
        _require_field(path)
        after = _with(after, given, path.split("."))
    return after


def _with(before: Any, given: Any, keys: list[str]) -> dict[str, Any]:
    """`before` with the value that `given` has at a path, or without one there."""
    first, rest = keys[0], keys[1:]
    after = dict(before) if isinstance(before, Mapping) else {}
    new = given.get(first) if isinstance(given, Mapping) else None
    after[first] = _with(after.get(first), new, rest) if rest else new
    return after


def _require_field(path: str) -> None:
    shape: Any = Alert
    for key in path.split("."):
        if not is_dataclass(shape) or key not in {one.name for one in fields(shape)}:
            raise invalid(f"update_mask: an alert has no field {path[:80]!r} that can be set")
        hint = get_type_hints(shape)[key]
        shape = next((one for one in (hint, *get_args(hint)) if is_dataclass(one)), None)


def _require_threshold(evaluation: Evaluation) -> None:
    if evaluation.comparison_operator in ("IS_NULL", "IS_NOT_NULL"):
        return
    against = evaluation.threshold
    value = against.value if against is not None else None
    said = [] if value is None else [one for one in asdict(value).values() if one is not None]
    if against is not None and against.column is not None:
        said.append(against.column)
    if len(said) != 1:
        raise invalid(
            "evaluation.threshold must have exactly one of column, value.bool_value,"
            " value.double_value and value.string_value"
        )
