"""Local files as a workspace will know them: their name there and the hash of their content.

Hashes are remembered in `digests.json` of the target's own folder, beside the size, times and inode
that the file had, so that a deploy without a change reads no file again. Like git's index, an entry
counts only when the file was last touched well before it was read: a change within the same tick of
the clock would not show. The list can be lost or wrong in any way at no cost but time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from brickyard.bundle.notebooks import BrokenNotebook, is_notebook
from brickyard.deploy.state_store import write_atomically

REMEMBERED: Final = "digests.json"
# Clocks of file systems tick in up to two seconds (FAT).
SETTLED_NS: Final = 2_000_000_000

# What changes when a file does: modified, changed (ns), size (bytes), inode.
Stamp = list[int]


class SyncConflict(Exception):
    """Two local files would become one remote object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file to be in the workspace: where it is, what is in it, how it is called there."""

    name: str
    source: str
    digest: str
    is_notebook: bool

    @property
    def remote_name(self) -> str:
        """Notebooks lose their extension in a workspace."""
        return str(PurePosixPath(self.name).with_suffix("")) if self.is_notebook else self.name


def look_at(
    root: Path, names: Iterable[str], *, folder: Path | None = None
) -> tuple[LocalFile, ...]:
    """The named files, with the hash of their content.

    With the target's `folder`, only what has changed since is read. Raises `SyncConflict` when two
    share a remote name, and `OSError` for a file that is not there.
    """
    now = time.time_ns()
    known = _remembered(folder, root) if folder else {}
    base = f"{root}{os.sep}"
    stamps = {name: stamp_of(base + name) for name in names}
    files: dict[str, LocalFile] = {}
    touched: list[str] = []
    for name, stamp in stamps.items():
        read = known.get(name)
        if read is None or stamp is None or read[:4] != stamp:
            touched.append(name)
            continue
        files[name] = LocalFile(
            name=name, source=base + name, digest=read[4], is_notebook=bool(read[5])
        )
    if touched:
        with ThreadPoolExecutor(max_workers=4) as pool:
            for file in pool.map(lambda name: local_file(name, base + name), touched):
                files[file.name] = file
    listed = tuple(files[name] for name in stamps)
    check_names(listed)
    if folder and (touched or stamps.keys() != known.keys()):
        _remember(folder, root, listed, stamps, now)
    return listed


def check_names(files: Iterable[LocalFile]) -> None:
    """Raises `SyncConflict` when two files share a remote name."""
    taken: dict[str, str] = {}
    for file in files:
        other = taken.setdefault(file.remote_name, file.name)
        if other != file.name:
            raise SyncConflict(
                f"{other} and {file.name} are both called {file.remote_name} in the workspace,"
                " where notebooks have no extension: rename or exclude one"
            )


def local_file(name: str, source: str | Path) -> LocalFile:
    """The file at `source`, to be called `name` in the workspace."""
    content = Path(source).read_bytes()
    return LocalFile(
        name=name,
        source=str(source),
        digest=hashlib.sha256(content).hexdigest(),
        is_notebook=_is_notebook(name, content),
    )


def _is_notebook(name: str, content: bytes) -> bool:
    try:
        return is_notebook(name, content)
    except BrokenNotebook:
        return False


def stamp_of(path: str | Path) -> Stamp | None:
    """None when there is no such file."""
    try:
        seen = os.stat(path)  # noqa: PTH116 -- thousands of files: a third of the time
    except OSError:
        return None
    return [seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino]


def _remembered(folder: Path, root: Path) -> dict[str, list[Any]]:
    """By name: the stamp, the digest, whether it is a notebook."""
    try:
        document = json.loads((folder / REMEMBERED).read_bytes())
        if document["version"] != 1 or document["root"] != str(root):
            return {}
        return {
            name: one
            for name, one in document["files"].items()
            if isinstance(one, list) and len(one) == 6 and isinstance(one[4], str)
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _remember(
    folder: Path,
    root: Path,
    files: Iterable[LocalFile],
    stamps: Mapping[str, Stamp | None],
    looked_at: int,
) -> None:
    """Write down what was read, but for files touched just before they were read."""
    listed = {}
    for file in files:
        stamp = stamps[file.name]
        if stamp is not None and max(stamp[0], stamp[1]) < looked_at - SETTLED_NS:
            listed[file.name] = [*stamp, file.digest, file.is_notebook]
    document = {"version": 1, "root": str(root), "files": listed}
    content = json.dumps(document, separators=(",", ":")).encode()
    try:
        write_atomically(folder / REMEMBERED, content)
    except OSError:
        return  # a folder that takes no file costs time, nothing else
