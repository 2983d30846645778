"""Quartz cron expressions: seconds minutes hours day-of-month month day-of-week [year].

Follows the Quartz reference: `*`, `?`, lists, ranges, steps, names, and for days `L`, `L-n`, `nW`,
`LW`, `nL` and `n#k`. As in Quartz, exactly one of the two day fields is `?`. Left out: `C`, which
Quartz itself does not implement.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from brickyard.workspace.kernel.errors import invalid

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

Holds = Callable[[date], bool]


class BadCron(ValueError):
    """The expression is not one; the text says why."""


class Cron:
    """One expression. Raises BadCron."""

    def __init__(self, text: str) -> None:
        fields = text.split()
        if len(fields) not in (6, 7):
            raise BadCron(f"{text!r} has {len(fields)} fields; a Quartz expression has 6 or 7")
        if (fields[3] == "?") == (fields[5] == "?"):
            raise BadCron(f"{text!r}: exactly one of day-of-month and day-of-week must be ?")
        self._second = _field(fields[0], 0, 59)
        self._minute = _field(fields[1], 0, 59)
        self._hour = _field(fields[2], 0, 23)
        self._month = _field(fields[4], 1, 12, MONTHS)
        self._year = _field(fields[6], 1970, 2199) if len(fields) == 7 else None
        self._days = (
            [_month_day(part) for part in fields[3].split(",")]
            if fields[5] == "?"
            else [_weekday(part) for part in fields[5].split(",")]
        )

    def holds(self, at: datetime) -> bool:
        """Whether a second of local time is one of the expression's."""
        return (
            at.second in self._second
            and at.minute in self._minute
            and at.hour in self._hour
            and at.month in self._month
            and (self._year is None or at.year in self._year)
            and any(holds(at.date()) for holds in self._days)
        )


def require_schedule(expression: str, timezone: str, *, field: str, zone_field: str) -> None:
    """Raise INVALID_PARAMETER_VALUE unless the expression and the time zone are understood."""
    try:
        Cron(expression)
        ZoneInfo(timezone)
    except BadCron as fault:
        raise invalid(f"Invalid {field}: {fault}") from None
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"{zone_field}: there is no time zone {timezone!r}") from None


def is_due(expression: str, timezone: str, after: datetime, until: datetime) -> bool:
    """Whether the expression holds at some second in (after, until]; never, if it is none."""
    try:
        cron, zone = Cron(expression), ZoneInfo(timezone or "UTC")
    except (BadCron, ZoneInfoNotFoundError, ValueError):
        return False
    at = after.replace(microsecond=0) + timedelta(seconds=1)
    while at <= until:
        if cron.holds(at.astimezone(zone)):
            return True
        at += timedelta(seconds=1)
    return False


def _month_day(text: str) -> Holds:
    if found := re.fullmatch(r"L(?:-(\d+))?", text, re.I):
        before = int(found[1] or 0)
        return lambda day: day.day == _last(day) - before
    if text.upper() == "LW":
        return lambda day: day.day == _working_day(day, _last(day))
    if found := re.fullmatch(r"(\d+)W", text, re.I):
        wanted = int(found[1])
        return lambda day: wanted <= _last(day) and day.day == _working_day(day, wanted)
    days = _field(text, 1, 31)
    return lambda day: day.day in days


def _weekday(text: str) -> Holds:
    """Sunday is 1."""
    if found := re.fullmatch(r"(\w+)#([1-5])", text):
        wanted, nth = _value(found[1], DAYS, text), int(found[2])
        return lambda day: _number(day) == wanted and (day.day - 1) // 7 + 1 == nth
    if text.upper() == "L":
        return lambda day: _number(day) == 7
    if found := re.fullmatch(r"([1-7]|[A-Z]{3})L", text, re.I):
        last = _value(found[1], DAYS, text)
        return lambda day: _number(day) == last and day.day > _last(day) - 7
    days = _field(text, 1, 7, DAYS)
    return lambda day: _number(day) in days


def _working_day(month: date, wanted: int) -> int:
    """The working day nearest to a day of the month, without leaving the month."""
    day = month.replace(day=wanted)
    if day.weekday() == 5:
        near = day - timedelta(days=1) if wanted > 1 else day + timedelta(days=2)
    elif day.weekday() == 6:
        near = day + timedelta(days=1) if wanted < _last(month) else day - timedelta(days=2)
    else:
        near = day
    return near.day


def _last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _number(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _field(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?", ""):
            start, end = low, high
        else:
            begin, dash, stop = span.partition("-")
            start = _value(begin, names, text)
            end = _value(stop, names, text) if dash else (high if step else start)
        if not (low <= start <= high and low <= end <= high) or (step and not step.isdigit()):
            raise BadCron(f"{text!r} is not a cron field from {low} to {high}")
        wraps = [*range(start, high + 1), *range(low, end + 1)]
        values = list(range(start, end + 1)) if start <= end else wraps
        found |= set(values[:: int(step or 1) or 1])
    return frozenset(found)


def _value(text: str, names: tuple[str, ...], field: str) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + 1
    if not text.isdigit():
        raise BadCron(f"{field!r}: {text!r} is not understood in a cron expression")
    return int(text)
