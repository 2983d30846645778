"""Where generated files go, and what a key may be."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from brickyard.deploy.generate.generated import Cannot

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where configuration and downloaded files go, whether over what is there, and who is told."""

    config_dir: Path
    source_dir: Path
    force: bool
    say: Say
    key: str = ""


def under(root: Path, path: Path) -> str:
    """A path as people read it: from the bundle's root."""
    return Path(os.path.relpath(path, root)).as_posix()


def checked_key(key: str) -> str:
    """A key that names a file in the folder and nothing else."""
    if not key or "/" in key or "\\" in key or key in (".", ".."):
        raise Cannot(f"{key!r} is no key for a resource: give one with --key")
    return key
