"""Catalogs in `.ipynb` notebooks, changed line by line: all else of the file stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from brickyard.policy.fixing.code import WIDGET, python, sql
from brickyard.policy.fixing.draft import VARIABLE, place_of

FIRST: Final = f"{VARIABLE} = {WIDGET}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLines:
    """A code cell: each of its lines as it is written in the file, from `start` to `end`."""

    lines: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        return "".join(self.lines)

    @property
    def is_sql(self) -> bool:
        return self.text.lstrip().startswith(("%sql", "%%sql"))


def in_notebook(text: str, line: int, catalog: str) -> tuple[str | None, str]:
    """The notebook with the breach in a line mended, or why not."""
    for cell in _cells(text):
        at = next((n for n, span in enumerate(cell.spans) if _line(text, span[0]) == line), None)
        if at is None:
            continue
        if cell.is_sql:
            lines = [*cell.lines]
            changed = sql(lines, at + 1, place_of(lines[at], 0, catalog))
        else:
            # What is magic is no Python: it keeps its line and says nothing.
            plain = "".join(_without_magic(one) for one in cell.lines)
            changed = python(plain, at + 1, catalog, WIDGET)
            changed = changed and _with_magic(changed, cell.lines)
        if changed is None:
            return None, "the catalog's name is put together elsewhere"
        new = changed.splitlines(keepends=True)
        if len(new) != len(cell.lines):
            return None, "the cell can't be changed line by line"
        return _written(text, cell, new), ""
    return None, "the notebook does not keep each line of its cells by itself"


def with_widgets(text: str) -> str:
    """Each cell whose code uses the catalog gets it from the job's parameter first."""
    for cell in reversed(list(_cells(text))):
        uses = f"{{{VARIABLE}}}" in cell.text and not cell.is_sql
        if uses and not any(one.startswith(f"{VARIABLE} =") for one in cell.lines):
            at = next((n for n, one in enumerate(cell.lines) if not one.startswith("%")), 0)
            start = cell.spans[at][0]
            margin = text[text.rfind("\n", 0, start) + 1 : start]
            text = f"{text[:start]}{_encoded(FIRST)},\n{margin}{text[start:]}"
    return text


def _cells(text: str) -> Iterator[CellLines]:
    """Code cells whose source is a list of lines, each found where it is written."""
    try:
        found = json.loads(text).get("cells", [])
    except (ValueError, AttributeError):
        return
    position = 0
    for cell in found if isinstance(found, list) else []:
        source = cell.get("source") if isinstance(cell, dict) else None
        if not isinstance(source, list):
            continue
        lines, spans = [], []
        for one in source:
            span = _find(text, str(one), position)
            if span is None or str(one).count("\n") > str(one).endswith("\n"):
                break
            position = span[1]
            lines.append(str(one))
            spans.append(span)
        if cell.get("cell_type") == "code" and lines and len(lines) == len(source):
            yield CellLines(lines=tuple(lines), spans=tuple(spans))


def _find(text: str, line: str, position: int) -> tuple[int, int] | None:
    for is_ascii in (False, True):
        written = json.dumps(line, ensure_ascii=is_ascii)
        at = text.find(written, position)
        if at >= 0:
            return at, at + len(written)
    return None


def _written(text: str, cell: CellLines, new: list[str]) -> str:
    for (start, end), old, one in reversed(list(zip(cell.spans, cell.lines, new, strict=True))):
        if one != old:
            text = text[:start] + _encoded(one) + text[end:]
    return text


def _encoded(line: str) -> str:
    return json.dumps(line, ensure_ascii=False)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _without_magic(line: str) -> str:
    return "#" + line if line.startswith(("%", "!")) else line


def _with_magic(changed: str, old: tuple[str, ...]) -> str:
    new = changed.splitlines(keepends=True)
    return "".join(
        was if was.startswith(("%", "!")) else now for now, was in zip(new, old, strict=False)
    )
