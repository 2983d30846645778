"""`bundle sync`: the bundle's files in the workspace as they are here, once or while you edit.

Once: as a deploy does it, under the deploy lock. Watching: files are looked at by their times and
sizes, folders are walked again only when one of them has changed, and only what was touched is
read. No lock is held meanwhile, so that a deploy from elsewhere goes on; each round waits while
there is a lock, and compares from scratch when somebody else has written the list of files. What a
round is about to change is struck from the list first, and promised again at the end: a kill leaves
a list that promises too little. Only what the list holds is ever deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brickyard.deploy.deployment import ignore_in_git, locked
from brickyard.deploy.http import ApiFailure, Json, Unreachable
from brickyard.deploy.local_files import (
    LocalFile,
    Stamp,
    SyncConflict,
    check_names,
    look_at,
    stamp_of,
)
from brickyard.deploy.lock import NAME
from brickyard.deploy.project import Project
from brickyard.deploy.sync import (
    Changes,
    Ledger,
    compare,
    folders_of,
    send,
    transfer,
)
from brickyard.deploy.upload_set import upload_set

LONGEST_PAUSE_S: Final = 30.0
NOTHING: Final = Changes()
# What a watch outlives; the round is tried again.
PASSING: Final = (ApiFailure, Unreachable, OSError, SyncConflict)


class Events:
    """Told of what happens; what is not overridden is not shown."""

    def started(self, changes: Changes) -> None: ...
    def progress(self, action: str, name: str, progress: float) -> None: ...
    def completed(self, changes: Changes) -> None: ...
    def waiting(self) -> None: ...
    def failed(self, error: Exception, *, again_in_s: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """All files or the changed ones; whether anything is written; who has the lock."""

    full: bool = False
    dry_run: bool = False
    force_lock: bool = False


@dataclass(slots=True)
class LocalView:
    """The files here, read anew only where something was touched."""

    project: Project
    files: dict[str, LocalFile] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    folders: dict[Path, int] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.project.sync_rules.root

    def look(self) -> bool:
        """Take in what has changed since the last look; whether anything has."""
        names, folders = list(self.files), self.folders
        if self._must_walk():
            walked: set[Path] = set()
            names = list(upload_set(self.project, walked=walked))
            folders = {folder: _folder_time(folder) for folder in walked}
        stamps = {
            name: stamp for name in names if (stamp := stamp_of(self.root / name)) is not None
        }
        touched = {name for name, stamp in stamps.items() if self.stamps.get(name) != stamp}
        is_same = not touched and self.files.keys() == stamps.keys()
        if not is_same:
            read = {file.name: file for file in look_at(self.root, sorted(touched))}
            files = {name: read.get(name) or self.files[name] for name in stamps}
            check_names(files.values())
            self.files = files
        # Only now: what could not be read is touched still when it is looked at again.
        self.stamps, self.folders = stamps, folders
        return not is_same

    def _must_walk(self) -> bool:
        if not self.folders:
            return True
        if any(_folder_time(folder) != seen for folder, seen in self.folders.items()):
            return True
        ignores = (name for name in self.files if name.rpartition("/")[2] == ".gitignore")
        return any(self.stamps.get(name) != stamp_of(self.root / name) for name in ignores)


@dataclass(slots=True)
class Session:
    """One `sync`. `held` is what the workspace holds; `listed` is its list as we last saw it."""

    project: Project
    events: Events
    how: How
    held: dict[str, str] = field(default_factory=dict)
    deployment: Json = field(default_factory=dict)
    listed: bytes | None = None
    marked: frozenset[str] = frozenset()
    is_behind: bool = False
    is_waiting: bool = False
    is_unsettled: bool = False
    view: LocalView = field(init=False)

    def __post_init__(self) -> None:
        self.view = LocalView(self.project)

    @property
    def ledger(self) -> Ledger:
        return Ledger(
            remote=self.project.files,
            file_path=self.project.path("file_path"),
            state_path=self.project.path("state_path"),
            local_state=self.project.folder,
        )

    def first(self, *, say: Callable[[str], None]) -> Changes:
        """Everything that differs, under the deploy lock; without it when nothing is written."""
        self.view.look()
        if self.how.dry_run:
            self.held, self.deployment = self.ledger.read()
            return self._pretend(self._compare(full=self.how.full))
        ignore_in_git(self.project)
        with locked(self.project, force=self.how.force_lock, say=say):
            self.held, self.deployment = self.ledger.read()
            changes = self._compare(full=self.how.full)
            self.events.started(changes)
            if changes.is_empty and self.deployment:
                self.listed = self.ledger.listed()
            else:
                self.listed, self.deployment = send(
                    self.view.files.values(),
                    changes,
                    self.held,
                    self.deployment,
                    self.ledger,
                    told=self.events.progress,
                )
        self._hold(changes)
        self.events.completed(changes)
        return changes

    def round(self) -> Changes:
        """What was touched since the last round; nothing while somebody deploys."""
        self.is_behind = self.view.look() or self.is_behind
        if not self.is_behind:
            return NOTHING
        changes = self._compare()
        if self.how.dry_run:
            self.is_behind = False
            return NOTHING if changes.is_empty else self._pretend(changes)
        if not changes.is_empty and self._is_locked():
            return NOTHING
        if self.ledger.listed() != self.listed:
            changes = self._start_over()
        if changes.is_empty:
            self.is_behind = False
            return NOTHING
        self._mark(changes)
        self.events.started(changes)
        transfer(changes, self.ledger, told=self.events.progress)
        self._hold(changes)
        self.is_behind = False
        self.events.completed(changes)
        return changes

    def settle(self) -> None:
        """Promise what is in place. Where that can't be done, the next deploy sends it again."""
        if not self.is_unsettled:
            return
        with suppress(*PASSING):
            if self.ledger.listed() == self.listed:
                self.ledger.settle(self.view.files.values(), self.deployment, held=self.held)

    def _is_locked(self) -> bool:
        """Whether somebody deploys now; told when it begins to keep us waiting."""
        was_waiting = self.is_waiting
        lock = self.ledger.remote.read(f"{self.ledger.state_path}/{NAME}")
        self.is_waiting = lock is not None
        if self.is_waiting and not was_waiting:
            self.events.waiting()
        return self.is_waiting

    def _compare(self, *, full: bool = False) -> Changes:
        return compare(self.view.files.values(), self.held, full=full)

    def _start_over(self) -> Changes:
        """Somebody else has written the list: what is there is what it says."""
        self.listed = self.ledger.listed()
        self.held, self.deployment = self.ledger.read()
        self.marked = frozenset()
        return self._compare()

    def _mark(self, changes: Changes) -> None:
        """Strike from the list what is about to change, unless it is struck already."""
        names = frozenset([file.remote_name for file in changes.put] + list(changes.delete))
        if not names <= self.marked:
            self.listed = self.ledger.mark(self.held, changes, self.deployment)
            self.marked = names
            self.is_unsettled = True

    def _hold(self, changes: Changes) -> None:
        self.held.update({file.remote_name: file.digest for file in changes.put})
        for name in changes.delete:
            self.held.pop(name, None)

    def _emptied(self, changes: Changes) -> list[str]:
        """Folders that hold nothing any more, the deepest first."""
        left = (self.held.keys() - set(changes.delete)) | {one.remote_name for one in changes.put}
        gone = folders_of(changes.delete) - folders_of(left)
        return sorted(gone, key=lambda name: (-name.count("/"), name))

    def _pretend(self, changes: Changes) -> Changes:
        self.events.started(changes)
        for action, names in (
            ("delete", (*changes.delete, *self._emptied(changes))),
            ("put", (*changes.folders, *(file.name for file in changes.put))),
        ):
            for name in names:
                self.events.progress(action, name, 0.0)
                self.events.progress(action, name, 1.0)
        self._hold(changes)
        self.events.completed(changes)
        return changes


def sync(
    project: Project,
    events: Events,
    how: How,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> Changes:
    """Bring the workspace's copy of the files up to date."""
    return Session(project, events, how).first(say=say)


def watch(
    project: Project,
    events: Events,
    how: How,
    *,
    interval_s: float,
    say: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """The same, and then again whenever a file changes, until interrupted.

    An error of the first round ends it; of a later one it is told and tried again, less and less
    often.
    """
    session = Session(project, events, how)
    session.first(say=say)
    wait_s = interval_s
    try:
        while True:
            pause(wait_s)
            try:
                session.round()
                wait_s = interval_s
            except PASSING as error:
                wait_s = min(max(2 * wait_s, interval_s), max(LONGEST_PAUSE_S, interval_s))
                events.failed(error, again_in_s=wait_s)
    finally:
        session.settle()


def _folder_time(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
