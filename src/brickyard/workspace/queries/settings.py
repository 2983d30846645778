"""What may be said of a saved query, and what its parameters stand for when it runs.

Follows sql.QueriesAPI of the SDK. A query is kept as it was given; what the service sets is left
aside.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from brickyard.workspace.kernel import invalid
from brickyard.workspace.kernel.decode import as_given, decode

UNNAMED: Final = "Untitled"
DAYS_BACK: Final = {"NOW": 0, "YESTERDAY": 1}
PRECISION: Final = {"MINUTE_PRECISION": "minutes", "SECOND_PRECISION": "seconds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyValues:
    prefix: str = ""
    separator: str = ","
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextValue:
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericValue:
    value: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DateValue:
    date_value: str | None = None
    dynamic_date_value: Literal["NOW", "YESTERDAY"] | None = None
    precision: Literal["DAY_PRECISION", "MINUTE_PRECISION", "SECOND_PRECISION"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRangeValue:
    date_range_value: DateRange | None = None
    dynamic_date_range_value: str | None = None
    precision: str | None = None
    start_day_of_week: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedValue:
    """Of a list in the query, or of what another query finds."""

    values: Sequence[str] | None = None
    enum_options: str | None = None
    query_id: str | None = None
    multi_values_options: ManyValues | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParameter:
    name: str
    title: str | None = None
    text_value: TextValue | None = None
    numeric_value: NumericValue | None = None
    date_value: DateValue | None = None
    date_range_value: DateRangeValue | None = None
    enum_value: ListedValue | None = None
    query_backed_value: ListedValue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The fields that callers set."""

    display_name: str | None = None
    description: str | None = None
    query_text: str | None = None
    warehouse_id: str | None = None
    catalog: str | None = None
    schema: str | None = None
    parent_path: str | None = None
    owner_user_name: str | None = None
    run_as_mode: Literal["OWNER", "VIEWER"] | None = None
    apply_auto_limit: bool | None = None
    tags: Sequence[str] | None = None
    parameters: Sequence[QueryParameter] | None = None


ON_CREATE: Final = frozenset(one.name for one in fields(Settings)) - {"owner_user_name"}
ON_UPDATE: Final = frozenset(one.name for one in fields(Settings)) - {"parent_path"}


def complete(given: Any) -> dict[str, Any]:
    """A new query's settings, checked. Raises INVALID_PARAMETER_VALUE."""
    settings = as_given(decode(given, Settings))
    made = {name: value for name, value in settings.items() if name in ON_CREATE}
    made["display_name"] = str(made.get("display_name") or "").strip() or UNNAMED
    made.setdefault("query_text", "")
    return _checked(made)


def masked(before: Mapping[str, Any], given: Any, mask: str) -> dict[str, Any]:
    """The settings with the fields of an update mask as given; `*` stands for all of them."""
    settings = as_given(decode(given, Settings))
    names = [one.strip() for one in mask.split(",") if one.strip()]
    if not names:
        raise invalid("update_mask is required: name the fields to change, or give *")
    if names == ["*"]:
        names = sorted(ON_UPDATE - {"owner_user_name"} | ON_UPDATE & settings.keys())
    after = dict(before)
    for name in names:
        if name not in ON_UPDATE:
            raise invalid(f"update_mask: a query has no field {name[:80]!r} that can be changed")
        if settings.get(name) is None:
            after.pop(name, None)
        else:
            after[name] = settings[name]
    after["display_name"] = after.get("display_name") or before["display_name"]
    after.setdefault("query_text", "")
    return _checked(after)


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    names = [one["name"] for one in settings.get("parameters") or ()]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise invalid(f"query.parameters: {', '.join(twice)} is there twice")
    if "/" in settings["display_name"]:
        raise invalid("query.display_name cannot have a slash in it")
    return settings


def values(settings: Mapping[str, Any], now: datetime.datetime) -> dict[str, str]:
    """What each parameter stands for unless a run says otherwise, as text.

    A range of dates is two values, `name.start` and `name.end`. A parameter without a value has
    none.
    """
    found: dict[str, str] = {}
    for one in settings.get("parameters") or ():
        parameter = decode(one, QueryParameter)
        found.update(_values(parameter, now))
    return found


def _values(one: QueryParameter, now: datetime.datetime) -> Iterator[tuple[str, str]]:
    if one.text_value is not None:
        yield one.name, one.text_value.value
    if one.numeric_value is not None:
        yield one.name, f"{one.numeric_value.value:.17g}"
    if one.date_value is not None:
        moment = _moment(one.date_value, now)
        if moment is not None:
            yield one.name, moment
    if one.date_range_value is not None and one.date_range_value.date_range_value is not None:
        days = one.date_range_value.date_range_value
        yield f"{one.name}.start", days.start
        yield f"{one.name}.end", days.end
    for listed in (one.enum_value, one.query_backed_value):
        if listed is None or not listed.values:
            continue
        many = listed.multi_values_options
        if many is None:
            yield one.name, listed.values[0]
        else:
            yield (
                one.name,
                many.separator.join(f"{many.prefix}{v}{many.suffix}" for v in listed.values),
            )


def _moment(given: DateValue, now: datetime.datetime) -> str | None:
    if given.dynamic_date_value is None:
        return given.date_value
    day = now - datetime.timedelta(days=DAYS_BACK[given.dynamic_date_value])
    exact = PRECISION.get(given.precision or "")
    if exact is None:
        return day.date().isoformat()
    return day.replace(tzinfo=None).isoformat(sep=" ", timespec=exact)
