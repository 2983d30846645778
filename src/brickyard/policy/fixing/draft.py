"""A change while it is made: texts by file, and what the bundle has to hand to its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

VARIABLE: Final = "catalog"
# Files that a task starts -> the tasks that do, as (key of the job, key of the task).
Starts = Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Draft:
    files: Mapping[str, bytes]
    starts: Starts
    texts: dict[str, str] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)  # keys of jobs that need the parameter
    tasks: set[tuple[str, str]] = field(default_factory=set)  # that need `--catalog`
    given: set[str] = field(default_factory=set)  # files that read `--catalog`
    needs_variable: bool = False
    variables: set[str] = field(default_factory=set)  # existing ones that targets must set

    def text(self, path: str) -> str | None:
        if path not in self.texts and path in self.files:
            return self.files[path].decode("utf-8", errors="replace")
        return self.texts.get(path)


def place_of(line: str, start: int, catalog: str) -> int | None:
    """Where the catalog is written at or behind a column; else anywhere in the line."""
    pattern = re.compile(rf"(?<![\w.-]){re.escape(catalog)}(?![\w-])", re.IGNORECASE)
    found = pattern.search(line, max(start, 0)) or pattern.search(line)
    return found.start() if found else None


def replaced(lines: list[str], number: int, at: int, length: int, new: str) -> str:
    line = lines[number - 1]
    changed = [*lines]
    changed[number - 1] = line[:at] + new + line[at + length :]
    return "".join(changed)
