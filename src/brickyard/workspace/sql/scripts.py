"""SQL files of several statements, as a job's SQL task runs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

STRAY = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
# Quoted text, names, comments and a function's Python hide a semicolon; the rest is taken as is.
PIECES = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/"""
    r"""|\$\$.*?\$\$|;|[^'"`;/$-]+|.""",
    re.DOTALL,
)


def statements(text: str, parameters: Mapping[str, str]) -> Iterator[str]:
    """Each statement of a script, with `{{name}}` replaced; comments alone are no statement."""
    filled = STRAY.sub(lambda found: parameters.get(found[1], found[0]), text)
    current: list[str] = []
    has_code = False
    for found in PIECES.finditer(filled):
        piece = found[0]
        if piece == ";":
            if has_code:
                yield "".join(current).strip()
            current, has_code = [], False
            continue
        current.append(piece)
        has_code = has_code or bool(piece.strip() and not piece.startswith(("--", "/*")))
    if has_code:
        yield "".join(current).strip()
