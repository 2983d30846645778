"""Operators on abstract values."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator
from typing import Final

from brickyard.policy.abstract_values import (
    Choice,
    Defaults,
    External,
    IniFile,
    Instance,
    Known,
    PathText,
    Unknown,
    join,
    text_of,
    texts_of,
)
from brickyard.policy.sql_session import HOLE

PLAIN: Final = (str, int, float, bool, type(None))


def binary(op: ast.operator, left: Known, right: Known) -> Known:
    """`left op right`, as far as it is known."""
    if isinstance(left, PathText) and isinstance(op, ast.Div):
        options = (posixpath.join(left.text, text) for text in texts_of(right))
        return join(PathText(one) for one in options)
    if isinstance(op, ast.Add):
        if isinstance(left, list) and isinstance(right, list):
            return left + right
        if any(isinstance(t, str) for side in (left, right) for t in options_of(side)):
            return join(a + b for a in texts_of(left) for b in texts_of(right))
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        return left + right if numbers else Unknown()
    if isinstance(op, ast.Mod) and isinstance(left, str):
        return _percent(left, right)
    if isinstance(op, ast.Mult) and isinstance(left, str | list) and isinstance(right, int):
        return left * min(right, 50)
    if isinstance(left, list) and isinstance(right, list):
        return left + right  # sets: what may be in the result
    if isinstance(op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return left | right
    return Unknown()


def compare(op: ast.cmpop, left: Known, right: Known) -> Known:
    """Whether a comparison of plain values holds."""
    if not isinstance(left, PLAIN):
        return Unknown()
    match op:
        case ast.Eq() | ast.Is() if isinstance(right, PLAIN):
            return left == right
        case ast.NotEq() | ast.IsNot() if isinstance(right, PLAIN):
            return left != right
        case ast.In() if isinstance(right, list | tuple | dict):
            known = all(isinstance(one, PLAIN) for one in right)
            return left in right if known else Unknown()
        case _:
            return Unknown()


def _percent(text: str, right: Known) -> Known:
    """`text % values`."""
    values: Known
    if isinstance(right, dict):
        values = {key: text_of(value) for key, value in right.items()}
    else:
        values = tuple(
            one if isinstance(one, int) else text_of(one)
            for one in (right if isinstance(right, tuple) else (right,))
        )
    try:
        return text % values
    except (KeyError, TypeError, ValueError):
        return HOLE


def subscript(owner: Known, key: Known) -> Known:
    """`owner[key]`."""
    if isinstance(key, Choice):
        return join(subscript(owner, one) for one in key.options)
    if isinstance(owner, IniFile):
        return owner.sections.get(text_of(key), Unknown("a section that isn't known"))
    if isinstance(owner, Instance):
        if owner.cls is None or isinstance(key, str):
            return owner.attributes.get(text_of(key), Unknown("a key that isn't known"))
        values = list(owner.attributes.values())
        return subscript(values, key)
    if isinstance(owner, dict):
        if isinstance(key, str | int):
            if isinstance(owner, Defaults) and key not in owner:
                return owner.made(key)
            return owner.get(key, Unknown("a key that isn't known"))
        # Any of them, and none other: a key that isn't there raises.
        return join(owner.values()) if owner else Unknown("a key that isn't known")
    if isinstance(owner, list | tuple | str):
        return _item(owner, key)
    if isinstance(owner, External):
        return External(f"{owner.chain}[]", owner.subject)
    return Unknown()


def _item(owner: Known, key: Known) -> Known:
    if isinstance(key, slice):
        return owner[key]
    if isinstance(key, int):
        return owner[key] if -len(owner) <= key < len(owner) else Unknown("no such item")
    if isinstance(owner, str):
        return HOLE
    return join(owner) if owner else Unknown("an item that isn't known")


def options_of(value: Known) -> Iterator[Known]:
    """Every possibility of a value."""
    yield from value.options if isinstance(value, Choice) else (value,)
