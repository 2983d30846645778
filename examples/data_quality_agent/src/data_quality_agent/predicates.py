"""Which SQL conditions are let near the data when someone else wrote them.

A language model may propose any text. It is accepted when it is one condition over the columns of
the table: names of columns, literals, operators and the functions listed here; no subquery, no
comment, no second statement, no quoting trick. What is not understood is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection

FUNCTIONS = frozenset(
    {"abs", "cast", "coalesce", "floor", "greatest", "least", "length", "lower", "nullif"}
    | {"round", "substr", "trim", "upper"}
)
WORDS = frozenset(
    {"and", "as", "between", "bigint", "case", "double", "else", "end", "false", "in", "int", "is"}
    | {"like", "not", "null", "or", "then", "true", "when"}
)
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<quoted>`[^`]+`)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<operator><=|>=|<>|!=|\|\||[-+*/%=<>(),]))"
)
LONGEST = 2000


class PredicateError(ValueError):
    """The text is not one plain condition over the table's columns."""


def check_predicate(text: str, columns: Collection[str]) -> set[str]:
    """The columns that the condition uses. Raises PredicateError, saying what is not allowed."""
    if not text.strip():
        raise PredicateError("expression needs `predicate`, an SQL condition")
    if len(text) > LONGEST:
        raise PredicateError(f"the predicate is longer than {LONGEST} characters")
    used: set[str] = set()
    position, depth = 0, 0
    text = text.rstrip()
    while position < len(text):
        token = TOKEN.match(text, position)
        if token is None:
            raise PredicateError(f"not allowed in a predicate: {text[position:].strip()[:20]!r}")
        position = token.end()
        if token["operator"] == "-" and text[position : position + 1] == "-":
            raise PredicateError("a comment is not allowed in a predicate")
        if token["operator"] == "/" and text[position : position + 1] == "*":
            raise PredicateError("a comment is not allowed in a predicate")
        depth += {"(": 1, ")": -1}.get(token["operator"] or "", 0)
        if depth < 0:
            break
        if token["quoted"]:
            used.add(_column(token["quoted"][1:-1], columns))
        elif word := token["word"]:
            called = text[position:].lstrip().startswith("(")
            if word in columns and not called:
                used.add(word)
            elif word.lower() not in WORDS and not (called and word.lower() in FUNCTIONS):
                raise PredicateError(f"not allowed in a predicate: {word!r}")
    if depth:
        raise PredicateError("the parentheses of the predicate don't match")
    if not used:
        raise PredicateError("the predicate uses no column")
    return used


def _column(name: str, columns: Collection[str]) -> str:
    if name not in columns:
        raise PredicateError(f"the table has no column {name!r}")
    return name
