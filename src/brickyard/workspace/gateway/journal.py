"""The gateway's journal: every finished request as a line of a file, before its answer goes out.

What is the same for many requests to a served entity has a line of its own before them (`served`).

A line is handed to the operating system at once, so `kill -9` loses none; once a second the file is
forced to disk, so a power cut loses what was answered in that second. A segment is closed, its
lines are taken to where they belong, and only then it is removed: whoever takes them must know a
segment that was taken before (`Publisher`).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SUFFIX: Final = ".jsonl"
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class Journal:
    """Thread-safe. `append` takes microseconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: int | None = None
        self._number = 0
        self._size = 0

    def open(self) -> None:
        """Begin a new segment after those that are left from before."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            self._begin(max((number for number, _ in self._segments()), default=self._last()) + 1)

    def append(self, record: str) -> None:
        """`record`: its fields, as `fields_of` has them."""
        line = f"{{{record}}}\n".encode()
        with self._lock:
            assert self._file is not None, "the journal is not open"
            try:
                written = os.write(self._file, line)
                while written < len(line):
                    written += os.write(self._file, line[written:])
            except OSError:  # the disk is full: no half of a line may stand before the next one
                os.ftruncate(self._file, self._size)
                raise
            self._size += len(line)

    def sync(self) -> None:
        """Force what was appended to disk. Nobody who appends waits for that."""
        with self._lock:
            if self._file is None or not self._size:
                return
            file = os.dup(self._file)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def rotate(self) -> None:
        """Close the segment, if anything is in it, and begin the next."""
        with self._lock:
            if self._file is None or not self._size:
                return
            file = self._file
            self._begin(self._number + 1)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)
                os.close(self._file)
                self._file = None

    def closed(self) -> list[tuple[int, Path]]:
        """The segments that nothing is appended to any more, oldest first."""
        with self._lock:
            return [one for one in self._segments() if one[0] != self._number or self._file is None]

    def forget(self, number: int) -> None:
        """A segment was taken to where it belongs."""
        put(self._folder / "last", str(number))
        self._path(number).unlink(missing_ok=True)

    def _begin(self, number: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(self._path(number), flags, 0o600)
        self._number, self._size = number, 0

    def _segments(self) -> list[tuple[int, Path]]:
        found = [path for path in self._folder.glob(f"*{SUFFIX}") if path.stem.isdecimal()]
        return sorted((int(path.stem), path) for path in found)

    def _last(self) -> int:
        """The number of the last segment that was taken away: numbers never come back."""
        try:
            return int((self._folder / "last").read_text())
        except (OSError, ValueError):
            return 0

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012}{SUFFIX}"


def put(path: Path, text: str) -> None:
    """Make this the content of a file, whole whatever happens: on disk before it has its name."""
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def fields_of(record: Mapping[str, Any]) -> str:
    """Fields of a record as they stand in its line, where others may follow behind a comma."""
    return _encode(record)[1:-1]


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a segment; a last line that a power cut tore is left out."""
    with path.open("rb") as file:
        for line in file:
            try:
                yield _decode(line.decode())
            except ValueError:
                return
