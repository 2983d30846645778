"""Operators on abstract values."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator
from typing import Final

from brickyard.policy.abstract_values import (
    Choice,
    External,
    Known,
    PathText,
    Unknown,
    join,
    text_of,
    texts_of,
)
from brickyard.policy.sql import HOLE

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
        values = right if isinstance(right, tuple) else (right,)
        try:
            return left % tuple(text_of(value) for value in values)
        except (TypeError, ValueError):
            return HOLE
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


def subscript(owner: Known, key: Known) -> Known:
    """`owner[key]`."""
    if isinstance(owner, dict) and isinstance(key, str | int):
        return owner.get(key, Unknown("a key that isn't known"))
    if isinstance(owner, list | tuple) and isinstance(key, int) and -len(owner) <= key < len(owner):
        return owner[key]
    if isinstance(owner, External):
        if owner.chain == "os.environ":
            return Unknown(f"the environment variable {text_of(key)}")
        return External(f"{owner.chain}[]", owner.subject)
    return Unknown()


def options_of(value: Known) -> Iterator[Known]:
    """Every possibility of a value."""
    yield from value.options if isinstance(value, Choice) else (value,)
