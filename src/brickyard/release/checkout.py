"""A commit on disk, as it is in Git: what is released is a commit, not what lies in the folder.

Uses a detached `git worktree` inside the bundle's own `.databricks` folder, which Git ignores. It
is reused when an interrupted release left it, and removed at the end.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class GitFault(Exception):
    """The repository can't give what a release needs; the message names the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of the repository around a bundle. `folder` is the bundle's, within the worktree."""

    sha: str
    repository: Path
    folder: Path

    @property
    def short(self) -> str:
        return self.sha[:10]


def find_commit(root: Path, name: str = "HEAD") -> Commit:
    """The commit that `name` means in the repository around `root`. Raises `GitFault`."""
    repository = _repository(root)
    sha = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if not sha:
        raise GitFault(f"there is no commit `{name}`; commit your work first, or name another")
    inside = root.resolve().relative_to(repository.resolve())
    if not _git(root, "ls-tree", "-r", "--name-only", "--full-tree", sha, "--", _posix(inside)):
        raise GitFault(f"commit {sha[:10]} does not contain {inside}; commit the bundle first")
    return Commit(sha=sha, repository=repository, folder=inside)


def find_branches(root: Path) -> dict[str, str]:
    """The local branches, each with its newest commit. Raises `GitFault`."""
    return _refs(_repository(root), "refs/heads")


def find_tags(root: Path) -> dict[str, str]:
    """The tags, each with its commit. Raises `GitFault`."""
    return _refs(_repository(root), "refs/tags")


def _refs(repository: Path, kind: str) -> dict[str, str]:
    # The second name is that of the commit which an annotated tag is about.
    form = "--format=%(refname:lstrip=2) %(objectname) %(*objectname)"
    rows = [line.split() for line in _git(repository, "for-each-ref", form, kind).splitlines()]
    return {row[0]: row[-1] for row in rows}


def _repository(root: Path) -> Path:
    top = _git(root, "rev-parse", "--show-toplevel")
    if not top:
        raise GitFault(
            f"{root} is not in a Git repository, and what is released is a commit:"
            " run `git init`, `git add -A` and `git commit`"
        )
    return Path(top)


def uncommitted(root: Path) -> tuple[str, ...]:
    """Files under `root` that differ from HEAD, which a release therefore leaves out."""
    listing = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    return tuple(line[3:] for line in listing.splitlines())


def is_on_branch(commit: Commit, branches: tuple[str, ...]) -> bool:
    """Whether the commit is part of one of these branches, local or of the remote `origin`."""
    for branch in branches:
        for name in (branch, f"origin/{branch}"):
            if _git_code(commit.repository, "merge-base", "--is-ancestor", commit.sha, name) == 0:
                return True
    return False


def tags_at(root: Path, commit: str) -> tuple[str, ...]:
    """The tags that point at a commit."""
    return tuple(_git(root, "tag", "--points-at", commit).split())


def author(commit: Commit) -> str:
    return _git(commit.repository, "log", "-1", "--format=%an <%ae>", commit.sha)


def subject(commit: Commit) -> str:
    return _git(commit.repository, "log", "-1", "--format=%s", commit.sha)


def commits_between(old: Commit, new: Commit) -> tuple[str, ...]:
    """The commits of `new` that `old` does not have, newest first: short id and subject."""
    log = _git(old.repository, "log", "--format=%h %s", f"{old.sha}..{new.sha}")
    return tuple(log.splitlines())


def changed_files(old: Commit, new: Commit) -> tuple[tuple[str, str], ...]:
    """Files of the bundle's folder that differ: `A`, `M`, `D` and so on, and the path."""
    listing = _git(
        old.repository, "diff", "--name-status", old.sha, new.sha, "--", _posix(new.folder)
    )
    rows = (line.split("\t") for line in listing.splitlines())
    return tuple((row[0][:1], row[-1]) for row in rows)


def file_at(commit: Commit, name: str) -> bytes | None:
    """A file of the bundle's folder as it is in the commit, or None."""
    path = (commit.folder / name).as_posix()
    ended = subprocess.run(
        ["git", "-C", str(commit.repository), "show", f"{commit.sha}:{path}"],
        capture_output=True,
        check=False,
    )
    return ended.stdout if ended.returncode == 0 else None


@contextmanager
def checked_out(commit: Commit) -> Iterator[Path]:
    """The bundle's folder as it is in the commit. Raises `GitFault`."""
    private = commit.repository / commit.folder / ".databricks"
    private.mkdir(exist_ok=True)
    (private / ".gitignore").write_text("*\n")
    tree = private / "releases" / commit.sha[:16]
    if tree.exists() and _git(tree, "rev-parse", "HEAD") != commit.sha:
        _remove(commit, tree)
    if not tree.exists():
        _git(commit.repository, "worktree", "prune")
        tree.parent.mkdir(exist_ok=True)
        _must(commit.repository, "worktree", "add", "--detach", "--quiet", str(tree), commit.sha)
    else:
        _must(tree, "checkout", "--quiet", "--force", commit.sha)
    try:
        yield tree / commit.folder
    finally:
        _remove(commit, tree)


def _remove(commit: Commit, tree: Path) -> None:
    _git(commit.repository, "worktree", "remove", "--force", str(tree))
    shutil.rmtree(tree, ignore_errors=True)
    _git(commit.repository, "worktree", "prune")


def _posix(path: Path) -> str:
    return path.as_posix() if path.parts else "."


def _must(folder: Path, *arguments: str) -> None:
    ended = _run(folder, *arguments)
    if ended.returncode != 0:
        raise GitFault(f"git {arguments[0]} failed: {ended.stderr.strip()}")


def _git(folder: Path, *arguments: str) -> str:
    ended = _run(folder, *arguments)
    return ended.stdout.rstrip("\n") if ended.returncode == 0 else ""


def _git_code(folder: Path, *arguments: str) -> int:
    return _run(folder, *arguments).returncode


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError as fault:
        raise GitFault(f"git can't be run: {fault}") from fault
