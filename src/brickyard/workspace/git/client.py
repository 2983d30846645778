"""`git`, run so that a repository cannot run anything here.

No hooks, no file system monitors, no configuration of this machine or its user, no submodules, no
transports but those of `addresses.py`; symbolic links are checked out as plain files. A credential
goes to `git` through its askpass program and the process's environment: never as an argument, never
into a file or a log. The repository's own data lies apart from its working tree, which is what the
workspace shows.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from brickyard.workspace.kernel import ApiError, Home, invalid

SLOW_S: Final = 600.0
ALLOWED: Final = ("https", "http", "ssh", "git", "file")
SAFE: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.autocrlf=false",
    "core.longpaths=true",
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "safe.directory=*",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "protocol.allow=never",
    *(f"protocol.{one}.allow=always" for one in ALLOWED),
)
ASKPASS: Final = """\
#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$BRICKYARD_GIT_USER" ;;
  *) printf '%s\\n' "$BRICKYARD_GIT_PASSWORD" ;;
esac
"""
REFUSED: Final = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|Permission denied"
)
COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class GitFailed(Exception):
    """`git` ended with an error; the text is its last words, without a credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who logs in at the provider. Never printed."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(user={self.user!r})"


class Repository:
    """One repository: `data` is its Git directory, `tree` its working tree."""

    def __init__(self, data: Path, tree: Path, tools: Path) -> None:
        self.data, self.tree, self._tools = data, tree, tools

    def make(self, url: str) -> None:
        """An empty repository that fetches from `url`."""
        self.data.mkdir(parents=True)
        self._run("init", "--quiet", "--bare", str(self.data), bare=True)
        self._run("config", "core.bare", "false")
        self._run("config", "remote.origin.url", url)
        self._run("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")

    def fetch(self, login: Login | None) -> None:
        """Every branch and tag of the origin. Raises `GitFailed`."""
        self._run("fetch", "--quiet", "--prune", "--tags", "--force", "origin", login=login)

    def default_branch(self, login: Login | None) -> str:
        """The branch that the origin's HEAD names; empty for an empty repository."""
        said = self._run("ls-remote", "--symref", "origin", "HEAD", login=login)
        found = re.match(r"ref: refs/heads/(\S+)\tHEAD", said)
        return found[1] if found else ""

    def commit_of(self, reference: str) -> str:
        """The commit of `refs/…` or of a commit's name; empty if there is none."""
        try:
            name = self._run("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
        except GitFailed:
            return ""
        return name if COMMIT.fullmatch(name) else ""

    def sparse(self, patterns: Sequence[str]) -> None:
        """Check out only these patterns from now on (cone mode: folders)."""
        if patterns:
            self._run("sparse-checkout", "set", "--cone", "--", *patterns)

    def check_out(self, commit: str, *, branch: str, discard: bool) -> None:
        """Make the working tree that of `commit`; local changes in the way are an error.

        With a branch, HEAD is that branch; otherwise it is detached.
        """
        how = ("--force",) if discard else ()
        where = ("-B", branch, commit) if branch else ("--detach", commit)
        self._run("checkout", "--quiet", *how, *where, "--")
        if discard:
            self._run("clean", "--quiet", "-d", "--force")

    def keeps_changes(self, commit: str) -> bool:
        """Whether `check_out` of the commit would leave every local change as it is."""
        try:
            self._run("read-tree", "--dry-run", "-m", "-u", "HEAD", commit)
        except GitFailed:
            return False
        return True

    def _run(self, *words: str, login: Login | None = None, bare: bool = False) -> str:
        place = () if bare else (f"--git-dir={self.data}", f"--work-tree={self.tree}")
        safe = [part for one in SAFE for part in ("-c", one)]
        cwd = self.tree if not bare and self.tree.is_dir() else self._tools
        try:
            ended = subprocess.run(
                ["git", *safe, *place, *words],
                cwd=cwd,
                env=self._environment(login),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=SLOW_S,
            )
        except FileNotFoundError:
            raise invalid("Git folders need `git` on this machine, and there is none") from None
        except subprocess.TimeoutExpired:
            raise GitFailed(f"it took more than {SLOW_S:.0f} s") from None
        if ended.returncode != 0:
            raise GitFailed(_last_words(ended.stderr, login))
        return ended.stdout.strip()

    def _environment(self, login: Login | None) -> dict[str, str]:
        env = {
            key: value
            for key, value in os.environ.items()
            if key in {"PATH", "LANG", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE"}
            or key.lower() in {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
        }
        env |= {
            "HOME": str(self._tools),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": str(self._tools / "askpass"),
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
        }
        if login is not None:
            env |= {"BRICKYARD_GIT_USER": login.user, "BRICKYARD_GIT_PASSWORD": login.password}
        return env


def tools_in(home: Home) -> Path:
    """The folder that `git` takes for its user's home, with its askpass program."""
    folder = home.git / "tools"
    program = folder / "askpass"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"askpass.{os.getpid()}"
        draft.write_text(ASKPASS)
        draft.chmod(0o700)
        draft.rename(program)
    return folder


def _last_words(said: str, login: Login | None) -> str:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    text = " ".join(lines[-3:]) or "git failed"
    if login is not None and login.password:
        text = text.replace(login.password, "***")
    return text[:600]


def as_api_error(fault: GitFailed, doing: str) -> ApiError:
    """What the caller is told."""
    said = str(fault)
    if REFUSED.search(said):
        return ApiError(
            "PERMISSION_DENIED",
            f"{doing}: {said}. Make a Git credential for the provider, or choose another one.",
        )
    return ApiError("BAD_REQUEST", f"{doing}: {said}")
