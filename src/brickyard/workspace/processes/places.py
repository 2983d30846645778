"""From the paths that user code names to the files behind them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from brickyard.workspace.kernel import invalid, not_found


def locate(path: str, files: Path, volumes: Mapping[str, Path]) -> Path:
    """The real file behind a `/Workspace` or `/Volumes` path (which may not exist)."""
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
