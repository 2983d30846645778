"""What the policy asks of the outside: the day, and where the commit stands in git."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from brickyard.policy import Git

if TYPE_CHECKING:
    from brickyard.deploy import Project

TIMEOUT_S = 10.0


def today() -> date:
    """The day by which exceptions end, the same wherever the check runs."""
    return datetime.now(UTC).date()


def git_of(project: Project, settings: Mapping[str, Any]) -> Git:
    """Branch and tags of what is checked out; git is asked for tags only where some are wanted."""
    repository = project.repository
    if repository is None:
        return Git()
    environments = settings.get("environments")
    declared = environments.values() if isinstance(environments, Mapping) else ()
    wants_tags = any(isinstance(one, Mapping) and one.get("tags") for one in declared)
    return Git(
        branch=repository.branch or None,
        tags=_tags(str(project.root)) if wants_tags else None,
    )


def _tags(folder: str) -> tuple[str, ...] | None:
    try:
        ended = subprocess.run(
            ["git", "-C", folder, "tag", "--points-at", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return tuple(ended.stdout.split()) if ended.returncode == 0 else None
