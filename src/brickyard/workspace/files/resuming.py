"""Uploads in one stream that may be broken off: what arrived is kept, and the client goes on there.

Follows Google Cloud Storage's resumable uploads, which the SDK speaks where it is offered a session
of that kind: `Content-Range: bytes A-B/TOTAL` (`*` while the end is not known), 308 with `Range`
for what is there so far, `bytes */*` to ask. Offered when the workspace starts with
`BRICKYARD_UPLOADS=resumable`, as a workspace on Google Cloud would; else uploads go in parts.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from brickyard.workspace.kernel import ApiError, invalid

OFFERED: Final = os.environ.get("BRICKYARD_UPLOADS", "") == "resumable"
RANGE: Final = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
CHUNK_BYTES: Final = 1024 * 1024
STREAM, DONE = "stream", "done"


@dataclass(frozen=True, slots=True)
class Asked:
    """`first` and `last` byte of what is sent; None: only asked how far it is. `total` if known."""

    first: int | None
    last: int
    total: int | None


def read_range(header: str) -> Asked:
    """Raises INVALID_PARAMETER_VALUE."""
    found = RANGE.fullmatch(header.strip())
    if found is None:
        raise invalid("Content-Range must be 'bytes A-B/TOTAL', 'bytes A-B/*' or 'bytes */*'")
    total = None if found[3] == "*" else int(found[3])
    if found[1] is None:
        return Asked(None, -1, total)
    first, last = int(found[1]), int(found[2])
    if last < first or (total is not None and last >= total):
        raise invalid(f"Content-Range names no bytes of the file: {header}")
    return Asked(first, last, total)


def took(folder: Path) -> int:
    """How many bytes are there."""
    stream = folder / STREAM
    return stream.stat().st_size if stream.exists() else 0


def is_done(folder: Path) -> bool:
    return (folder / DONE).exists()


def append(folder: Path, asked: Asked, content: Path | bytes) -> int:
    """Keep what is new of the bytes sent; how many are there now.

    Bytes that were kept before are skipped, so a piece may be sent again. Raises for a gap.
    """
    assert asked.first is not None
    with _alone(folder) as stream:
        size = stream.seek(0, os.SEEK_END)
        if asked.first > size:
            raise ApiError(
                "BAD_REQUEST", f"The upload has {size} bytes: what is sent begins at {asked.first}"
            )
        with _opened(content) as source:
            source.seek(size - asked.first)
            shutil.copyfileobj(source, stream, CHUNK_BYTES)
        stream.flush()
        return stream.tell()


def finish(folder: Path) -> Path:
    """The whole file, to be put in place; then `close`."""
    return folder / STREAM


def close(folder: Path) -> None:
    """Remember that it is complete: a client whose answer was lost asks again."""
    (folder / DONE).touch()


@contextmanager
def _alone(folder: Path) -> Iterator[IO[bytes]]:
    """The stream, for one request at a time."""
    with (folder / STREAM).open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield stream


@contextmanager
def _opened(content: Path | bytes) -> Iterator[IO[bytes]]:
    if isinstance(content, Path):
        with content.open("rb") as source:
            yield source
    else:
        yield io.BytesIO(content)
