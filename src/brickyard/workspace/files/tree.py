"""The workspace tree on disk: folders, files and notebooks of one workspace. Asks nobody.

Notebook `/a/x` is `a/x.py` (see `notebooks`); everything else has its own name.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from brickyard.workspace.files.notebooks import LANGUAGES, is_notebook
from brickyard.workspace.files.paths import beneath, joined
from brickyard.workspace.files.publish import Staging, publish
from brickyard.workspace.kernel import ApiError, exists, invalid, not_found

Parts = tuple[str, ...]
BeforeNew = Callable[[Parts], None]


class Kind(Enum):
    DIRECTORY = "DIRECTORY"
    FILE = "FILE"
    NOTEBOOK = "NOTEBOOK"


PERMISSION_TYPE = {
    Kind.DIRECTORY: "directories",
    Kind.FILE: "files",
    Kind.NOTEBOOK: "notebooks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object of the tree as it lies on disk."""

    parts: Parts
    kind: Kind
    disk: Path
    size: int
    modified_ms: int

    @property
    def path(self) -> str:
        return joined(self.parts)

    @property
    def language(self) -> str | None:
        return LANGUAGES.get(self.disk.suffix) if self.kind is Kind.NOTEBOOK else None


class Tree:
    def __init__(self, root: Path, staging: Staging) -> None:
        self.root = root
        self._staging = staging
        self._lock = threading.Lock()  # an object has several possible names on disk

    def find(self, parts: Parts) -> Found | None:
        """The object at an API path, or None."""
        if not parts:
            self.root.mkdir(parents=True, exist_ok=True)
        disk = beneath(self.root, parts)
        exact = _look(disk, parts)
        if exact is not None and (exact.kind is Kind.DIRECTORY or not is_notebook(disk)):
            return exact
        if not parts:
            return None
        for suffix in LANGUAGES:
            found = _look(f"{disk}{suffix}", parts)
            if found is not None and found.kind is Kind.FILE and is_notebook(found.disk):
                return replace(found, kind=Kind.NOTEBOOK)
        return None

    def by_disk(self, parts: Parts) -> Found | None:
        """The object whose name on disk is given: `/a/x.py` is the notebook `/a/x`."""
        found = _look(beneath(self.root, parts), parts)
        if found is not None and found.kind is Kind.FILE and is_notebook(found.disk):
            return replace(found, kind=Kind.NOTEBOOK, parts=(*parts[:-1], found.disk.stem))
        return found

    def need(self, parts: Parts) -> Found:
        found = self.find(parts)
        if found is None:
            raise not_found(f"Path ({joined(parts)}) doesn't exist.")
        return found

    def children(self, folder: Found) -> Iterator[Found]:
        """What a folder holds, by name."""
        for disk in sorted(folder.disk.iterdir()):
            found = _look(disk, (*folder.parts, disk.name))
            if found is None:
                continue
            if found.kind is Kind.FILE and is_notebook(disk):
                found = replace(found, kind=Kind.NOTEBOOK, parts=(*folder.parts, disk.stem))
            yield found

    def put(
        self,
        parts: Parts,
        suffix: str,
        draft: Path,
        *,
        overwrite: bool,
        before_new: BeforeNew | None = None,
    ) -> bool:
        """Put a finished file at an API path; `suffix` is that of a notebook, or ''.

        Whether the object is new, which `before_new` is told before anybody sees it. The parent
        must exist.
        """
        if not parts:
            raise invalid("The root of the workspace cannot be a file")
        try:
            with self._lock:
                self._need_parent(parts)
                before = self.find(parts)
                if before is not None and before.kind is Kind.DIRECTORY:
                    raise exists(f"Path ({joined(parts)}) is a folder; it already exists.")
                if before is not None and not overwrite:
                    raise _taken(before)
                target = beneath(self.root, (*parts[:-1], parts[-1] + suffix))
                if before is None and before_new is not None:
                    before_new(parts)
                try:
                    publish(draft, target, overwrite=overwrite)
                except FileExistsError:
                    raise _taken(_look(target, parts)) from None
                except IsADirectoryError:
                    raise exists(f"Path ({joined(parts)}{suffix}) is a folder.") from None
                if before is not None and before.disk != target:
                    before.disk.unlink(missing_ok=True)
                return before is None
        finally:
            draft.unlink(missing_ok=True)

    def make_folders(self, parts: Parts, before_new: BeforeNew | None = None) -> list[Parts]:
        """`mkdir -p`. The folders that are new, outermost first; each is told before it is made."""
        made: list[Parts] = []
        with self._lock:
            for depth in range(1, len(parts) + 1):
                here = parts[:depth]
                found = self.find(here)
                if found is None:
                    if before_new is not None:
                        before_new(here)
                    beneath(self.root, here).mkdir(exist_ok=True, parents=True)
                    made.append(here)
                elif found.kind is not Kind.DIRECTORY:
                    raise exists(
                        f"Path ({joined(here)}) already exists and is not a folder.", status=400
                    )
        return made

    def move(self, found: Found, parts: Parts) -> None:
        """Another name for a file, which must be free."""
        with self._lock:
            if self.find(parts) is not None:
                raise exists(f"Path ({joined(parts)}) already exists.")
            found.disk.rename(beneath(self.root, parts))

    def drop(self, found: Found, *, recursive: bool) -> None:
        with self._lock:
            if found.kind is Kind.DIRECTORY and not recursive and any(found.disk.iterdir()):
                raise ApiError(
                    "DIRECTORY_NOT_EMPTY",
                    f"Folder ({found.path}) is not empty; delete it with recursive=true.",
                )
            try:
                self._staging.discard(found.disk)
            except FileNotFoundError:
                raise not_found(f"Path ({found.path}) doesn't exist.") from None

    def _need_parent(self, parts: Parts) -> None:
        parent = self.find(parts[:-1])
        if parent is None:
            raise not_found(f"The parent folder ({joined(parts[:-1])}) does not exist.")
        if parent.kind is not Kind.DIRECTORY:
            raise invalid(f"({parent.path}) is not a folder.")


def _look(disk: Path | str, parts: Parts) -> Found | None:
    """A folder or file; never what a link leads to."""
    try:
        seen = os.lstat(disk)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(seen.st_mode):
        kind = Kind.DIRECTORY
    elif stat.S_ISREG(seen.st_mode):
        kind = Kind.FILE
    else:
        return None
    return Found(
        parts=parts,
        kind=kind,
        disk=Path(disk),
        size=seen.st_size,
        modified_ms=seen.st_mtime_ns // 1_000_000,
    )


def _taken(found: Found | None) -> ApiError:
    """Files answer 409, notebooks 400, as the real service does."""
    is_note = found is not None and found.kind is Kind.NOTEBOOK
    path = found.path if found is not None else ""
    return exists(f"Path ({path}) already exists.", status=400 if is_note else 409)
