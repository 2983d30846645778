"""Files of a deployment that somebody changed in the workspace since they were uploaded.

A sync compares what is here with the list of what was uploaded; a file that was edited over there
is in that list still. The list is written after the files, so whatever is younger than it was
changed since, by the workspace's own clock. A release strikes such files from the list first, and
then uploads them again: what is released is the commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from brickyard.deploy.project import Project
from brickyard.deploy.sync import LIST, Ledger

MOST_FOLDERS: Final = 500
WORKSPACE: Final = "/Workspace"  # a listing leaves it out


def deployed_files(project: Project) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything in the folder of the deployed files: name within it, and what is listed of it."""
    base = project.path("file_path")
    folders = [base]
    for _ in range(MOST_FOLDERS):
        if not folders:
            return
        for listed in project.files.listing(folders.pop()):
            if listed.get("object_type") == "DIRECTORY":
                folders.append(str(listed["path"]))
            else:
                path = str(listed["path"]).removeprefix(WORKSPACE)
                yield path.removeprefix(base.removeprefix(WORKSPACE)).lstrip("/"), dict(listed)


def recorded_digests(project: Project) -> dict[str, str]:
    """Hash of each file as it was uploaded; empty where it is not known."""
    return _ledger(project).read()[0]


def changed_files(project: Project) -> tuple[str, ...]:
    """Names of uploaded files that are younger than the list of them."""
    state = project.files.listing(project.path("state_path"))
    written = [one for one in state if str(one.get("path", "")).endswith(f"/{LIST}")]
    if not written:
        return ()
    settled_ms = int(written[0].get("modified_at") or 0)
    held = recorded_digests(project)
    return tuple(
        sorted(
            name
            for name, listed in deployed_files(project)
            if name in held and held[name] and int(listed.get("modified_at") or 0) > settled_ms
        )
    )


def distrust(project: Project, names: tuple[str, ...]) -> None:
    """Have the next sync upload these files again."""
    ledger = _ledger(project)
    held, deployment = ledger.read()
    ledger.promise({**held, **{name: "" for name in names if name in held}}, deployment)


def _ledger(project: Project) -> Ledger:
    return Ledger(
        remote=project.files,
        file_path=project.path("file_path"),
        state_path=project.path("state_path"),
        local_state=project.folder,
    )
