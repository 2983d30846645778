"""Whether a file is a notebook: by its first line, or by what an `.ipynb` holds.

As the official CLI sees it: the line is the mark and nothing else, and an `.ipynb` that the
workspace could not import is a fault rather than a file of another kind.
"""

from __future__ import annotations

import json
import posixpath
from typing import Final

from brickyard.bundle.json_faults import json_fault

MARKS: Final = {
    ".py": b"# Databricks notebook source",
    ".r": b"# Databricks notebook source",
    ".scala": b"// Databricks notebook source",
    ".sql": b"-- Databricks notebook source",
}
LOOKED_AT: Final = 32  # bytes
OLDEST: Final = 4  # version of the Jupyter format


class BrokenNotebook(ValueError):
    """An `.ipynb` that is none."""


def is_notebook(name: str, content: bytes) -> bool:
    """Whether a workspace makes a notebook of the file. Raises `BrokenNotebook`."""
    ending = posixpath.splitext(name)[1].lower()
    if ending == ".ipynb":
        _check_jupyter(name, content.decode(errors="replace"))
        return True
    mark = MARKS.get(ending)
    return mark is not None and content[:LOOKED_AT].split(b"\n", 1)[0].removesuffix(b"\r") == mark


def _check_jupyter(name: str, text: str) -> None:
    loading = f"{name}: error loading Jupyter notebook file"
    start = text.lstrip()
    if not start:
        raise BrokenNotebook(f"{loading}: EOF")
    try:
        read, _ = json.JSONDecoder().raw_decode(start)
    except json.JSONDecodeError as fault:
        words = json_fault(start, fault).split(": ", 1)[1]
        end = "unexpected end of JSON input"
        raise BrokenNotebook(f"{loading}: {'unexpected EOF' if words == end else words}") from fault
    except RecursionError as fault:
        raise BrokenNotebook(f"{loading}: exceeded max depth") from fault
    held = read if isinstance(read, dict) else {}
    if not isinstance(held.get("cells"), list) or not isinstance(held.get("metadata"), dict):
        raise BrokenNotebook(f"{name}: invalid Jupyter notebook file")
    version = held.get("nbformat", 0)
    if not isinstance(version, int) or version < OLDEST:
        raise BrokenNotebook(f"{name}: unsupported Jupyter notebook version: {version}")
