"""Notebooks into cells: Databricks' `.py` and `.sql` source format and Jupyter's `.ipynb`.

A cell knows its number, its language and the line of the file it starts at. Leaves out outputs,
widgets' layout and cell titles, which do not change what runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADERS = {
    "python": "# Databricks notebook source",
    "sql": "-- Databricks notebook source",
    "scala": "// Databricks notebook source",
}
COMMENT = {"python": "#", "sql": "--", "scala": "//"}
MAGIC = re.compile(r"^%%?([A-Za-z_]+)[ \t]*")
LANGUAGES = {"python", "sql", "md", "run", "pip", "sh", "fs", "scala", "r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    number: int  # from 1, as the notebook shows it
    language: str  # python, sql, md, run, pip, sh, fs, scala, r
    text: str  # without the magic's name
    line: int = 1  # where the cell's text starts in the file


def read_cells(path: Path, language: str = "python") -> tuple[Cell, ...]:
    """The notebook's cells. Raises ValueError for a broken `.ipynb`."""
    text = path.read_text()
    if path.suffix == ".ipynb" or text.lstrip().startswith("{"):
        return tuple(_jupyter_cells(text))
    return tuple(_source_cells(text, language))


def _source_cells(text: str, language: str) -> Iterator[Cell]:
    for name, header in HEADERS.items():
        if text.startswith(header):
            language = name
    comment = COMMENT.get(language, "#")
    separator = re.compile(rf"^{re.escape(comment)} COMMAND -{{10}}\s*$")
    magic = f"{comment} MAGIC"
    block: list[str] = []
    start, number = 1, 1
    for at, line in enumerate([*text.splitlines(), None], 1):
        if line is not None and not separator.match(line):
            if not (at == 1 and line.startswith(comment + " Databricks notebook")):
                block.append(line)
            elif at == 1:
                start = 2
            continue
        while block and not block[0].strip():
            block.pop(0)
            start += 1
        if any(line.strip() for line in block):
            yield _cell(number, _without(magic, block), language, start)
            number += 1
        block, start = [], at + 1


def _without(magic: str, block: list[str]) -> str:
    """The block's text with MAGIC comments turned into what they stand for."""
    title = magic.split(" ", maxsplit=1)[0] + " DBTITLE "
    lines = [line for line in block if not line.startswith(title)]
    code = [line for line in lines if line.strip()]
    if code and all(line.startswith(magic) for line in code):
        return "\n".join(line[len(magic) :].removeprefix(" ") for line in lines)
    return "\n".join(
        line[len(magic) :].removeprefix(" ") if line.startswith(magic) else line for line in lines
    )


def _jupyter_cells(text: str) -> Iterator[Cell]:
    notebook = json.loads(text)
    default = notebook.get("metadata", {}).get("language_info", {}).get("name", "python")
    number = 1
    for cell in notebook.get("cells", ()):
        source = cell.get("source", "")
        source = source if isinstance(source, str) else "".join(source)
        if cell.get("cell_type") == "code" and source.strip():
            yield _cell(number, source, default, 1)
        elif cell.get("cell_type") == "markdown":
            yield Cell(number=number, language="md", text=source)
        number += 1


def _cell(number: int, text: str, default: str, line: int) -> Cell:
    found = MAGIC.match(text.lstrip())
    if found is None or found[1].lower() not in LANGUAGES:
        return Cell(number=number, language=default, text=text, line=line)
    language = found[1].lower()
    rest = text.lstrip()[found.end() :]
    if language == "python":
        rest = rest.removeprefix("\n")
        return Cell(number=number, language="python", text=rest, line=line + 1)
    if language in ("pip", "run") and not text.lstrip().startswith("%%"):
        first, _, more = rest.partition("\n")
        if more.strip() and language == "pip":
            # Python follows the line magic: the cell is code with a magic in it.
            return Cell(number=number, language="python", text=text, line=line)
        rest = first if language == "run" else rest
    return Cell(number=number, language=language, text=rest, line=line)
