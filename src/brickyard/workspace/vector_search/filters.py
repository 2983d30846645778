"""Filters of a query as conditions of the engine.

Two forms, as "Query a vector search index" describes them: an object whose keys name a column and
maybe an operator (`{"id >=": 5, "title LIKE": "word", "a OR b": [1, 2]}`), and a text in the manner
of SQL's WHERE. Only columns of the index and plain comparisons get through. What a column of dates
or timestamps is compared with is written as text, in UTC where it names no zone.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import invalid
from brickyard.workspace.vector_search.rows import literal, quoted

COMPARED: Final = re.compile(r"`((?:[^`]|``)+)` (?:=|<|>|IN |BETWEEN )")
OPERATOR: Final = re.compile(r"(.+?)\s+(NOT LIKE|LIKE|NOT|<=|>=|<|>|!=|=)", re.IGNORECASE)
SCALAR: Final = (str, int, float, bool)
DATE, TIMESTAMP = "date", "timestamp"


def from_json(text: str, columns: Mapping[str, str]) -> str:
    """The condition of `filters_json`; '' for none. `columns`: their types."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid("filters_json is not JSON") from None
    if not isinstance(given, Mapping):
        raise invalid("filters_json must be an object")
    parts = [_condition(key, value, columns) for key, value in given.items()]
    return " AND ".join(f"({one})" for one in parts)


def _condition(key: str, value: Any, columns: Mapping[str, str]) -> str:
    if key not in columns and " OR " in key:
        names = [one.strip() for one in key.split(" OR ")]
        values = value if isinstance(value, list) else [value]
        if len(values) != len(names):
            raise invalid(f"The filter {key!r} takes a list of {len(names)} values")
        found = [_condition(*pair, columns) for pair in zip(names, values, strict=True)]
        return " OR ".join(f"({one})" for one in found)
    name, operator = key.strip(), "="
    if name not in columns and (split := OPERATOR.fullmatch(name)):
        name, operator = split.group(1), split.group(2).upper()
    if name not in columns:
        raise invalid(f"The filter {key!r} names no column of the index: {', '.join(columns)}")
    return _compared(quoted(name), columns[name], operator, value, key)


def _compared(column: str, kind: str, operator: str, value: Any, key: str) -> str:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, SCALAR) for one in values):
        raise invalid(f"The filter {key!r} takes a text, a number, a boolean, or a list of them")
    if operator in ("LIKE", "NOT LIKE"):
        found = " OR ".join(_has_word(column, str(one)) for one in values)
        return f"NOT ({found})" if operator == "NOT LIKE" else found
    if operator in ("=", "NOT", "!="):
        listed = ", ".join(_literal(kind, one) for one in values)
        return f"{column} {'IN' if operator == '=' else 'NOT IN'} ({listed})"
    if len(values) > 1:
        raise invalid(f"The filter {key!r} takes one value")
    return f"{column} {operator} {_literal(kind, values[0])}"


def _literal(kind: str, value: Any) -> str:
    if kind not in (DATE, TIMESTAMP) or not isinstance(value, str):
        return literal(value)
    return f"{kind} {literal(_moment(kind, value))}"


def _moment(kind: str, text: str) -> str:
    """A date or a timestamp as the engine reads it. Raises for a text that is none."""
    try:
        found = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise invalid(f"A filter compares a {kind} with {text!r}, which is none") from None
    if kind == DATE:
        return found.date().isoformat()
    if found.tzinfo is not None:
        found = found.astimezone(datetime.UTC).replace(tzinfo=None)
    return found.isoformat(sep=" ")


def _has_word(column: str, word: str) -> str:
    """Whether a text has this word, its words being what blanks part.

    Looked for in the text as it is first: few texts are left to take apart.
    """
    escaped = re.sub(r"([\\%_])", r"\\\1", word)
    anywhere = f"{column} LIKE {literal(f'%{escaped}%')}"
    return f"({anywhere} AND (' ' || {column} || ' ') LIKE {literal(f'% {escaped} %')})"


def compared(condition: str) -> set[str]:
    """The columns whose values a condition compares, as an index of values can."""
    return {name.replace("``", "`") for name in COMPARED.findall(condition)}


def from_text(text: str, columns: Mapping[str, str]) -> str:
    """The condition of `filter_string`. `columns`: their types."""
    import sqlglot
    from sqlglot import exp

    allowed = (
        exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE,
        exp.In, exp.Between, exp.Like, exp.Is, exp.Null, exp.Boolean, exp.Literal, exp.Neg,
        exp.Column, exp.Identifier,
    )  # fmt: skip
    compares = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between)
    try:
        tree = sqlglot.parse_one(text, dialect="databricks")
    except sqlglot.errors.SqlglotError as fault:
        raise invalid(f"filter_string is no condition: {str(fault).splitlines()[0]}") from None
    for node in tree.walk():
        if not isinstance(node, allowed) and not _is_moment(node):
            raise invalid(f"filter_string may compare columns only, not use {node.sql()!r}")
        if isinstance(node, exp.Column) and (node.table or node.name not in columns):
            known = ", ".join(columns)
            raise invalid(f"filter_string names {node.sql()!r}, no column of the index: {known}")
    for node in list(tree.find_all(*compares)):
        kind = next(
            (columns[one.name] for one in _operands(node) if isinstance(one, exp.Column)), ""
        )
        if kind in (DATE, TIMESTAMP):
            for one in _operands(node):
                if isinstance(one, exp.Literal) and one.is_string:
                    said = exp.Literal.string(_moment(kind, one.name))
                    one.replace(exp.cast(said, kind, dialect="databricks"))
    return str(tree.sql(dialect="databricks", identify=True))


def _operands(node: Any) -> list[Any]:
    """What a comparison compares."""
    parts = (node.args.get(name) for name in ("this", "expression", "low", "high"))
    return [one for one in (*parts, *(node.args.get("expressions") or ())) if one is not None]


def _is_moment(node: Any) -> bool:
    """Whether a node belongs to `DATE '...'` or `TIMESTAMP '...'`."""
    from sqlglot import exp

    if isinstance(node, exp.DataType):
        node = node.parent
    kinds = ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPNTZ")
    return (
        isinstance(node, exp.Cast)
        and isinstance(node.this, exp.Literal)
        and node.this.is_string
        and node.to.this.name in kinds
    )
