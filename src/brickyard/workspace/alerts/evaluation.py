"""Whether the result of an alert's query sets it off. Pure: columns in, a state out.

The value is that of the source column in the first row, or an aggregate over all rows without
nulls; what it is compared with is a value or a column in the same way. Follows AlertV2Evaluation of
the SDK. Nothing compared with null holds, as in SQL.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

Columns = Mapping[str, Sequence[Any]]

AGGREGATIONS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len({repr(one) for one in values}),
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "SUM": lambda values: sum(map(_number, values)) if values else None,
    "AVG": lambda values: statistics.mean(map(_number, values)) if values else None,
    "MEDIAN": lambda values: statistics.median(map(_number, values)) if values else None,
    "STDDEV": lambda values: statistics.stdev(map(_number, values)) if len(values) > 1 else None,
}
COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "EQUAL": lambda left, right: bool(left == right),
    "NOT_EQUAL": lambda left, right: bool(left != right),
    "GREATER_THAN": lambda left, right: bool(left > right),
    "GREATER_THAN_OR_EQUAL": lambda left, right: bool(left >= right),
    "LESS_THAN": lambda left, right: bool(left < right),
    "LESS_THAN_OR_EQUAL": lambda left, right: bool(left <= right),
}
ON_NULL: Final = {"IS_NULL": True, "IS_NOT_NULL": False}
OPERATORS: Final = (*COMPARISONS, *ON_NULL)


class CannotEvaluate(Exception):
    """The result does not fit the condition; the text says why."""


def state_of(columns: Columns, evaluation: Mapping[str, Any]) -> str:
    """OK, TRIGGERED, or the state for an empty result. Raises CannotEvaluate."""
    if not any(columns.values()):
        return str(evaluation.get("empty_result_state") or "UNKNOWN")
    value = _operand(columns, evaluation["source"])
    operator = evaluation["comparison_operator"]
    if operator in ON_NULL:
        return _state((value is None) == ON_NULL[operator])
    threshold = _threshold(columns, evaluation.get("threshold") or {})
    if value is None or threshold is None:
        return "OK"
    try:
        return _state(COMPARISONS[operator](*_alike(value, threshold)))
    except TypeError:
        raise CannotEvaluate(f"{value!r} and {threshold!r} cannot be compared") from None


def _state(holds: bool) -> str:
    return "TRIGGERED" if holds else "OK"


def _operand(columns: Columns, column: Mapping[str, Any]) -> Any:
    name = column["name"]
    values = next((columns[one] for one in columns if one.lower() == name.lower()), None)
    if values is None:
        raise CannotEvaluate(f"the result has no column {name}; it has {', '.join(columns)}")
    aggregation = column.get("aggregation")
    if not aggregation:
        return values[0]
    present = [one for one in values if one is not None]
    try:
        return AGGREGATIONS[aggregation](present)
    except (TypeError, InvalidOperation):
        raise CannotEvaluate(f"{aggregation} of column {name} cannot be computed") from None


def _threshold(columns: Columns, threshold: Mapping[str, Any]) -> Any:
    if column := threshold.get("column"):
        return _operand(columns, column)
    value = threshold.get("value") or {}
    for kind in ("double_value", "string_value", "bool_value"):
        if value.get(kind) is not None:
            return value[kind]
    raise CannotEvaluate("the alert has no threshold to compare with")


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both as numbers, times or truths where one of them is; else as they are."""
    for kind, convert in ((bool, _truth), (datetime, _time), (date, _day)):
        if isinstance(left, kind) or isinstance(right, kind):
            return convert(left), convert(right)
    if isinstance(left, int | float | Decimal) or isinstance(right, int | float | Decimal):
        try:
            return _number(left), _number(right)
        except InvalidOperation:
            raise CannotEvaluate(f"{left!r} and {right!r} are not both numbers") from None
    return left, right


def _number(value: Any) -> Decimal:
    """Exact, so that 0.1 of a decimal column equals a threshold of 0.1."""
    return Decimal(repr(value) if isinstance(value, float) else str(value).strip())


def _truth(value: Any) -> Any:
    return {"true": True, "false": False}.get(str(value).lower(), value)


def _time(value: Any) -> Any:
    """Without a zone: a threshold has none, and the engine's times are in the session's."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    return _read(datetime, value).replace(tzinfo=None)


def _day(value: Any) -> Any:
    return value if isinstance(value, date) else _read(date, value)


def _read(kind: Any, value: Any) -> Any:
    try:
        return kind.fromisoformat(str(value))
    except ValueError:
        raise CannotEvaluate(f"{value!r} is not a time") from None
