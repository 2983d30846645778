"""What a pipeline's environment asks for: requirement lines, and projects installed as editable.

`--editable FOLDER`, as the official templates write it, makes a project of the workspace's files
importable and brings its dependencies. Here its dependencies are read from `pyproject.toml`, and
its folders are put on the import path: nothing of the project is built. A folder without that file
is only warned of: the template for SQL names one, and pipelines of SQL need no packages.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.processes import UnresolvedEnvironment

EDITABLE: Final = re.compile(r"(?:-e|--editable)(?:\s+|=)(?P<folder>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    lines: tuple[str, ...]
    import_folders: tuple[str, ...]  # as the process sees them
    warnings: tuple[str, ...]


def read_environment(
    body: Mapping[str, Any], locate: Callable[[str], Path], shows: Callable[[Path], bool]
) -> Wanted:
    """Raises UnresolvedEnvironment for a project that cannot be read."""
    lines: list[str] = []
    folders: list[str] = []
    warnings: list[str] = []
    for given in (body.get("environment") or {}).get("dependencies") or ():
        found = EDITABLE.fullmatch(str(given).strip())
        if found is None:
            lines.append(str(given))
            continue
        folder = found["folder"].strip().strip("'\"").rstrip("/")
        file = locate(f"{folder}/pyproject.toml")
        if file.is_file() and shows(file):
            lines += _dependencies(folder, file)
        else:
            warnings.append(
                f"--editable {folder}: there is no pyproject.toml in this folder, or no access to "
                "it; its dependencies are not installed."
            )
        folders += [f"{folder}/src", folder]
    lines += [str(one["whl"]) for one in body.get("libraries") or () if one.get("whl")]
    return Wanted(lines=tuple(lines), import_folders=tuple(folders), warnings=tuple(warnings))


def _dependencies(folder: str, file: Path) -> list[str]:
    try:
        project = tomllib.loads(file.read_text()).get("project") or {}
        return [str(one) for one in project.get("dependencies") or ()]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as fault:
        raise UnresolvedEnvironment(f"{folder}/pyproject.toml: {fault}") from None
