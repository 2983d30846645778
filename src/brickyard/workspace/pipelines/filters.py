"""The filter language of the Pipelines API: `level in ('WARN', 'ERROR') AND timestamp > '...'`.

Conditions joined by AND; what a list does not know is refused by name.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.kernel import invalid

CONDITION: Final = re.compile(
    r"""\s*(?P<field>[A-Za-z_.]+)\s*
        (?:(?P<op><=|>=|!=|<>|=|<|>|\bLIKE\b)\s*(?P<value>'(?:[^']|'')*'|"[^"]*")
          |\bIN\b\s*\((?P<list>[^()]*)\))\s*""",
    re.X | re.I,
)
AND: Final = re.compile(r"\s*AND\b", re.I)
QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    operator: str  # = != < <= > >= LIKE IN
    values: tuple[str, ...]


def read_filter(text: str, fields: Collection[str]) -> tuple[Condition, ...]:
    """The conditions, all of which must hold. Raises INVALID_PARAMETER_VALUE."""
    found: list[Condition] = []
    at = 0
    while text[at:].strip():
        if found:
            joint = AND.match(text, at)
            if joint is None:
                raise invalid(f"Invalid filter: {text!r}: conditions are joined by AND")
            at = joint.end()
        one = CONDITION.match(text, at)
        if one is None:
            raise invalid(f"Invalid filter: {text!r}: cannot read {text[at:].strip()!r}")
        found.append(_condition(one, fields))
        at = one.end()
    return tuple(found)


def _condition(one: re.Match[str], fields: Collection[str]) -> Condition:
    field = one["field"].lower()
    if field not in fields:
        known = ", ".join(sorted(fields))
        raise invalid(f"Invalid filter: {one['field']} cannot be filtered by; there is {known}")
    if one["op"] is None:
        values = tuple(_text(found) for found in QUOTED.findall(one["list"]))
        return Condition(field, "IN", values)
    operator = one["op"].upper().replace("<>", "!=")
    return Condition(field, operator, (_text(one["value"]),))


def _text(quoted: str) -> str:
    inner = quoted[1:-1]
    return inner.replace("''", "'") if quoted[0] == "'" else inner


def matches(column: Any, condition: Condition) -> Any:
    """The condition as one of a database column."""
    value = condition.values[0] if condition.values else ""
    if condition.operator == "IN":
        return column.in_(condition.values)
    if condition.operator == "LIKE":
        return column.like(value)
    return COMPARE[condition.operator](column, value)


def like(pattern: str) -> re.Pattern[str]:
    """SQL's LIKE as an expression to match whole."""
    parts = ({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in pattern)
    return re.compile("".join(parts), re.S)
