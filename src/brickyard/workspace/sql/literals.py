"""Values as SQL text, and statements with their parameters written out.

The engine takes parameters with queries only; in other statements they become literals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from brickyard.workspace.kernel import invalid
from brickyard.workspace.spark.cursor import tokens_of

if TYPE_CHECKING:
    from brickyard.workspace.sql.connect import Parameter

QUERY: Final = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:SELECT|WITH|VALUES|TABLE|FROM)\b", re.I | re.S
)


def is_query(sql: str) -> bool:
    return QUERY.match(sql) is not None


def literal(value: str | None, kind: str) -> str:
    """A value of a SQL type, which is given as text."""
    if value is None or kind.upper() == "VOID":
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'" if kind.upper() == "STRING" else f"CAST('{escaped}' AS {kind})"


def written_out(sql: str, parameters: Sequence[Parameter]) -> str:
    """The statement with literals for its named markers."""
    texts = {one.name: literal(one.value, one.type or "STRING") for one in parameters}
    return replaced(sql, texts)


def with_names(
    sql: str, count: int, texts: Mapping[str, str] | None = None
) -> tuple[str, Sequence[str]]:
    """The statement with names for its `?`, and those of `count` positional parameters in order.

    The engine knows named markers only. `texts` makes literals of some: by name, for the names are
    the same for the same statement and count (`free_names`). Raises INVALID_PARAMETER_VALUE for
    more markers than parameters.
    """
    names = free_names(count, sql)
    left, known = iter(names), texts or {}

    def positional() -> str:
        name = next(left, None)
        if name is None:
            raise invalid("The statement has more markers (?) than there are parameters")
        return known.get(name, f":{name}")

    return replaced(sql, known, positional), names


def free_names(count: int, sql: str) -> list[str]:
    """Names for positional parameters that the statement does not use."""
    prefix = "p"
    while f":{prefix}" in sql:
        prefix += "_"
    return [f"{prefix}{at}" for at in range(count)]


def replaced(
    sql: str, texts: Mapping[str, str], positional: Callable[[], str] | None = None
) -> str:
    """The statement with texts for its named markers, and for each `?` what `positional` gives."""
    tokens = tokens_of(sql)
    changes: list[tuple[int, int, str]] = []
    for at, token in enumerate(tokens):
        if token.token_type.name in ("STRING", "IDENTIFIER"):
            continue
        if token.text == "?" and positional is not None:
            changes.append((token.start, token.end + 1, positional()))
        elif token.text == ":" and at + 1 < len(tokens) and tokens[at + 1].text in texts:
            new = texts[tokens[at + 1].text]
            changes.append((token.start, tokens[at + 1].end + 1, new))
    for start, end, new in reversed(changes):
        sql = sql[:start] + new + sql[end:]
    return sql
