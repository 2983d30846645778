"""Functions that Go's templates have from the start, and what each function takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import quote_plus

from brickyard.templates.go_format import printf
from brickyard.templates.go_values import is_true, print_, printed, println, type_of

BASIC: Final = {"bool": "bool", "int": "int", "float64": "float", "string": "string"}


class FunctionFault(Exception):
    """What a function has against its arguments, as Go says it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Types of the arguments that a function must have, and of any more that it takes."""

    kinds: tuple[str, ...]
    more: str | None = None

    def kind(self, place: int) -> str:
        return self.kinds[place] if place < len(self.kinds) else self.more or "any"


SIGNATURES: Final[Mapping[str, Signature]] = {
    **{name: Signature(("value",), "value") for name in ("and", "or", "call", "eq", "index")},
    **{name: Signature(("value", "value")) for name in ("ne", "lt", "le", "gt", "ge")},
    **{name: Signature((), "any") for name in ("print", "println", "html", "js", "urlquery")},
    "slice": Signature(("value",), "value"),
    "not": Signature(("value",)),
    "len": Signature(("value",)),
    "printf": Signature(("string",), "any"),
    "fail": Signature(("string",), "any"),
    "url": Signature(("string",)),
    "regexp": Signature(("string",)),
    "random_int": Signature(("int",)),
    "pair": Signature(("string", "any")),
    "map": Signature((), "template.pair"),
    "lower": Signature(("string",)),
    "upper": Signature(("string",)),
    "skip": Signature(("string",)),
    # methods of regular expressions
    "MatchString": Signature(("string",)),
    "ReplaceAllString": Signature(("string", "string")),
    "ReplaceAllLiteralString": Signature(("string", "string")),
    "FindString": Signature(("string",)),
    "FindStringIndex": Signature(("string",)),
    "FindStringSubmatch": Signature(("string",)),
    "FindAllString": Signature(("string", "int")),
    "Split": Signature(("string", "int")),
}


def signature_of(name: str, called: Callable[..., Any]) -> Signature:
    """By name, as a template can define no function."""
    return SIGNATURES.get(name, Signature(()))


def equal(first: Any, *others: Any) -> bool:
    """Whether the first is equal to any of the others."""
    if not others:
        raise FunctionFault("missing argument for comparison")
    for one in others:
        if first is None or one is None:
            if first is one:
                return True
            continue
        _check_kinds(first, one)
        if isinstance(first, dict | list):
            text = f"non-comparable type {printed(first)}: {type_of(first)}"
            raise FunctionFault(text)
        if first == one:
            return True
    return False


def _check_kinds(first: Any, other: Any) -> None:
    kinds = [BASIC.get(type_of(one), type_of(one)) for one in (first, other)]
    if kinds[0] != kinds[1]:
        text = f"incompatible types for comparison: {type_of(first)} and {type_of(other)}"
        raise FunctionFault(text)


def less(first: Any, other: Any) -> bool:
    for one in (first, other):
        if type_of(one) not in BASIC:
            raise FunctionFault("invalid type for comparison")
    _check_kinds(first, other)
    if isinstance(first, bool):
        raise FunctionFault("invalid type for comparison")
    return bool(first < other)


def length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping | list | tuple):
        return len(value)
    raise FunctionFault("len of nil pointer" if value is None else f"len of type {type_of(value)}")


def _place(index: Any, end: int) -> int:
    if index is None:
        raise FunctionFault("cannot index slice/array with nil")
    if not isinstance(index, int) or isinstance(index, bool):
        raise FunctionFault(f"cannot index slice/array with type {type_of(index)}")
    if not 0 <= index <= end:
        raise FunctionFault(f"index out of range: {index}")
    return index


def index(value: Any, *keys: Any) -> Any:
    """A part of a map, a list or a text; of a text the byte."""
    if value is None:
        raise FunctionFault("index of untyped nil")
    for key in keys:
        if isinstance(value, Mapping):
            if not isinstance(key, str):
                text = f"value has type {type_of(key)}; should be string"
                raise FunctionFault(
                    "value is nil; should be of type string" if key is None else text
                )
            value = value.get(key)
        elif isinstance(value, str | list | tuple):
            items = value.encode() if isinstance(value, str) else value
            value = items[_place(key, len(items) - 1)]
        else:
            kind = "nil" if value is None else type_of(value)
            text = "index of nil pointer" if value is None else f"can't index item of type {kind}"
            raise FunctionFault(text)
    return value


def part(value: Any, *bounds: Any) -> Any:
    """`slice`: from one place up to, not with, another."""
    if not isinstance(value, str | list | tuple):
        text = (
            "slice of untyped nil"
            if value is None
            else f"can't slice item of type {type_of(value)}"
        )
        raise FunctionFault(text)
    if len(bounds) > 3:
        raise FunctionFault(f"too many slice indexes: {len(bounds)}")
    if len(bounds) == 3 and isinstance(value, str):
        raise FunctionFault("cannot 3-index slice a string")
    items = value.encode() if isinstance(value, str) else value
    places = [_place(bound, len(items)) for bound in bounds]
    first, last = (*places[:2], *(0, len(items))[len(places[:2]) :])
    if first > last:
        raise FunctionFault(f"invalid slice index: {first} > {last}")
    cut = items[first:last]
    return cut.decode(errors="replace") if isinstance(cut, bytes) else cut


def call(written: str, called: Any, *_: Any) -> Any:
    """Templates have no values that can be called."""
    raise FunctionFault(
        "call of nil" if called is None else f"non-function {written} of type {type_of(called)}"
    )


def html(*values: Any) -> str:
    return escape(print_(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def js(*values: Any) -> str:
    known = {"\\": "\\\\", "'": "\\'", '"': '\\"'}

    def safe(letter: str) -> str:
        return known.get(letter, f"\\u{ord(letter):04X}")

    return re.sub(r"[\\'\"<>&=\x00-\x1f\x7f]", lambda found: safe(found[0]), print_(*values))


def urlquery(*values: Any) -> str:
    return quote_plus(print_(*values), safe="~")


def _unused(*_: Any) -> Any:
    raise AssertionError("`and` and `or` are looked at one by one")


def _and(*values: Any) -> Any:
    return _unused(*values)


def _or(*values: Any) -> Any:
    return _unused(*values)


BUILTINS: Final[Mapping[str, Callable[..., Any]]] = {
    "and": _and,
    "or": _or,
    "not": lambda value: not is_true(value),
    "eq": equal,
    "ne": lambda a, b: not equal(a, b),
    "lt": less,
    "le": lambda a, b: less(a, b) or equal(a, b),
    "gt": lambda a, b: not (less(a, b) or equal(a, b)),
    "ge": lambda a, b: not less(a, b),
    "len": length,
    "index": index,
    "slice": part,
    "call": call,
    "print": print_,
    "println": println,
    "printf": printf,
    "html": html,
    "js": js,
    "urlquery": urlquery,
}
