"""The bundle's files as the engine sees them: posix paths relative to the root, and bytes."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from brickyard.bundle.notebooks import is_notebook
from brickyard.values import Diagnostic, Value, read_yaml

Found: TypeAlias = tuple[Diagnostic, ...]


@runtime_checkable
class WithFolders(Protocol):
    """Files that know their folders, empty ones and those outside the bundle too."""

    def is_folder(self, path: str) -> bool: ...


@dataclass(slots=True)
class BundleFiles:
    """Questions about files. The listing is made once, and only when a question needs it.

    A bundle is resolved again when an answer changes what is known: each file is parsed once for
    all of that, as reading YAML is most of the work.
    """

    source: Mapping[str, bytes]
    _parsed: dict[str, tuple[Value, tuple[Diagnostic, ...]] | None] = field(default_factory=dict)
    _made: dict[str, tuple[Value, tuple[Diagnostic, ...]]] = field(default_factory=dict)
    _names: frozenset[str] | None = field(default=None)
    _folders: frozenset[str] | None = field(default=None)

    def read(self, path: str) -> bytes | None:
        """The content, or None when there is no such file."""
        try:
            return self.source[path]
        except (KeyError, OSError, ValueError):
            return None

    def parsed(self, path: str) -> tuple[Value, tuple[Diagnostic, ...]] | None:
        """The YAML in a file, and what is wrong with it; None when there is no such file."""
        if path not in self._parsed:
            content = self.read(path)
            self._parsed[path] = None if content is None else read_yaml(content, path)
        return self._parsed[path]

    def made_of(
        self, path: str, make: Callable[[Value, Found], tuple[Value, Found]]
    ) -> tuple[Value, Found] | None:
        """What `make` makes of the YAML in a file, made once; None when there is no such file."""
        if path not in self._made:
            parsed = self.parsed(path)
            if parsed is None:
                return None
            self._made[path] = make(*parsed)
        return self._made[path]

    def is_file(self, path: str) -> bool:
        """True when there is such a file."""
        try:
            return bool(path) and path in self.source
        except (OSError, ValueError):
            return False

    def is_folder(self, path: str, *, trusting: bool = True) -> bool:
        """True for a folder; where that can't be known, when a file lies below.

        Of what lies outside the bundle then nothing is known: it is one if that is `trusting`.
        """
        if isinstance(self.source, WithFolders):
            return self.source.is_folder(path)
        if path in {"", "."}:
            return True
        if path == ".." or path.startswith("../"):
            return trusting
        return path.rstrip("/") in self.folders()

    def folders(self) -> frozenset[str]:
        """Every folder below the bundle's root that holds a file."""
        if self._folders is None:
            self._folders = frozenset(
                name[:at] for name in self.names() for at in range(len(name)) if name[at] == "/"
            )
        return self._folders

    def names(self) -> frozenset[str]:
        """Every file below the bundle's root."""
        if self._names is None:
            self._names = frozenset(self.source)
        return self._names

    def glob(self, pattern: str, *, with_folders: bool = False) -> tuple[str, ...]:
        """Files matching a pattern, sorted; no wildcard crosses a folder, `**` is `*`."""
        parts = posixpath.normpath(pattern).split("/")
        if not any(is_pattern(part) for part in parts):
            name = "/".join(parts)
            is_there = self.is_file(name) or (with_folders and name in self.folders())
            return (name,) if is_there else ()
        names: Iterable[str] = self.names()
        if with_folders:
            names = {*names, *self.folders()}
        return tuple(sorted(name for name in names if _fits(name.split("/"), parts)))

    def is_notebook(self, path: str) -> bool:
        """Whether a workspace makes a notebook of it. Raises `BrokenNotebook`."""
        return is_notebook(path, self.read(path) or b"")


def is_pattern(text: str) -> bool:
    """True when `text` has a wildcard."""
    return any(letter in text for letter in "*?[")


def is_well_formed(pattern: str) -> bool:
    """False for a bracket that is not closed."""
    return all("[" not in part or "]" in part[part.index("[") :] for part in pattern.split("/"))


def _fits(names: list[str], parts: list[str]) -> bool:
    return len(names) == len(parts) and all(
        fnmatch.fnmatchcase(name, part.replace("[^", "[!"))
        for name, part in zip(names, parts, strict=True)
    )
