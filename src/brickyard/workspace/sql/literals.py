"""Values as SQL text, and statements with their parameters written out.

The engine takes parameters with queries only; in other statements they become literals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

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
