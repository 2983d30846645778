"""Finding the function calls in a statement's text, by its tokens. Pure.

Positions are what matters: only the characters of a call are replaced, the rest of the statement
reaches the engine as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.spark.cursor import Cursor, syntax_error, tokens_of

# A name and a parenthesis after these words is a table with columns, not a call.
NOT_A_CALL: Final = frozenset(
    {"EXISTS", "FUNCTION", "INTO", "OVERWRITE", "REFERENCES", "TABLE", "UPDATE", "VIEW"}
)
NO_ALIAS: Final = frozenset({"LATERAL", "PIVOT", "UNPIVOT", "TABLESAMPLE"})
OPENING: Final = "("
SELECT_ALL: Final = ["(", "SELECT", "*", "FROM"]
NAMED: Final = re.compile(r"\bIDENTIFIER\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """`name` is that of `name => text`; '' for one by position."""

    text: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`[start, end)` in the text, up to `name_end` the name; `before`: the word that precedes."""

    parts: tuple[str, ...]
    start: int
    name_end: int
    end: int
    arguments: tuple[Argument, ...]
    before: str
    is_aliased: bool  # a name follows
    whole: tuple[int, int] | None = None  # of `(SELECT * FROM call [AS name])` after LATERAL

    @property
    def shown(self) -> str:
        return ".".join(self.parts)


def calls(sql: str) -> Iterator[Call]:
    """Every call in the text, outer ones before what is inside them."""
    tokens = tokens_of(sql)
    closing = _closing(tokens)
    for at, token in enumerate(tokens):
        if token.text != OPENING or at == 0 or at not in closing:
            continue
        first, parts = _name_before(tokens, at)
        if not parts:
            continue
        before = tokens[first - 1].text.upper() if first else ""
        if before in NOT_A_CALL or before == ".":
            continue
        end = closing[at]
        following = tokens[end + 1] if end + 1 < len(tokens) else None
        yield Call(
            parts=parts,
            start=tokens[first].start,
            name_end=tokens[at - 1].end + 1,
            end=tokens[end].end + 1,
            arguments=_arguments(sql, tokens, at, end),
            before=before,
            is_aliased=following is not None and _is_alias(following),
            whole=_lateral(tokens, first, end),
        )


def _lateral(tokens: Sequence[Any], first: int, end: int) -> tuple[int, int] | None:
    """The engine has no function of outer columns inside a lateral query, but as one itself."""
    opening = first - 4
    if opening < 1 or [one.text.upper() for one in tokens[opening:first]] != SELECT_ALL:
        return None
    if tokens[opening - 1].text.upper() != "LATERAL":
        return None
    for closing in range(end + 1, min(end + 4, len(tokens))):
        if tokens[closing].text == ")":
            return tokens[opening].start, tokens[closing].end + 1
        if tokens[closing].token_type.name not in ("VAR", "IDENTIFIER", "ALIAS"):
            return None
    return None


def _is_alias(token: Any) -> bool:
    if token.token_type.name not in ("VAR", "IDENTIFIER", "ALIAS"):
        return False
    return str(token.text).upper() not in NO_ALIAS


def named(sql: str, arguments: Mapping[str, str]) -> str:
    """`IDENTIFIER('a.b.f')(…)` and `IDENTIFIER(:name)(…)` with the name they mean in place."""
    if not NAMED.search(sql):
        return sql
    tokens = tokens_of(sql)
    closing = _closing(tokens)
    text = sql
    for at in range(len(tokens) - 2, -1, -1):
        if tokens[at].text.upper() != "IDENTIFIER" or tokens[at + 1].text != OPENING:
            continue
        end = closing.get(at + 1, len(tokens))
        if end + 1 >= len(tokens) or tokens[end + 1].text != OPENING:
            continue
        meant = Cursor(sql, tokens[at : end + 1], arguments).name()
        name = ".".join(f"`{part}`" for part in meant)
        text = text[: tokens[at].start] + name + text[tokens[end].end + 1 :]
    return text


def _closing(tokens: Sequence[Any]) -> Mapping[int, int]:
    """Index of an opening parenthesis -> that of the one that closes it."""
    found: dict[int, int] = {}
    open_: list[int] = []
    for at, token in enumerate(tokens):
        if token.token_type.name == "L_PAREN":
            open_.append(at)
        elif token.token_type.name == "R_PAREN" and open_:
            found[open_.pop()] = at
    return found


def _name_before(tokens: Sequence[Any], at: int) -> tuple[int, tuple[str, ...]]:
    """The dotted name that ends before the token, and where it begins; () when there is none."""
    parts: list[str] = []
    position = at - 1
    while position >= 0 and _is_name(tokens[position]):
        parts.insert(0, str(tokens[position].text))
        if position >= 2 and tokens[position - 1].text == "." and _is_name(tokens[position - 2]):
            position -= 2
            continue
        if len(parts) == 1 and tokens[position].token_type.name not in ("VAR", "IDENTIFIER"):
            return at, ()  # a word of the language
        return position, tuple(parts)
    return at, ()


def _is_name(token: Any) -> bool:
    if token.token_type.name == "IDENTIFIER":
        return True
    return token.token_type.name != "STRING" and str(token.text).isidentifier()


def _arguments(sql: str, tokens: Sequence[Any], start: int, end: int) -> tuple[Argument, ...]:
    found = []
    depth, first = 0, start + 1
    for at in range(start + 1, end + 1):
        text = tokens[at].text if tokens[at].token_type.name != "STRING" else ""
        if at == end or (text == "," and depth == 0):
            if at > first:
                found.append(_argument(sql, tokens, first, at))
            elif found or at < end:
                raise syntax_error("Syntax error: an argument is missing between two commas.")
            first = at + 1
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
    return tuple(found)


def _argument(sql: str, tokens: Sequence[Any], first: int, end: int) -> Argument:
    name = ""
    if end - first > 2 and tokens[first + 1].text == "=>":
        name = str(tokens[first].text)
        first += 2
    return Argument(text=sql[tokens[first].start : tokens[end - 1].end + 1], name=name)
