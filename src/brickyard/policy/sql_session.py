"""What SQL statements settle for later ones, and the values that are known while they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.policy.sql_text import TOKENS, Edit, Text, closing

HOLE: Final = "__unknown__"
LOCAL: Final = "__local_"  # begins a name for what is no securable: a frame, a model of dbt
IDENTIFIER: Final = re.compile(r"\bIDENTIFIER\s*\(", re.IGNORECASE)
CONCAT: Final = re.compile(r"^\s*CONCAT(?:_WS)?\s*\((.*)\)\s*$", re.IGNORECASE | re.DOTALL)
PIECE: Final = re.compile(r"\s*(?:'((?:[^'\\]|\\.|'')*)'|\"([^\"]*)\"|:(\w+)|([A-Za-z_][\w.]*))\s*")
FILLED: Final = re.compile(r"\$\{\s*([^}]*?)\s*\}|\{\{\s*([^}]*?)\s*\}\}|\{(\w*)\}")
WIDGET: Final = re.compile(r"(?<![\w$])\$([A-Za-z_]\w*)")


@dataclass(slots=True)
class Session:
    """Current names, views of the session, variables, and names that a pipeline makes itself."""

    catalog: str = ""
    schema: str = ""
    local_views: set[str] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # spark.conf; any abstract value

    def full(self, parts: list[str]) -> str:
        """The whole name. What begins with what isn't known may be whole already."""
        if parts and parts[0].startswith(HOLE):
            return ".".join(parts)
        if len(parts) == 2 and self.catalog:
            return ".".join([self.catalog, *parts])
        if len(parts) == 1 and self.catalog and self.schema:
            return ".".join([self.catalog, self.schema, *parts])
        return ".".join(parts)

    def is_local(self, name: str) -> bool:
        return name.startswith(LOCAL) or name.lower() in self.local_views


def filled(text: Text, parameters: Mapping[str, Any], session: Session) -> Text:
    """`${name}`, `{{name}}`, `{name}` and `$name` with their values; a hole where they aren't
    known. `$name` is a notebook's old way to name a widget; in quotes it may be anything else."""
    known = {key.lower(): value for key, value in {**session.settings, **parameters}.items()}

    def value(found: re.Match[str]) -> str:
        name = (found[1] or found[2] or found[3] or "").lower().removeprefix("var.")
        given = known.get(name)
        return given if isinstance(given, str) else HOLE

    text = text.replaced(FILLED, value)
    quoted = [one.span() for one in TOKENS.finditer(text.text)] if "$" in text.text else []
    edits: list[Edit] = []
    for found in WIDGET.finditer(text.text):
        is_quoted = any(start < found.start() < end for start, end in quoted)
        if found[1].lower() in known or not is_quoted:
            edits.append((found.start(), found.end(), value(found)))
    return text.edited(edits)


def identified(text: Text, parameters: Mapping[str, Any], session: Session) -> Text:
    """`IDENTIFIER(…)` with the name that it stands for."""
    edits: list[Edit] = []
    position = 0
    for found in IDENTIFIER.finditer(text.text):
        end = closing(text.text, found.end() - 1)
        if found.start() < position or end < 0:
            continue
        name = constant(text.text[found.end() : end], parameters, session)
        quoted = ".".join(f"`{part.strip('` ')}`" for part in name.split("."))
        edits.append((found.start(), end + 1, quoted))
        position = end + 1
    return text.edited(edits)


def constant(expression: str, parameters: Mapping[str, Any], session: Session) -> str:
    """The text that an expression of literals, parameters and variables gives, holes included."""
    joined = CONCAT.match(expression)
    if joined:
        return "".join(constant(one, parameters, session) for one in joined[1].split(","))
    return "".join(_piece(one, parameters, session) for one in expression.split("||"))


def _piece(text: str, parameters: Mapping[str, Any], session: Session) -> str:
    found = PIECE.fullmatch(text)
    if not found:
        return HOLE
    if found[1] is not None or found[2] is not None:
        return found[1] if found[1] is not None else found[2]
    if found[3] is not None:
        value = parameters.get(found[3], session.settings.get(found[3]))
        return value if isinstance(value, str) else HOLE
    return session.variables.get(found[4].lower().removeprefix("session."), HOLE)
