"""From the paths that user code names to the files behind them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from brickyard.workspace.kernel import invalid, not_found

DBFS_ROOTS = ("dbfs:/", "/dbfs/")


def in_dbfs_root(path: str) -> str | None:
    """What a path names in the DBFS root, without a leading slash; None for any other path."""
    prefix = next((one for one in DBFS_ROOTS if path.startswith(one)), None)
    bare = path.removeprefix(prefix) if prefix else "Volumes/"
    return None if bare.startswith("Volumes/") else bare.lstrip("/")


def locate(path: str, files: Path, volumes: Mapping[str, Path], dbfs: Path | None = None) -> Path:
    """The real file behind a `/Workspace`, `/Volumes` or DBFS path (which may not exist)."""
    below = in_dbfs_root(path)
    if below is not None and dbfs is not None:
        if not is_inside(dbfs / below, dbfs):
            raise invalid(f"{path} leaves the DBFS root")
        return dbfs / below
    bare = path.removeprefix("dbfs:")
    if bare.startswith("/Volumes/"):
        for mount, folder in volumes.items():
            if bare.startswith(mount + "/"):
                found = folder / bare[len(mount) + 1 :]
                if is_inside(found, folder):
                    return found
        raise not_found(f"{path}: there is no such volume, or no access to it")
    found = files / bare.removeprefix("/Workspace").lstrip("/")
    if not is_inside(found, files):
        raise invalid(f"{path} leaves the workspace")
    return found


def is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
