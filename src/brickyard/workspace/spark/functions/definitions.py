"""CREATE FUNCTION, read from its text. Pure.

Follows "CREATE FUNCTION (SQL and Python)" of the Databricks SQL reference. The body between two
dollar signs is taken out before anything is split into words: it is another language's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.workspace.spark.cursor import Cursor, syntax_error
from brickyard.workspace.spark.refusals import unsupported

CREATES: Final = re.compile(
    r"^(?:\s|--[^\n]*\n|/\*.*?\*/)*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMPORARY\s+|TEMP\s+)?FUNCTION\b",
    re.IGNORECASE | re.DOTALL,
)
DOLLARS: Final = re.compile(r"\bAS\s+(\$\w*\$)", re.IGNORECASE)
ENDS_A_TYPE: Final = ("NOT", "DEFAULT", "COMMENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A parameter, or a column of a table function's result."""

    name: str
    type_text: str
    default: str | None = None
    comment: str | None = None


@dataclass(slots=True, kw_only=True)
class Definition:
    """`columns` None: a scalar function. `body` of SQL is what stands after RETURN."""

    parts: tuple[str, ...]
    parameters: tuple[Column, ...]
    body: str = ""
    language: str = "SQL"
    returns: str = ""
    columns: tuple[Column, ...] | None = None
    comment: str | None = None
    handler: str = ""
    dependencies: Sequence[str] = ()
    is_deterministic: bool | None = None
    data_access: str = ""
    replace: bool = False
    quiet: bool = False  # IF NOT EXISTS
    has_return: bool = field(default=False)


def creates(sql: str) -> bool:
    return CREATES.match(sql) is not None


def defined(sql: str) -> Definition:
    """Raises a Refusal that names the place."""
    header, python = _split(sql)
    cursor = Cursor(header)
    cursor.need("CREATE")
    replace = cursor.take("OR", "REPLACE")
    if cursor.take_any("TEMPORARY", "TEMP"):
        raise unsupported("A temporary SQL function", "Create it in a schema.")
    cursor.need("FUNCTION")
    quiet = cursor.take("IF", "NOT", "EXISTS")
    found = Definition(
        parts=cursor.name(), parameters=_columns(cursor), replace=replace, quiet=quiet
    )
    _characteristics(cursor, found)
    if python is not None:
        if found.has_return:
            raise syntax_error("A function has either RETURN or AS $$…$$, not both.")
        found.body = python
    if (found.language == "PYTHON") != (python is not None):
        raise syntax_error("LANGUAGE PYTHON goes with AS $$…$$, a SQL function with RETURN.")
    if not found.body.strip():
        raise syntax_error("The function has no body.")
    if found.language == "PYTHON" and not found.returns and not found.columns:
        raise syntax_error("A Python function needs RETURNS with a type or with the columns.")
    return found


def _split(sql: str) -> tuple[str, str | None]:
    """What comes before AS $$, and what is inside; None when there is no such body."""
    opening = DOLLARS.search(sql)
    if opening is None:
        return sql, None
    tag = opening.group(1)
    end = sql.rfind(tag)
    if end < opening.end():
        raise syntax_error(f"The body is not closed: {tag} is missing at its end.")
    if rest := sql[end + len(tag) :].strip().rstrip(";").strip():
        raise syntax_error(f"Syntax error at or near '{rest[:20]}' behind the body.")
    return sql[: opening.start()], sql[opening.end() : end]


def _columns(cursor: Cursor) -> tuple[Column, ...]:
    cursor.need("(")
    found: list[Column] = []
    while not cursor.take(")"):
        if found:
            cursor.need(",")
        found.append(_column(cursor))
    return tuple(found)


def _column(cursor: Cursor) -> Column:
    name = cursor.name()[-1]
    kind = _type(cursor)
    default = comment = None
    while cursor.peek() not in (",", ")") and not cursor.done:
        if cursor.take("NOT", "NULL"):
            continue
        if cursor.take("DEFAULT"):
            default = _until(cursor, ("COMMENT",))
        elif cursor.take("COMMENT"):
            comment = cursor.string()
        else:
            raise cursor.fault("DEFAULT, COMMENT, ',' or ')'")
    return Column(name=name, type_text=kind, default=default, comment=comment)


def _type(cursor: Cursor) -> str:
    return _until(cursor, ENDS_A_TYPE)


def _until(cursor: Cursor, words: Sequence[str], *, at_end: Sequence[str] = (",", ")")) -> str:
    """The text up to one of these words, or to the end of the list, outside of brackets."""
    start, depth = cursor.at, 0
    while not cursor.done:
        word = cursor.peek()
        if depth == 0 and (word in at_end or word in words):
            break
        depth += sum(word.count(one) for one in "<([{") if word != "=>" else 0
        depth -= sum(word.count(one) for one in ">)]}") if word not in ("=>", "->") else 0
        cursor.at += 1
    if cursor.at == start:
        raise cursor.fault("something")
    return cursor.sql[cursor.tokens[start].start : cursor.tokens[cursor.at - 1].end + 1]


def _characteristics(cursor: Cursor, found: Definition) -> None:
    while not cursor.done:
        if cursor.take("RETURNS", "TABLE"):
            found.columns = _columns(cursor) if cursor.peek() == "(" else ()
        elif cursor.take("RETURNS"):
            found.returns = _returns(cursor)
        elif cursor.take("LANGUAGE"):
            found.language = cursor.value().upper()
            if found.language not in ("SQL", "PYTHON"):
                raise unsupported(f"A function in {found.language}", "SQL and PYTHON run here.")
        elif cursor.take("NOT", "DETERMINISTIC"):
            found.is_deterministic = False
        elif cursor.take("DETERMINISTIC"):
            found.is_deterministic = True
        elif cursor.take("COMMENT"):
            found.comment = cursor.string()
        elif cursor.take("CONTAINS", "SQL"):
            found.data_access = "CONTAINS_SQL"
        elif cursor.take("READS", "SQL", "DATA"):
            found.data_access = "READS_SQL_DATA"
        elif cursor.take("HANDLER"):
            found.handler = cursor.string()
        elif cursor.take("ENVIRONMENT"):
            found.dependencies = _environment(cursor)
        elif cursor.take("PARAMETER", "STYLE"):
            cursor.value()
        elif cursor.take("STRICT") or cursor.take("ISOLATION"):
            continue  # each function has a process of its own in any case
        elif cursor.take("RETURN"):
            found.body = cursor.rest()
            found.has_return = True
        else:
            raise cursor.fault("a property of the function, RETURN, or AS $$…$$")


_AFTER_A_TYPE: Final = (
    *("LANGUAGE", "NOT", "DETERMINISTIC", "COMMENT", "CONTAINS", "READS", "HANDLER"),
    *("ENVIRONMENT", "RETURN", "PARAMETER", "STRICT", "ISOLATION"),
)


def _returns(cursor: Cursor) -> str:
    return _until(cursor, _AFTER_A_TYPE, at_end=())


def _environment(cursor: Cursor) -> Sequence[str]:
    """`(dependencies = '["simplejson==3.19.3"]', environment_version = 'None')`."""
    cursor.need("(")
    told: dict[str, Any] = {}
    while not cursor.take(")"):
        name = cursor.value().lower()
        cursor.need("=")
        told[name] = cursor.value()
        cursor.take(",")
        if cursor.done:
            raise cursor.fault("')'")
    text = told.get("dependencies", "[]")
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise syntax_error("ENVIRONMENT: dependencies must be a JSON list of requirements.")
    return tuple(listed)
