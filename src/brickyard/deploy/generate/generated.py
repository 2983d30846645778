"""A generated configuration file: where it goes, what may be in the way, how it is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from brickyard.deploy.http import Json
from brickyard.deploy.project import Project, settings_of
from brickyard.deploy.state_store import write_atomically
from brickyard.values.diagnostic import Diagnostic, warning
from brickyard.values.yaml_writer import write_yaml


class Cannot(Exception):
    """Something is in the way; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """One resource, ready to be written: its type, key, configuration, and the file it goes to."""

    type: str
    key: str
    id: str
    value: Json
    path: Path
    quoted: tuple[str, ...] = ()
    old_path: Path | None = None  # what earlier versions called the file

    @property
    def text(self) -> str:
        tree = {"resources": {self.type: {self.key: self.value}}}
        return write_yaml(tree, quoted=self.quoted)


def check(made: Generated, *, force: bool) -> None:
    """Raises `Cannot` when a file is in the way."""
    for path in (made.path, made.old_path):
        if path is not None and path.is_dir():
            raise Cannot(f"{shown(path)} is a directory")
    if made.path.exists() and not force:
        raise Cannot(f"{shown(made.path)} already exists. Use --force to overwrite")
    if made.old_path is not None and made.old_path.exists() and not force:
        raise Cannot(
            f"{shown(made.old_path)} already exists and would be renamed to {shown(made.path)}."
            " Use --force to overwrite"
        )


def save(made: Generated, *, force: bool) -> None:
    """Write the configuration, over that of an earlier version too. Raises `Cannot`."""
    check(made, force=force)
    write(made.path, made.text.encode())
    if made.old_path is not None:
        made.old_path.unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with the folders above it; modes are kept."""
    mode = path.stat().st_mode & 0o777 if path.exists() else _usual_mode()
    write_atomically(path, content)
    path.chmod(mode)


def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def shown(path: Path) -> str:
    return path.as_posix()


def is_included(project: Project, path: Path) -> bool:
    """Whether the bundle's configuration, as it is on disk now, takes this file in."""
    names = settings_of(project).tree.get("include")
    wanted = path.resolve()
    root = project.root.resolve()
    included = names.elements if names is not None else ()
    return any((root / name.text).resolve() == wanted for name in included)


def not_included(project: Project, path: Path) -> Diagnostic:
    """The warning for a file that no deploy will read, with the pattern that would take it in."""
    name = Path(os.path.relpath(path, project.root)).as_posix()
    pattern = (Path(name).parent / "*.yml").as_posix()
    return warning(
        "bundle/generated-not-included",
        "Generated configuration is not included in the bundle",
        f"No entry of `include` takes in {name}, so a deploy passes it by. Add one:\n\ninclude:\n"
        f"  - {pattern}",
        is_explained=True,
    )
