"""The files that a deployment would upload, by their path within the bundle."""

from __future__ import annotations

import os
import posixpath

from brickyard.deploy.project import Project
from brickyard.deploy.sync_set import sync_set


def source_paths(project: Project) -> tuple[str, ...]:
    """Posix paths relative to the bundle's root; files outside of it start with `../`."""
    rules = project.sync_rules
    repository = project.repository
    names = sync_set(
        rules,
        worktree=repository.worktree if repository is not None else None,
        global_excludes=repository.global_excludes if repository is not None else None,
    )
    above = os.path.relpath(rules.root, project.root).replace(os.sep, "/")
    return tuple(posixpath.normpath(posixpath.join(above, name)) for name in names)
