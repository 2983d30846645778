"""What git says about the bundle's folder. No git, or no repository, is not an error."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """`branch` is empty on a detached HEAD, `commit` before the first commit."""

    worktree: Path
    branch: str
    commit: str
    origin_url: str
    global_excludes: Path | None


def look_up(folder: Path) -> Repository | None:
    """The repository around `folder`, or None."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        return None
    excludes = _git(folder, "config", "--type=path", "--get", "core.excludesFile")
    default = Path.home() / ".config" / "git" / "ignore"
    return Repository(
        worktree=Path(top),
        branch=_git(folder, "symbolic-ref", "--short", "-q", "HEAD"),
        commit=_git(folder, "rev-parse", "-q", "--verify", "HEAD"),
        origin_url=without_user(_git(folder, "config", "--get", "remote.origin.url")),
        global_excludes=Path(excludes) if excludes else default,
    )


def without_user(url: str) -> str:
    """The address without name and password: it is shown, and kept with the deployment."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"http", "https"}:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _git(folder: Path, *arguments: str) -> str:
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
