"""Filters of searches that we answer ourselves, in the grammar that MLflow has for them.

Conditions joined by AND: a field or `tags.<key>` (in backticks or double quotes if it needs them),
one of `= != LIKE ILIKE`, and a value in quotes. `%` and `_` are LIKE's wildcards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from brickyard.workspace.kernel import invalid

_CONDITION: Final = re.compile(
    r"""\s*(?:(?P<field>[\w.-]+)|(?P<prefix>tags?|attributes?)\.[`"](?P<quoted>[^`"]+)[`"])
        \s*(?P<operator>!=|=|LIKE\b|ILIKE\b)
        \s*(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)")\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_QUOTED: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`""")
_SPANS: Final = re.compile(r"\bspan\.\S*|\btrace\.text\b", re.IGNORECASE)
_AND: Final = re.compile(r"AND\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    field: str  # "name", "tags.team"
    operator: str  # "=", "!=", "LIKE", "ILIKE"
    value: str


def conditions(text: str, fields: Sequence[str]) -> tuple[Condition, ...]:
    """What a filter asks for; `fields` may be used beside tags.

    Raises INVALID_PARAMETER_VALUE for anything else.
    """
    found: list[Condition] = []
    at = 0
    while text[at:].strip():
        if found:
            joined = _AND.match(text, at)
            if joined is None:
                raise _refused(text, fields)
            at = joined.end()
        match = _CONDITION.match(text, at)
        if match is None:
            raise _refused(text, fields)
        at = match.end()
        found.append(_condition(match, text, fields))
    return tuple(found)


def need_outside_spans(text: str) -> None:
    """Raise INVALID_PARAMETER_VALUE for a filter of traces by what is inside their spans."""
    found = _SPANS.search(_QUOTED.sub("''", text))
    if found is not None:
        raise invalid(
            f"Traces cannot be searched by {found[0]}: their spans lie in artifacts, as on "
            "Databricks without Unity Catalog tables for traces. Search by status, time, tags, "
            "metadata or assessments, or tag the trace with what you look for"
        )


def matches(given: Mapping[str, str], wanted: Sequence[Condition]) -> bool:
    """Whether all conditions hold. A field that is not there fits none."""
    return all(one.field in given and _holds(given[one.field], one) for one in wanted)


def _condition(match: re.Match[str], text: str, fields: Sequence[str]) -> Condition:
    if quoted := match["quoted"]:
        name = f"{match['prefix'].lower().rstrip('s')}s.{quoted}"
    else:
        head, dot, rest = match["field"].partition(".")
        name = f"tags.{rest}" if dot and head.lower() in ("tag", "tags") else match["field"]
    name = name.removeprefix("attributes.").removeprefix("attribute.")
    if not name.startswith("tags."):
        name = name.lower()
        if name not in fields:
            raise _refused(text, fields)
    raw = match["single"] if match["single"] is not None else match["double"]
    return Condition(
        field=name, operator=match["operator"].upper(), value=re.sub(r"\\(.)", r"\1", raw)
    )


def _holds(value: str, one: Condition) -> bool:
    if one.operator == "=":
        return value == one.value
    if one.operator == "!=":
        return value != one.value
    pattern = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in one.value)
    flags = re.DOTALL | (re.IGNORECASE if one.operator == "ILIKE" else 0)
    return re.fullmatch(pattern, value, flags) is not None


def _refused(text: str, fields: Sequence[str]) -> Exception:
    known = ", ".join((*fields, "tags.<key>"))
    return invalid(
        f"Invalid filter {text!r}: write conditions such as {fields[0]} LIKE 'a%' or "
        f"tags.team = 'data', joined by AND. Fields: {known}; operators: =, !=, LIKE, ILIKE"
    )
