"""The bundle's files with the edits in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from brickyard.deploy.config_sync.changes import Operation
from brickyard.deploy.config_sync.routing import Edit
from brickyard.deploy.state_store import write_atomically
from brickyard.values import show
from brickyard.values.yaml_edits import (
    NoPlace,
    NotEdited,
    add_value,
    remove_value,
    replace_value,
)

NOTEBOOKS: Final = (".py", ".r", ".scala", ".sql", ".ipynb")


class NotWritten(Exception):
    """An edit that cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """A file as it is and as it shall be."""

    path: Path
    original: str
    modified: str

    @property
    def json(self) -> dict[str, str]:
        return {
            "path": str(self.path),
            "originalContent": self.original,
            "modifiedContent": self.modified,
        }


def changed_files(edits: Iterable[Edit], *, root: Path, sync_root: Path) -> tuple[ChangedFile, ...]:
    """Every file that the edits change, by path. Writes nothing. Raises `NotWritten`."""
    originals: dict[str, str] = {}
    texts: dict[str, str] = {}
    for edit in edits:
        if edit.file not in texts:
            originals[edit.file] = texts[edit.file] = _read(root / edit.file)
        folder = (root / edit.file).parent
        value = _relative(edit.value, sync_root, folder)
        texts[edit.file] = _edited(texts[edit.file], edit, value)
    return tuple(
        ChangedFile(path=root / name, original=originals[name], modified=texts[name])
        for name in sorted(texts)
    )


def save(files: Iterable[ChangedFile]) -> None:
    """Write what has changed, each file whole or not at all."""
    for one in files:
        mode = one.path.stat().st_mode
        write_atomically(one.path, one.modified.encode())
        one.path.chmod(mode)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as failure:
        raise NotWritten(f"failed to read file {path}: {failure}") from failure


def _edited(text: str, edit: Edit, value: Any) -> str:
    problem: Exception | None = None
    for path in edit.paths:
        try:
            return _deed(edit.operation, value)(text, path)
        except (NoPlace, NotEdited) as failure:
            problem = problem or failure
    where = show(edit.paths[0])
    raise NotWritten(f"failed to apply change to file {edit.file} for a field {where}: {problem}")


def _deed(operation: Operation, value: Any) -> Callable[[str, Any], str]:
    if operation is Operation.REMOVE:
        return remove_value
    write = add_value if operation is Operation.ADD else replace_value
    return lambda text, path: write(text, path, value)


def _relative(value: Any, sync_root: Path, folder: Path) -> Any:
    """Paths of uploaded files as the bundle writes them: where files are deployed in place."""
    if isinstance(value, dict):
        return {key: _relative(item, sync_root, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_relative(item, sync_root, folder) for item in value]
    if not isinstance(value, str) or not value.startswith(f"{sync_root}/"):
        return value
    path = Path(value)
    if not path.exists():
        endings = (path.with_name(path.name + ending) for ending in NOTEBOOKS)
        path = next((one for one in endings if one.exists()), path)
    found = Path(os.path.relpath(path, folder)).as_posix()
    return found if found.startswith("..") else f"./{found}"
