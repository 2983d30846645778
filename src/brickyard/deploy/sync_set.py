"""Which files of a bundle go to the workspace.

(Regular files under `sync.paths` that git does not ignore) ∪ `sync.include` − `sync.exclude`.
Ignore rules come from every `.gitignore` from the top of the git worktree down, from
`.git/info/exclude` and git's global excludes file; `.git` and `.databricks` never go. Symbolic
links are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

ALWAYS_IGNORED: Final = frozenset({".git", ".databricks"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRules:
    """The settings under `sync`, as paths and patterns relative to `root`."""

    root: Path
    paths: tuple[str, ...] = (".",)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def sync_set(
    rules: SyncRules,
    *,
    worktree: Path | None,
    global_excludes: Path | None = None,
    walked: set[Path] | None = None,
) -> tuple[str, ...]:
    """Posix paths relative to `rules.root`, sorted; folders looked into are added to `walked`."""
    ignore = Ignore(top=worktree or rules.root, extra=_extra(worktree, global_excludes))
    found: set[str] = set()
    for path in rules.paths:
        found.update(_walk(rules.root, Path(os.path.normpath(rules.root / path)), ignore, walked))
    if rules.include:
        wanted = _spec(rules.include)
        found.update(
            name for name in _walk(rules.root, rules.root, None, walked) if wanted.match_file(name)
        )
    if rules.exclude:
        unwanted = _spec(rules.exclude)
        found = {name for name in found if not unwanted.match_file(name)}
    return tuple(sorted(found))


def every_file(root: Path) -> Iterator[str]:
    """All regular files below `root`, ignored ones too; relative to it."""
    return _walk(root, root, None)


# What decides about the entries of one folder, the deepest first: patterns, and the folder's path
# relative to theirs ("" or ending in a slash).
Deciding: TypeAlias = "tuple[tuple[GitIgnoreSpec, str], ...]"


@dataclass(frozen=True, slots=True)
class Ignore:
    """Git's decision for one path: the deepest `.gitignore` with an opinion wins."""

    top: Path
    extra: Sequence[GitIgnoreSpec] = ()

    def inside(self, folder: Path) -> Deciding:
        """What decides about the entries of `folder`."""
        deciding: list[tuple[GitIgnoreSpec, str]] = []
        prefix, place = "", folder
        while True:
            spec = _read_spec(place / ".gitignore")
            if spec is not None:
                deciding.append((spec, prefix))
            if place == self.top:
                return (*deciding, *((spec, prefix) for spec in self.extra))
            if place == place.parent:
                return tuple(deciding)
            prefix, place = f"{place.name}/{prefix}", place.parent

    def covers_start(self, path: Path) -> bool:
        """True when `path` or a folder above it, up to the top, is ignored."""
        if not path.is_relative_to(self.top):
            return False
        steps = [path, *path.parents]
        return any(
            _covered(self.inside(step.parent), step.name, is_folder=True)
            for step in steps[: steps.index(self.top)]
        )


def _covered(deciding: Deciding, name: str, *, is_folder: bool) -> bool:
    ending = "/" if is_folder else ""
    for spec, prefix in deciding:
        verdict = spec.check_file(f"{prefix}{name}{ending}").include
        if verdict is not None:
            return verdict
    return False


def _deeper(deciding: Deciding, folder: Path) -> Deciding:
    """What decides inside `folder`, given what decides beside it."""
    own = _read_spec(folder / ".gitignore")
    carried = tuple((spec, f"{prefix}{folder.name}/") for spec, prefix in deciding)
    return carried if own is None else ((own, ""), *carried)


def _walk(
    root: Path, start: Path, ignore: Ignore | None, walked: set[Path] | None = None
) -> Iterator[str]:
    if start.is_file():
        yield start.relative_to(root).as_posix()
        return
    if not start.is_dir() or (ignore and ignore.covers_start(start)):
        return
    pending = [(start, ignore.inside(start) if ignore else ())]
    while pending:
        folder, deciding = pending.pop()
        if walked is not None:
            walked.add(folder)
        relative = folder.relative_to(root).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        with os.scandir(folder) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name in ALWAYS_IGNORED or _covered(
                    deciding, entry.name, is_folder=is_folder
                ):
                    continue
                if is_folder:
                    inner = folder / entry.name
                    pending.append((inner, _deeper(deciding, inner) if ignore else ()))
                elif entry.is_file(follow_symlinks=False):
                    yield f"{prefix}{entry.name}"


def _extra(worktree: Path | None, global_excludes: Path | None) -> tuple[GitIgnoreSpec, ...]:
    sources = [worktree / ".git" / "info" / "exclude" if worktree else None, global_excludes]
    specs = (_read_spec(source) for source in sources if source is not None)
    return tuple(spec for spec in specs if spec is not None)


def _read_spec(path: Path) -> GitIgnoreSpec | None:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return None
    return _spec(text.splitlines())


def _spec(lines: Sequence[str]) -> GitIgnoreSpec:
    """Imported only where there are patterns: it takes as long as a walk over 2,000 files."""
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)
