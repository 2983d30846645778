"""Files put in place whole or not at all, whoever reads meanwhile and whenever the server dies.

Content is written beside the tree, on the same file system, then linked (create if absent: one of
two racing creators wins) or renamed (replace) to its name.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path


class Staging:
    """Drafts and the trash, in one folder that is emptied at every start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sweep(self) -> None:
        """Remove what a kill left behind."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def draft(self, content: bytes) -> Path:
        path = self._new()
        path.write_bytes(content)
        return path

    def empty(self) -> Path:
        path = self._new()
        path.touch(mode=0o644)
        return path

    def discard(self, path: Path) -> None:
        """Remove a file or folder: it is gone from its place at once, whatever its size."""
        grave = self._new()
        path.rename(grave)
        if grave.is_dir() and not grave.is_symlink():
            shutil.rmtree(grave, ignore_errors=True)
        else:
            grave.unlink(missing_ok=True)

    def _new(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / uuid.uuid4().hex


def publish(draft: Path, target: Path, *, overwrite: bool) -> None:
    """Move a finished file to its place. Raises FileExistsError without `overwrite`."""
    if target.is_dir():
        raise IsADirectoryError(str(target))
    draft.chmod(0o644)
    try:
        _place(draft, target, overwrite=overwrite)
    except OSError as fault:
        if fault.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        near = target.with_name(f".{uuid.uuid4().hex}.draft")
        shutil.copyfile(draft, near)  # another file system, or one without links
        try:
            if not overwrite and target.exists():
                raise FileExistsError(str(target)) from None
            near.replace(target)
        finally:
            near.unlink(missing_ok=True)
    finally:
        draft.unlink(missing_ok=True)


def _place(draft: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        draft.replace(target)
    else:
        os.link(draft, target, follow_symlinks=False)
