"""The files a deploy or a sync of this project uploads, by path below the synchronised root."""

from __future__ import annotations

from pathlib import Path

from brickyard.deploy.planning import wrapper_places, wraps_wheels
from brickyard.deploy.project import Project
from brickyard.deploy.sync_set import sync_set
from brickyard.deploy.wheel_wrapper import internal_files


def upload_set(project: Project, *, walked: set[Path] | None = None) -> tuple[str, ...]:
    """Posix paths; the folders that were looked into are added to `walked`."""
    repository = project.repository
    names = sync_set(
        project.sync_rules,
        worktree=repository.worktree if repository else None,
        global_excludes=repository.global_excludes if repository else None,
        walked=walked,
    )
    if wraps_wheels(project):
        return (*names, *internal_files(wrapper_places(project)))
    return names
