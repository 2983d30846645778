"""The bundle's folder on disk, as the pure rooms see it: names and bytes, read when asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT_NAMES: Final = ("databricks.yml", "databricks.yaml", "bundle.yml", "bundle.yaml")
# Never configuration, and big enough to make every command slow.
SKIPPED: Final = frozenset({".git", ".databricks", ".venv", "venv", "node_modules", "__pycache__"})


class NoBundle(Exception):
    """There is no bundle where one was looked for."""


def find_root(start: Path, environment: Mapping[str, str]) -> Path:
    """The folder of the bundle: named by the environment, or found walking up from `start`."""
    for name in ("DATABRICKS_BUNDLE_ROOT", "BUNDLE_ROOT"):
        if environment.get(name):
            return _named_root(environment[name])
    here = start.resolve()
    for name in ROOT_NAMES:
        for folder in (here, *here.parents):
            if (folder / name).is_file():
                return folder
    raise NoBundle(
        "Unable to locate the bundle root: databricks.yml not found.\n\n"
        f"There is none in {here} or above it. Change into a bundle's folder, or name it with"
        " DATABRICKS_BUNDLE_ROOT."
    )


def _named_root(folder: str) -> Path:
    """The folder that the environment names. Raises `NoBundle` in the official CLI's words."""
    named = Path(folder)
    reason = ""
    if not named.exists():
        reason = f"stat {folder}: no such file or directory"
    elif not named.is_dir():
        reason = "not a directory"
    elif not root_file(named):
        reason = "databricks.yml not found"
    if reason:
        raise NoBundle(f'Invalid bundle root DATABRICKS_BUNDLE_ROOT="{folder}": {reason}')
    return named.resolve()


def root_file(folder: Path) -> str | None:
    """The name of the bundle's root file in `folder`, if there is one."""
    return next((name for name in ROOT_NAMES if (folder / name).is_file()), None)


@dataclass(frozen=True, slots=True)
class DiskFiles(Mapping[str, bytes]):
    """Files below `root` by posix path relative to it; `../` leads out, as bundles allow."""

    root: Path

    def __getitem__(self, path: str) -> bytes:
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            raise KeyError(path) from error

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and (self.root / path).is_file()

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder, empty or not."""
        try:
            return (self.root / path).is_dir()
        except (OSError, ValueError):
            return False

    def __iter__(self) -> Iterator[str]:
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(name for name in names if name not in SKIPPED)
            base = Path(folder).relative_to(self.root)
            for name in sorted(files):
                yield (base / name).as_posix()

    def __len__(self) -> int:
        return sum(1 for _ in self)
