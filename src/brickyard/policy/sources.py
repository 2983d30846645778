"""The files of a bundle as its code sees them: modules by name, notebooks and texts by path."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Final

from brickyard.policy.sql_session import HOLE

NOT_DEPLOYED_CODE: Final = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|conftest\.py$|setup\.py$)")
EXTENSIONS: Final = ("", ".py", ".ipynb", ".sql")


class Sources:
    """`names` are the paths, relative to the bundle's root, that a deployment would upload;
    `remote` is the workspace folder that they are uploaded to."""

    def __init__(self, files: Mapping[str, bytes], names: Iterable[str], remote: str) -> None:
        self.files = files
        self.names = tuple(names)
        self._remote = remote.rstrip("/") + "/" if remote else ""
        self._by_tail: dict[str, list[str]] = {}
        for name in self.names:
            self._by_tail.setdefault(posixpath.basename(name), []).append(name)

    def text(self, path: str) -> str:
        return self.files[path].decode("utf-8", errors="replace")

    def local(self, path: str) -> str | None:
        """The file behind a local or deployed path; notebooks come without extension."""
        inner = self._inner(path)
        for extension in EXTENSIONS:
            if inner + extension in self.files:
                return inner + extension
        return None

    def beside(self, path: str, name: str) -> str | None:
        """The file that `name` means in the folder of `path`."""
        return self.local(posixpath.join(posixpath.dirname(path), name))

    def module(self, dotted: str, importer: str) -> str | None:
        """The file of a module, as `import` in `importer` would look for it."""
        level = len(dotted) - len(dotted.lstrip("."))
        inner = dotted[level:].replace(".", "/")
        if level:
            start = posixpath.dirname(importer)
            for _ in range(level - 1):
                start = posixpath.dirname(start)
            candidates = [posixpath.join(start, inner) if inner else start]
        else:
            folders = [
                posixpath.join(base, sub) for base in _above(importer) for sub in ("", "src")
            ]
            candidates = [posixpath.join(folder, inner) for folder in folders]
            candidates += sorted(self._ending(inner))
        for one in candidates:
            for path in (f"{one}.py", f"{one}/__init__.py"):
                clean = posixpath.normpath(path)
                if clean in self.files and clean != importer:
                    return clean
        return None

    def read(self, path: str, reader: str) -> str | None:
        """The text of a file that code in `reader` opens, if the bundle has it."""
        if HOLE in path or path.startswith(("/Volumes", "dbfs:", "s3:", "http")):
            return None
        inner = self._inner(path)
        candidates = [inner] if inner != posixpath.normpath(path) else []
        for base in _above(reader):
            candidates += [posixpath.join(base, path), posixpath.join(base, "src", path)]
        found = next(
            (c for one in candidates if (c := posixpath.normpath(one)) in self.files), None
        )
        if found is None:
            tail = "/" + posixpath.normpath(path).lstrip("./")
            same = [
                name
                for name in self._by_tail.get(posixpath.basename(path), [])
                if f"/{name}".endswith(tail)
            ]
            found = same[0] if len(same) == 1 else None
        return self.text(found) if found is not None else None

    def listed(self, folder: str, pattern: str, reader: str) -> list[str]:
        """The sources in a folder that fit a pattern, as code in `reader` names the folder."""
        if HOLE in folder or HOLE in pattern or folder.startswith(("/Volumes", "dbfs:", "s3:")):
            return []
        inner = self._inner(folder)
        bases = [inner, *(posixpath.join(base, folder) for base in _above(reader))]
        for base in dict.fromkeys(posixpath.normpath(one) for one in bases):
            found = [name for name in self.under(base) if _fits(name, base, pattern)]
            if found:
                return found
        return []

    def under(self, folder: str) -> list[str]:
        """The sources in a folder."""
        start = posixpath.normpath(folder).rstrip("/") + "/"
        return [name for name in self.names if start == "./" or name.startswith(start)]

    def _inner(self, path: str) -> str:
        """A deployed path as one within the bundle."""
        bare = path.removeprefix("/Workspace") if self._remote else path
        for one in (path, bare, f"/Workspace{path}"):
            if self._remote and one.startswith(self._remote):
                return posixpath.normpath(one[len(self._remote) :])
        return posixpath.normpath(path)

    def _ending(self, inner: str) -> list[str]:
        tails = (f"/{inner}.py", f"/{inner}/__init__.py")
        names = [
            *self._by_tail.get(f"{posixpath.basename(inner)}.py", []),
            *self._by_tail.get("__init__.py", []),
        ]
        return [
            posixpath.splitext(name)[0].removesuffix("/__init__")
            for name in names
            if name.endswith(tails)
        ]


def _fits(name: str, folder: str, pattern: str) -> bool:
    """Whether a pattern of `glob`, in which `**/` stands for any folders, takes a file."""
    rest = posixpath.relpath(name, folder)
    if pattern.startswith("**/"):
        return fnmatch.fnmatch(posixpath.basename(rest), pattern[3:])
    return rest.count("/") == pattern.count("/") and fnmatch.fnmatch(rest, pattern)


def _above(path: str) -> list[str]:
    """The folder of a file and the folders above it, up to the bundle's root."""
    found = [posixpath.dirname(path)]
    while found[-1] and found[-1] != posixpath.dirname(found[-1]):
        found.append(posixpath.dirname(found[-1]))
    return found if "" in found else [*found, ""]
