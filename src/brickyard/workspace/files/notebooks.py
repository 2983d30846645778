"""What makes a file a notebook, and notebooks from one format into the other.

A notebook lies on disk as source with its extension, which its workspace path lacks: `/x` is
`x.py`. A source file is one when its first line is the marker, an `.ipynb` when it begins like a
JSON object. So what an object is can be read off the disk, where tasks may have written it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel import invalid

LANGUAGES: Final[Mapping[str, str]] = {
    ".py": "PYTHON",
    ".ipynb": "PYTHON",
    ".sql": "SQL",
    ".scala": "SCALA",
    ".r": "R",
    ".R": "R",
}
EXTENSION: Final[Mapping[str, str]] = {
    "PYTHON": ".py",
    "SQL": ".sql",
    "SCALA": ".scala",
    "R": ".r",
}
_COMMENT: Final[Mapping[str, str]] = {"PYTHON": "#", "SQL": "--", "SCALA": "//", "R": "#"}
_TITLE: Final = "Databricks notebook source"
_CELL: Final = "COMMAND ----------"
_MAGIC: Final = "MAGIC"
JUPYTER: Final = ".ipynb"
HEAD_BYTES: Final = 200


def marker(language: str) -> str:
    return f"{_COMMENT[language]} {_TITLE}"


def is_notebook(path: Path) -> bool:
    """Whether a file on disk is a notebook."""
    if path.suffix not in LANGUAGES:
        return False
    try:
        with path.open("rb") as file:
            return bool(notebook_suffix(path.name, file.read(HEAD_BYTES)))
    except OSError:
        return False


def notebook_suffix(name: str, content: bytes) -> str:
    """The extension when `content` under this name is a notebook, else ''."""
    suffix = Path(name).suffix
    language = LANGUAGES.get(suffix)
    if language is None:
        return ""
    if suffix == JUPYTER:
        return suffix if content[:HEAD_BYTES].lstrip().startswith(b"{") else ""
    return suffix if _is_marked(content, language) else ""


def marked(content: bytes, language: str) -> bytes:
    """Source that starts with the marker of its language."""
    if _is_marked(content, language):
        return content
    return marker(language).encode() + b"\n" + content


def checked_jupyter(content: bytes) -> bytes:
    """The content, if it is a Jupyter notebook. Raises INVALID_PARAMETER_VALUE."""
    _cells(content)
    return content


def to_source(content: bytes) -> bytes:
    """A Jupyter notebook as Databricks' Python source."""
    cells = []
    for cell in _cells(content):
        text = _text(cell)
        if cell.get("cell_type") == "markdown":
            text = f"%md\n{text}"
        if text.startswith(("%", "!")):
            text = "\n".join(f"# {_MAGIC} {line}".rstrip() for line in text.split("\n"))
        cells.append(text)
    title = marker("PYTHON")
    return f"{title}\n{f'{chr(10)}{chr(10)}# {_CELL}{chr(10)}{chr(10)}'.join(cells)}\n".encode()


def to_jupyter(content: bytes, language: str) -> bytes:
    """Databricks' source as a Jupyter notebook without outputs."""
    comment = _COMMENT[language]
    lines = content.decode("utf-8", "replace").splitlines()[1:]
    cells = []
    for source in "\n".join(lines).split(f"{comment} {_CELL}"):
        text = source.strip("\n")
        prefix = f"{comment} {_MAGIC} "
        if text.startswith(prefix.rstrip()):
            text = "\n".join(
                line.removeprefix(prefix.rstrip()).removeprefix(" ") for line in text.split("\n")
            )
        is_text = text.startswith("%md")
        kind = {"cell_type": "markdown"} if is_text else {"cell_type": "code", "outputs": []}
        body = text.removeprefix("%md").lstrip("\n ") if is_text else text
        extra: dict[str, Any] = {} if is_text else {"execution_count": None}
        cells.append({**kind, **extra, "metadata": {}, "source": body.splitlines(keepends=True)})
    info = {"language_info": {"name": language.lower()}}
    notebook = {"cells": cells, "metadata": info, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(notebook, indent=1).encode()


def _is_marked(content: bytes, language: str) -> bool:
    line = content[:HEAD_BYTES].split(b"\n", 1)[0]
    text = line.removeprefix(b"\xef\xbb\xbf").strip()
    return text == marker(language).encode()


def _cells(content: bytes) -> list[dict[str, Any]]:
    try:
        cells = json.loads(content).get("cells", [])
    except (ValueError, AttributeError):
        cells = None
    if not isinstance(cells, list) or not all(isinstance(one, dict) for one in cells):
        raise invalid("The content is not a Jupyter notebook (JSON with a list of cells)")
    return cells


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return ("".join(source) if isinstance(source, list) else str(source)).strip("\n")
