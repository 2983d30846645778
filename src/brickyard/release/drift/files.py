"""Files of the deployment that are not what the live commit has.

Each is compared with the commit. What the commit has not was uploaded from elsewhere (a wheel that
a build made), which the list of uploaded files tells, or was put there by somebody: of those, code
counts, and anything younger than the release; what jobs leave beside their code does not. A file
that a later try deployed before it failed is one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from brickyard.deploy import Project
from brickyard.deploy.changed_files import deployed_files, recorded_digests
from brickyard.release.checkout import Commit, GitFault, file_at, find_commit
from brickyard.release.drift.findings import Finding, State
from brickyard.release.records import ReleaseRecord

KIND: Final = "code"
# What a notebook's name loses on its way into the workspace.
NOTEBOOKS: Final = ("", ".py", ".sql", ".scala", ".r", ".R", ".ipynb")
CODE: Final = (".py", ".sql", ".scala", ".r", ".R", ".ipynb", ".yml", ".yaml", ".sh")
READERS: Final = 8
CHANGED: Final = "it was changed in the workspace since the release"
ADDED: Final = "it is not of the commit, and nobody deployed it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    path: str
    modified_ms: int
    is_code: bool


def edited_files(project: Project, root: Path, live: ReleaseRecord) -> Iterator[Finding]:
    """A finding for each file that is not what the live commit has."""
    since_ms = datetime.fromisoformat(live.ended.replace("Z", "+00:00")).timestamp() * 1000
    try:
        commit = find_commit(root, live.commit)
    except GitFault:
        return  # said by the comparison with the branch
    uploaded = recorded_digests(project)
    files = [
        _File(
            name=name,
            path=str(listed["path"]),
            modified_ms=int(listed.get("modified_at") or 0),
            is_code=listed.get("object_type") == "NOTEBOOK" or name.endswith(CODE),
        )
        for name, listed in deployed_files(project)
    ]
    with ThreadPoolExecutor(READERS) as readers:
        contents = list(readers.map(lambda one: project.files.read(one.path), files))
    for one, content in zip(files, contents, strict=True):
        if content is None:
            continue
        kept = _kept(commit, one.name)
        if kept is not None and _lines(kept) == _lines(content):
            continue
        is_younger = one.modified_ms > since_ms
        is_ours = kept is not None or one.name in uploaded
        if not is_younger and uploaded.get(one.name) == hashlib.sha256(content).hexdigest():
            continue
        if is_younger or is_ours or one.is_code:
            yield _finding(commit, one, CHANGED if is_ours else ADDED)


def _finding(commit: Commit, file: _File, detail: str) -> Finding:
    when = datetime.fromtimestamp(file.modified_ms / 1000, UTC)
    return Finding(
        kind=KIND,
        subject=file.path,
        field="content",
        state=State.DRIFT,
        recorded=f"as in {commit.short}" if detail == CHANGED else None,
        actual="changed" if detail == CHANGED else None,
        detail=detail,
        when=when.isoformat(timespec="seconds"),
    )


def _kept(commit: Commit, name: str) -> bytes | None:
    """What the commit has under the name that a file has in the workspace."""
    found = (file_at(commit, f"{name}{ending}") for ending in NOTEBOOKS)
    return next((one for one in found if one is not None), None)


def _lines(content: bytes) -> list[bytes]:
    """Without the newline at the end, which a notebook loses."""
    return content.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
