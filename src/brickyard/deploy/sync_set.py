"""Which files of a bundle go to the workspace.

(Regular files under `sync.paths` that git does not ignore) ∪ `sync.include` − `sync.exclude`.
Ignore rules come from every `.gitignore` from the top of the git worktree down, from
`.git/info/exclude` and git's global excludes file; `.git` and `.databricks` never go. Symbolic
links are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
        wanted = GitIgnoreSpec.from_lines(rules.include)
        found.update(
            name for name in _walk(rules.root, rules.root, None, walked) if wanted.match_file(name)
        )
    if rules.exclude:
        unwanted = GitIgnoreSpec.from_lines(rules.exclude)
        found = {name for name in found if not unwanted.match_file(name)}
    return tuple(sorted(found))


def every_file(root: Path) -> Iterator[str]:
    """All regular files below `root`, ignored ones too; relative to it."""
    return _walk(root, root, None)


@dataclass(slots=True)
class Ignore:
    """Git's decision for one path: the deepest `.gitignore` with an opinion wins."""

    top: Path
    extra: Sequence[GitIgnoreSpec] = ()
    _specs: dict[Path, GitIgnoreSpec | None] = field(default_factory=dict)

    def covers(self, path: Path, *, is_folder: bool) -> bool:
        folder = path.parent
        while True:
            spec = self._spec(folder)
            if spec is not None:
                verdict = _verdict(spec, path.relative_to(folder), is_folder=is_folder)
                if verdict is not None:
                    return verdict
            if folder in (self.top, folder.parent):
                break
            folder = folder.parent
        if not path.is_relative_to(self.top):
            return False
        inside = path.relative_to(self.top)
        return any(_verdict(spec, inside, is_folder=is_folder) for spec in self.extra)

    def covers_start(self, path: Path) -> bool:
        """True when `path` or a folder above it, up to the top, is ignored."""
        if not path.is_relative_to(self.top):
            return False
        steps = [path, *path.parents]
        return any(self.covers(step, is_folder=True) for step in steps[: steps.index(self.top)])

    def _spec(self, folder: Path) -> GitIgnoreSpec | None:
        if folder not in self._specs:
            self._specs[folder] = _read_spec(folder / ".gitignore")
        return self._specs[folder]


def _walk(
    root: Path, start: Path, ignore: Ignore | None, walked: set[Path] | None = None
) -> Iterator[str]:
    if start.is_file():
        yield start.relative_to(root).as_posix()
        return
    if not start.is_dir() or (ignore and ignore.covers_start(start)):
        return
    pending = [start]
    while pending:
        folder = pending.pop()
        if walked is not None:
            walked.add(folder)
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name in ALWAYS_IGNORED or (
                    ignore and ignore.covers(path, is_folder=is_folder)
                ):
                    continue
                if is_folder:
                    pending.append(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path.relative_to(root).as_posix()


def _extra(worktree: Path | None, global_excludes: Path | None) -> tuple[GitIgnoreSpec, ...]:
    sources = [worktree / ".git" / "info" / "exclude" if worktree else None, global_excludes]
    specs = (_read_spec(source) for source in sources if source is not None)
    return tuple(spec for spec in specs if spec is not None)


def _read_spec(path: Path) -> GitIgnoreSpec | None:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return None
    return GitIgnoreSpec.from_lines(text.splitlines())


def _verdict(spec: GitIgnoreSpec, path: Path, *, is_folder: bool) -> bool | None:
    name = path.as_posix() + ("/" if is_folder else "")
    return spec.check_file(name).include
