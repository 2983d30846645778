"""Files and folders at a place of the Files API: read, put, listed, removed.

Putting a file makes the folders above it, as in object storage; a removed folder must be empty.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.files.places import Place
from brickyard.workspace.files.publish import publish
from brickyard.workspace.kernel import ApiError, exists, invalid, not_found


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or folder in a listing."""

    path: str
    name: str
    is_folder: bool
    size: int
    modified_ms: int


def file_at(place: Place) -> tuple[Path, os.stat_result]:
    """The file, with its size and times. Raises NOT_FOUND."""
    real = place.real
    seen = _stat(real)
    if seen is None or not stat.S_ISREG(seen.st_mode):
        raise not_found(f"The file being accessed is not found: {place.path}", "NOT_FOUND")
    return real, seen


def need_folder(place: Place) -> Path:
    """The folder. Raises NOT_FOUND. A root exists even before anything was put into it."""
    real = place.real
    if not place.is_root and not real.is_dir():
        raise not_found(f"The directory being accessed is not found: {place.path}", "NOT_FOUND")
    return real


def need_absent(place: Place) -> None:
    """Raises ALREADY_EXISTS when there is something at the place."""
    if os.path.lexists(place.real):
        raise exists(f"The file being created already exists: {place.path}", "ALREADY_EXISTS")


def put(place: Place, draft: Path, *, overwrite: bool) -> None:
    """Put a finished file in its place, whole or not at all."""
    if place.is_root:
        raise invalid(f"{place.path} is a folder, not a file")
    real = place.real
    make_folder(Place(path=place.path, root=place.root, parts=place.parts[:-1]))
    try:
        publish(draft, real, overwrite=overwrite)
    except FileExistsError:
        need_absent(place)
        raise
    except IsADirectoryError:
        raise exists(f"{place.path} is a directory", "ALREADY_EXISTS") from None


def make_folder(place: Place) -> None:
    try:
        place.real.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise exists(f"A file is in the way of {place.path}", "ALREADY_EXISTS") from None


def listing(place: Place) -> Iterator[Entry]:
    """What the folder holds, by name; links and unfinished files are left out."""
    folder = need_folder(place)
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        name, seen = path.name, _stat(path)
        if seen is None or not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)):
            continue
        if name.startswith(".") and name.endswith(".draft"):
            continue
        is_folder = stat.S_ISDIR(seen.st_mode)
        yield Entry(
            path=f"{place.path}/{name}",
            name=name,
            is_folder=is_folder,
            size=0 if is_folder else seen.st_size,
            modified_ms=seen.st_mtime_ns // 1_000_000,
        )


def drop_file(place: Place) -> None:
    real, _ = file_at(place)
    real.unlink(missing_ok=True)


def drop_folder(place: Place) -> None:
    if place.is_root:
        raise invalid(f"{place.path} cannot be removed through the Files API")
    folder = need_folder(place)
    try:
        folder.rmdir()
    except OSError:
        raise ApiError("DIRECTORY_NOT_EMPTY", f"The directory is not empty: {place.path}") from None


def _stat(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
