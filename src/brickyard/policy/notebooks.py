"""Notebooks as the policy reads them: cells with a language, a text, and their lines.

Reads the source formats of Python and SQL notebooks, and `.ipynb`. Of a plain Python file there is
one cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MARKER: Final = "# Databricks notebook source"
SQL_MARKER: Final = "-- Databricks notebook source"
LANGUAGES: Final = {
    "sql": "sql",
    "python": "python",
    "md": "text",
    "md-sandbox": "text",
    "sh": "shell",
    "run": "run",
    "pip": "text",
    "conda": "text",
    "skip": "text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`language` is python, sql, run (the text is a path), fs, shell, scala, r or text.

    `lines` has the line of the file for each line of the text.
    """

    language: str
    text: str
    lines: tuple[int, ...]

    @property
    def line(self) -> int:
        return self.lines[0] if self.lines else 1

    def line_of(self, number: int) -> int:
        """The line of the file behind a line of the text, from 1."""
        if not self.lines:
            return number
        return self.lines[min(max(number, 1), len(self.lines)) - 1]


def is_notebook(text: str) -> bool:
    return text.startswith((MARKER, SQL_MARKER))


def cells(text: str, path: str) -> Iterator[Cell]:
    """The cells of a notebook or of a plain file, which is one cell."""
    if path.endswith(".ipynb"):
        yield from _jupyter_cells(text)
    elif text.startswith(MARKER):
        yield from _source_cells(text, "#", "python")
    elif text.startswith(SQL_MARKER):
        yield from _source_cells(text, "--", "sql")
    else:
        language = "sql" if path.endswith(".sql") else "python"
        yield Cell(language=language, text=text, lines=())


def _source_cells(text: str, comment: str, language: str) -> Iterator[Cell]:
    separator, magic = f"{comment} COMMAND ----------", f"{comment} MAGIC"
    lines = text.splitlines()
    start = 1
    for at, line in enumerate([*lines[1:], separator], start=1):
        if line.strip() == separator:
            yield from _source_cell(lines[start:at], start + 1, magic, language)
            start = at + 1


def _source_cell(lines: list[str], number: int, magic: str, language: str) -> Iterator[Cell]:
    found = [(at, line) for at, line in enumerate(lines) if line.startswith(magic)]
    if not found:
        yield Cell(
            language=language,
            text="\n".join(lines),
            lines=tuple(range(number, number + len(lines))),
        )
        return
    bodies = [(number + at, line[len(magic) :].removeprefix(" ")) for at, line in found]
    if not any(body.startswith("%") for _, body in bodies):
        return  # words of a text cell that was cut
    yield _by_magic([body for _, body in bodies], [line for line, _ in bodies])
    # Python below a magic line such as %pip stands in the same cell.
    rest = [(number + at, one) for at, one in enumerate(lines) if not one.startswith(magic)]
    if any(one.strip() and not one.startswith(magic[:2]) for _, one in rest):
        yield Cell(
            language=language,
            text="\n".join(one for _, one in rest),
            lines=tuple(line for line, _ in rest),
        )


def _jupyter_cells(text: str) -> Iterator[Cell]:
    try:
        found = json.loads(text).get("cells", [])
    except (ValueError, AttributeError):
        return
    position = 0
    for cell in found if isinstance(found, list) else []:
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        body = source if isinstance(source, str) else "".join(str(one) for one in source)
        lines: list[int] = []
        for one in body.splitlines():
            written = json.dumps(one, ensure_ascii=False)[1:-1]
            at = text.find(written, position)
            position = at + len(written) if at >= 0 else position
            lines.append(text.count("\n", 0, position) + 1)
        if not body.strip() or cell.get("cell_type") != "code":
            continue
        if body.lstrip().startswith("%"):
            yield _by_magic(body.splitlines(), lines)
        else:
            yield Cell(language="python", text=body, lines=tuple(lines))


def _by_magic(body: list[str], lines: list[int]) -> Cell:
    """A cell whose first line says its language."""
    while body and not body[0].strip():
        body, lines = body[1:], lines[1:]
    found = re.match(r"%%?([\w-]+)[ \t]*", body[0]) if body else None
    if not found:
        return Cell(language="text", text="\n".join(body), lines=tuple(lines))
    language = LANGUAGES.get(found[1], found[1])
    if language == "text" or found[1] not in {*LANGUAGES, "fs", "scala", "r"}:
        # A line magic such as %pip or %load_ext: what follows it is Python again.
        rest = "\n".join(["", *body[1:]])
        follows = "python" if found[1] not in {"md", "md-sandbox"} else "text"
        return Cell(language=follows, text=rest, lines=tuple(lines))
    first = body[0][found.end() :]
    if not first.strip():
        return Cell(language=language, text="\n".join(body[1:]), lines=tuple(lines[1:]))
    return Cell(language=language, text="\n".join([first, *body[1:]]), lines=tuple(lines))
