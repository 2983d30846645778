"""Notebooks as the policy reads them: cells with a language, a text, and the line where they start.

Reads the `.py` source format and `.ipynb`; `.sql` notebooks are SQL with comments between cells.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

MARKER = "# Databricks notebook source"
SQL_MARKER = "-- Databricks notebook source"
SEPARATOR = "# COMMAND ----------"
MAGIC = "# MAGIC"
LANGUAGES = {"sql": "sql", "python": "python", "md": "text", "sh": "shell", "run": "run"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`language` is python, sql, run (the text is a path), shell, pip, scala, r or text."""

    language: str
    text: str
    line: int


def is_notebook(text: str) -> bool:
    return text.startswith((MARKER, SQL_MARKER))


def cells(text: str, path: str) -> Iterator[Cell]:
    """The cells of a notebook or of a plain Python file, which is one cell."""
    if path.endswith(".ipynb"):
        yield from _jupyter_cells(text)
    elif text.startswith(MARKER):
        yield from _source_cells(text)
    else:
        yield Cell(language="python", text=text, line=1)


def _source_cells(text: str) -> Iterator[Cell]:
    lines = text.splitlines()
    start = 1
    for at, line in enumerate([*lines[1:], SEPARATOR], start=2):
        if line.strip() == SEPARATOR:
            yield from _source_cell(lines[start : at - 1], start + 1)
            start = at
    return


def _source_cell(lines: list[str], number: int) -> Iterator[Cell]:
    magic = [line for line in lines if line.startswith(MAGIC)]
    if not magic:
        yield Cell(language="python", text="\n".join(lines), line=number)
        return
    first = next(at for at, line in enumerate(lines) if line.startswith(MAGIC))
    body = "\n".join(line[len(MAGIC) :].removeprefix(" ") for line in magic)
    yield _by_magic(body, number + first)


def _jupyter_cells(text: str) -> Iterator[Cell]:
    try:
        found = json.loads(text).get("cells", [])
    except (ValueError, AttributeError):
        return
    position = 0
    for cell in found if isinstance(found, list) else []:
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        lines = source.splitlines(keepends=True) if isinstance(source, str) else source
        if not lines:
            continue
        first = json.dumps(lines[0], ensure_ascii=False)[1:-1]
        at = text.find(first, position)
        position = at + len(first) if at >= 0 else position
        line = text.count("\n", 0, max(at, 0)) + 1
        body = "".join(lines)
        if cell.get("cell_type") != "code":
            continue
        if body.lstrip().startswith("%"):
            yield _by_magic(body.lstrip(), line)
        else:
            yield Cell(language="python", text=re.sub(r"(?m)^(\s*)[%!]", r"\1#", body), line=line)


def _by_magic(body: str, line: int) -> Cell:
    """A cell whose first line says its language."""
    found = re.match(r"%(\w+)[ \t]*", body)
    if not found:
        return Cell(language="text", text=body, line=line)
    language = LANGUAGES.get(found[1], found[1])
    rest = body[found.end() :]
    skipped = len(rest) - len(rest.lstrip("\n"))
    return Cell(language=language, text=rest.strip("\n"), line=line + skipped)
