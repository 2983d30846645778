"""Code drift: the live commit against its branch, and the deployed files against the commit.

Being behind is no drift by itself: a release waits for its day. It is where the live commit is not
on the branch at all, where it is further behind than allowed, and where somebody edited a deployed
file in the workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from brickyard.deploy import Project
from brickyard.release.checkout import (
    Commit,
    GitFault,
    commits_between,
    find_commit,
    is_on_branch,
)
from brickyard.release.drift.files import edited_files
from brickyard.release.drift.findings import Finding, State
from brickyard.release.drift_settings import DriftSettings
from brickyard.release.records import ReleaseRecord
from brickyard.release.requirements import judge

KIND: Final = "code"
MOST_SHOWN: Final = 5


def code_drift(
    project: Project, root: Path, live: ReleaseRecord, settings: DriftSettings, branch: str
) -> Iterator[Finding]:
    """What is live against `branch`, and the files of the workspace against what is live."""
    yield from _against_branch(root, live, settings, branch)
    yield from edited_files(project, root, live)


def _against_branch(
    root: Path, live: ReleaseRecord, settings: DriftSettings, branch: str
) -> Iterator[Finding]:
    try:
        commit = find_commit(root, live.commit)
        head = _head(root, branch)
    except GitFault as fault:
        yield Finding(kind=KIND, subject=branch, state=State.UNKNOWN, detail=str(fault))
        return
    if not is_on_branch(commit, (branch,)):
        yield Finding(
            kind=KIND,
            subject=branch,
            field="commit",
            state=State.DRIFT,
            recorded=head.sha,
            actual=commit.sha,
            detail=f"{commit.short}, which is live, is not on {branch}",
        )
        return
    missing = commits_between(commit, head)
    outcomes = judge([settings.behind], {"behind": len(missing)}) if settings.behind else ()
    shown = "; ".join(missing[:MOST_SHOWN]) + ("; …" if len(missing) > MOST_SHOWN else "")
    yield Finding(
        kind=KIND,
        subject=branch,
        field="behind",
        state=State.OK if all(one.holds for one in outcomes) else State.DRIFT,
        recorded=head.sha,
        actual=commit.sha,
        detail=f"{commit.short} is live, {len(missing)} commits behind {branch}"
        + (f": {shown}" if shown else ""),
    )


def _head(root: Path, branch: str) -> Commit:
    try:
        return find_commit(root, f"origin/{branch}")
    except GitFault:
        return find_commit(root, branch)
