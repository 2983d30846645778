"""Where something was written: file, line and column, both counted from 1."""

from __future__ import annotations

from typing import NamedTuple


class Location(NamedTuple):
    """A place in a file; `file` is a posix path relative to the bundle's root."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file
