"""Files of the deployment that were changed in the workspace after the live release.

Those are looked at that are younger than the release's end, and compared with the commit. A file
that a later try deployed before it failed is one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.release.checkout import Commit, GitFault, file_at, find_commit
from brickyard.release.drift.findings import Finding, State
from brickyard.release.records import ReleaseRecord

KIND: Final = "code"
# What a notebook's name loses on its way into the workspace.
NOTEBOOKS: Final = ("", ".py", ".sql", ".scala", ".r", ".R", ".ipynb")
MOST_FOLDERS: Final = 500


def edited_files(project: Project, root: Path, live: ReleaseRecord) -> Iterator[Finding]:
    """A finding for each file that is not what the live commit has."""
    since_ms = datetime.fromisoformat(live.ended.replace("Z", "+00:00")).timestamp() * 1000
    base = project.path("file_path")
    try:
        commit = find_commit(root, live.commit)
    except GitFault:
        return  # said by the comparison with the branch
    for listed in _younger(project, base, since_ms):
        path = str(listed["path"])
        content = project.files.read(path)
        if content is None or _is_of(commit, path.removeprefix(base).lstrip("/"), content):
            continue
        when = datetime.fromtimestamp(int(listed["modified_at"]) / 1000, UTC)
        yield Finding(
            kind=KIND,
            subject=path,
            field="content",
            state=State.DRIFT,
            recorded=f"as in {commit.short}",
            actual="changed",
            detail="it was changed in the workspace since the release",
            when=when.isoformat(timespec="seconds"),
        )


def _younger(project: Project, base: str, since_ms: float) -> Iterator[dict[str, Any]]:
    folders = [base]
    for _ in range(MOST_FOLDERS):
        if not folders:
            return
        for listed in project.files.listing(folders.pop()):
            if listed.get("object_type") == "DIRECTORY":
                folders.append(str(listed["path"]))
            elif int(listed.get("modified_at") or 0) > since_ms:
                yield dict(listed)


def _is_of(commit: Commit, name: str, content: bytes) -> bool:
    """Whether the commit has this content under this name."""
    kept = (file_at(commit, f"{name}{ending}") for ending in NOTEBOOKS)
    return any(one is not None and _lines(one) == _lines(content) for one in kept)


def _lines(content: bytes) -> list[bytes]:
    """Without the newline at the end, which a notebook loses."""
    return content.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
