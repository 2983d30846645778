"""Requirements as users write them, made self-contained: what a task's environment is built from.

Takes pip's requirement lines: names with versions, URLs, `-r file`, wheels and folders by
`/Workspace`, `/Volumes` or relative path, index options. Files are inlined and wheels are read, so
that the result can be hashed: the same text over a changed wheel is another environment. Leaves
out editable installs and `--hash` options, which make no sense over a layered environment.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Locate = Callable[[str], Path]
Shows = Callable[[Path], bool]
Find = Callable[[str, Path | None], Path]
ARCHIVES = (".whl", ".tar.gz", ".zip")
REQUIREMENT_FILE = ("-r", "--requirement")
CONSTRAINT_FILE = ("-c", "--constraint")
IGNORED = ("--hash", "-q", "--quiet", "-U", "--upgrade", "--force-reinstall", "--no-cache-dir")
MAX_DEPTH = 10


class BadRequirement(ValueError):
    """A requirement line that cannot be read; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Lines for the resolver. `archives` are files that lines name, by the name they get."""

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    archives: tuple[tuple[str, Path], ...] = ()

    def digest(self) -> str:
        digest = hashlib.sha256("\n".join((*self.lines, "--", *self.constraints)).encode())
        for name, path in self.archives:
            digest.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def read_requirements(
    given: Sequence[str],
    *,
    locate: Locate = Path,
    shows: Shows = lambda path: True,
    folder: Path | None = None,
) -> Requirements:
    """`locate` turns a `/Workspace` or `/Volumes` path into a real one; what `shows` denies is not
    there. Raises BadRequirement.
    """

    def find(text: str, base: Path | None) -> Path:
        path = _path(text, locate, base)
        if not shows(path):
            raise BadRequirement(f"{text}: there is no such file, or no access to it")
        return path

    lines: list[str] = []
    constraints: list[str] = []
    archives: dict[str, Path] = {}
    for kind, text, base in _expand(given, find, folder, 0):
        if kind == "constraint":
            constraints.append(text)
        elif (path := _archive(text, find, base)) is not None:
            if not path.is_file():
                raise BadRequirement(f"{text}: there is no such file")
            archives[path.name] = path
            lines.append(f"./{path.name}")
        else:
            lines.append(text)
    return Requirements(
        lines=tuple(lines), constraints=tuple(constraints), archives=tuple(archives.items())
    )


def _expand(
    given: Sequence[str], find: Find, folder: Path | None, depth: int
) -> Iterator[tuple[str, str, Path | None]]:
    """(requirement | constraint, line, folder that relative paths start at)."""
    if depth > MAX_DEPTH:
        raise BadRequirement(f"requirement files include each other more than {MAX_DEPTH} deep")
    for line in _joined(given):
        option, _, rest = line.partition("=" if line.startswith("--") and "=" in line else " ")
        rest = rest.strip()
        if option in REQUIREMENT_FILE or option in CONSTRAINT_FILE:
            path = find(rest, folder)
            try:
                inner = path.read_text().splitlines()
            except OSError as fault:
                raise BadRequirement(f"{line}: {fault.strerror}") from None
            for kind, text, base in _expand(inner, find, path.parent, depth + 1):
                yield ("constraint" if option in CONSTRAINT_FILE else kind), text, base
        elif option in ("-e", "--editable"):
            raise BadRequirement(f"{line}: editable installs are not supported; name the wheel")
        elif option not in IGNORED:
            yield "requirement", line, folder


def _joined(given: Sequence[str]) -> Iterator[str]:
    """Lines without comments, with continuation lines joined."""
    pending = ""
    for line in given:
        line = pending + line.strip()
        if line.endswith("\\"):
            pending = line[:-1]
            continue
        pending = ""
        line = line.split(" #")[0].strip()
        if line and not line.startswith("#"):
            yield line.split(" --hash")[0].strip()


def _archive(line: str, find: Find, folder: Path | None) -> Path | None:
    text = (
        shlex.split(line)[0]
        if line.startswith(('"', "'"))
        else line.split(";", maxsplit=1)[0].strip()
    )
    if "://" in text or " @ " in text or not text.endswith(ARCHIVES):
        return None
    return find(text, folder)


def _path(text: str, locate: Locate, folder: Path | None) -> Path:
    if text.startswith(("/Workspace/", "/Volumes/", "dbfs:/", "/dbfs/")):
        return locate(text)
    path = Path(text)
    return path if path.is_absolute() or folder is None else folder / path
