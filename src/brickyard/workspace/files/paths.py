"""Paths of the API into real paths, none of which leads out of its root.

`/Workspace/x` and `/x` are the same object, repeated slashes count once. Symbolic links, which
tasks can make, are never followed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from brickyard.workspace.kernel import denied, invalid

LONGEST_NAME = 240  # bytes; leaves room for the extension that a notebook gets on disk


def parts_of(path: str) -> tuple[str, ...]:
    """The names on an absolute API path. Raises INVALID_PARAMETER_VALUE."""
    if not path.startswith("/"):
        raise invalid(f"Path ({path}) doesn't start with '/'")
    names = tuple(name for name in path.split("/") if name)
    for name in names:
        if name in (".", "..") or "\0" in name or len(name.encode()) > LONGEST_NAME:
            raise invalid(f"Path ({path}) is not valid: {name[:40]!r} cannot be a name")
    return names


def workspace_parts(path: str) -> tuple[str, ...]:
    """The same for a workspace object: without the leading `/Workspace`."""
    names = parts_of(path)
    return names[1:] if names[:1] == ("Workspace",) else names


def joined(parts: tuple[str, ...]) -> str:
    return "/" + "/".join(parts)


def beneath(root: Path, parts: tuple[str, ...]) -> Path:
    """The real path below `root`, which may not exist. Raises PERMISSION_DENIED on a link."""
    path = str(root)  # plain text: this is asked several times for every request
    for name in parts:
        path = f"{path}/{name}"
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            break
        if stat.S_ISLNK(mode):
            raise denied(f"{joined(parts)} leads through a symbolic link, which is not followed")
    return root.joinpath(*parts)
