"""Filters of SCIM lists (RFC 7644, 3.4.2.2): `userName eq "x" and (active eq true or ...)`.

Attribute names, operators and text compare without regard to case. A list attribute matches when
one of its items does; `emails.value` and `emails` both look at the items' values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Match = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(r'\s*(?:(\()|(\))|("(?:[^"\\]|\\.)*")|([^\s()"]+))')
_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda have, want: have == want,
    "ne": lambda have, want: have != want,
    "co": lambda have, want: want in have,
    "sw": lambda have, want: have.startswith(want),
    "ew": lambda have, want: have.endswith(want),
    "gt": lambda have, want: have > want,
    "ge": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "le": lambda have, want: have <= want,
}


class BadFilter(ValueError):
    """The filter does not follow the grammar; the text says where."""


def parse(text: str) -> Match:
    """The filter as a predicate over a resource. Raises `BadFilter`."""
    words = _words(text)
    match = _either(words)
    if words:
        raise BadFilter(f"unexpected {words[0]!r}")
    return match


def _words(text: str) -> list[str]:
    words, at, text = [], 0, text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadFilter(f"cannot read {text[at:]!r}")
        words.append(found.group().strip())
        at = found.end()
    return words


def _either(words: list[str]) -> Match:
    options = [_both(words)]
    while words and words[0].lower() == "or":
        words.pop(0)
        options.append(_both(words))
    return lambda resource: any(option(resource) for option in options)


def _both(words: list[str]) -> Match:
    parts = [_one(words)]
    while words and words[0].lower() == "and":
        words.pop(0)
        parts.append(_one(words))
    return lambda resource: all(part(resource) for part in parts)


def _one(words: list[str]) -> Match:
    word = _next(words)
    if word == "(":
        inner = _either(words)
        if _next(words) != ")":
            raise BadFilter("a parenthesis is not closed")
        return inner
    if word.lower() == "not":
        inner = _one(words)
        return lambda resource: not inner(resource)
    operator = _next(words).lower()
    if operator == "pr":
        return lambda resource: any(value not in (None, "") for value in _values(resource, word))
    if operator not in _COMPARE:
        raise BadFilter(f"unknown operator {operator!r}")
    compare, want = _COMPARE[operator], _text(_next(words))
    if operator == "ne":
        return lambda resource: all(compare(_text(v), want) for v in _values(resource, word))
    return lambda resource: any(compare(_text(v), want) for v in _values(resource, word))


def _next(words: list[str]) -> str:
    if not words:
        raise BadFilter("the filter ends too early")
    return words.pop(0)


def _values(resource: Any, path: str) -> list[Any]:
    found = [resource]
    for name in path.split("."):
        items = [one for value in found for one in (value if isinstance(value, list) else [value])]
        found = [
            value
            for one in items
            if isinstance(one, Mapping)
            for key, value in one.items()
            if key.lower() == name.lower()
        ]
    flat = [one for value in found for one in (value if isinstance(value, list) else [value])]
    return [one.get("value") if isinstance(one, Mapping) else one for one in flat]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text.lower()
