"""Values of flags, as Go's packages read them: what is wrong with one, in their few words.

Follows strconv, time.ParseDuration, encoding/csv and pflag. Each function raises `BadValue`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Final

TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
INT64: Final = 2**63
_PART = re.compile(r"([0-9]*\.?[0-9]*)([^0-9.]*)")


class BadValue(ValueError):
    """A text that is no value of its flag."""


def boolean(text: str) -> bool:
    if text not in TRUE | FALSE:
        raise BadValue(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in TRUE


def integer(text: str) -> int:
    """An int64; `0x10`, `0b1`, `0o7` and `010` are read as Go reads them."""
    octal = re.fullmatch(r"([+-]?)0([0-7]+)", text)
    try:
        number = int(f"{octal[1]}0o{octal[2]}" if octal else text.strip(" ") or "?", 0)
    except ValueError as fault:
        raise BadValue(f'strconv.ParseInt: parsing "{text}": invalid syntax') from fault
    if not -INT64 <= number < INT64:
        raise BadValue(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def duration(text: str) -> float:
    """Seconds of `1s`, `500ms`, `1m30s`, `-2h` or `0`."""
    sign, rest = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    seconds = 0.0
    invalid = BadValue(f'time: invalid duration "{text}"')
    if not rest:
        raise invalid
    while rest:
        part = _PART.match(rest)
        number, unit = (part[1], part[2]) if part else ("", "")
        if not number.strip("."):
            raise invalid
        if not unit:
            raise BadValue(f'time: missing unit in duration "{text}"')
        if unit not in UNITS:
            raise BadValue(f'time: unknown unit "{unit}" in duration "{text}"')
        seconds += float(number) * UNITS[unit]
        rest = rest[len(number) + len(unit) :]
    return sign * seconds


def listed(text: str) -> list[str]:
    """Values between commas; one that holds a comma stands in double quotes."""
    fault = _csv_fault(text)
    if fault:
        raise BadValue(fault)
    return next(csv.reader([text], strict=True), []) if text else []


def named(text: str) -> dict[str, str]:
    """`a=1,b=2`. With one `=` alone the whole rest is the value, commas and all."""
    count = text.count("=")
    if not count:
        raise BadValue(f"{text} must be formatted as key=value")
    made: dict[str, str] = {}
    for pair in listed(text) if count > 1 else [text.strip('"')]:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadValue(f"{pair} must be formatted as key=value")
        made[name] = value
    return made


def all_named(texts: Sequence[str]) -> dict[str, str]:
    """Several such texts together; what comes later wins."""
    return {name: value for text in texts for name, value in named(text).items()}


def _csv_fault(text: str) -> str:
    """Why these are no comma-separated values; empty for those that are."""
    at, where = 0, "parse error on line 1, column"
    while at < len(text):
        if text[at] != '"':
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            quote = text.find('"', at, end)
            if quote >= 0:
                return f'{where} {quote + 1}: bare " in non-quoted field'
            at = end + 1
            continue
        at += 1
        while True:
            quote = text.find('"', at)
            if quote < 0:
                return f'{where} {len(text) + 1}: extraneous or missing " in quoted-field'
            after = text[quote + 1 : quote + 2]
            if after == '"':
                at = quote + 2
            elif after in ("", ","):
                at = quote + 2
                break
            else:
                return f'{where} {quote + 1}: extraneous or missing " in quoted-field'
    return ""
