"""The release under way: what is done already and how it was before, in the target workspace.

`under-way/journal.json` beside the records, written after every step and before anything live is
moved. A release that was killed is taken up from there, on any machine: finished steps are taken
from it unless what goes into them changed. It names its attempt; the record carries the same name,
so that a kill between writing the record and removing the journal leaves one record.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.release.records import records_folder
from brickyard.release.undo import Entry, same_thing

NAME: Final = "under-way/journal.json"


@dataclass(slots=True)
class Journal:
    """One attempt. `goal` says what is released, by digest: another goal is another attempt.

    `head` is the record as it began. With no project it is kept in memory only.
    """

    goal: str
    head: Mapping[str, Any] = field(default_factory=dict)
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)  # finished, by name
    undo: list[Entry] = field(default_factory=list)
    failure: Mapping[str, str] = field(default_factory=dict)  # result and reason: being put back
    project: Project | None = None
    is_kept: bool = False  # there is a file in the workspace

    def save(self) -> None:
        """Write it, whole: the file is the old journal or the new one."""
        if self.project is None:
            return
        content = {
            name: getattr(self, name)
            for name in ("goal", "head", "attempt", "steps", "undo", "failure")
        }
        self.project.files.write(
            path_of(self.project), json.dumps(content, indent=1, default=list).encode()
        )
        self.is_kept = True

    def finish(
        self, name: str, inputs: str, entry: Mapping[str, Any], found: Any, left: Any
    ) -> None:
        """Write down that a step is done: what went in, what was found, what it left."""
        self.steps[name] = {"inputs": inputs, "entry": entry, "found": found, "left": left}
        self.save()

    def finished(self, name: str, inputs: str) -> Mapping[str, Any] | None:
        """A step that an earlier try finished with the same inputs."""
        kept = self.steps.get(name)
        return kept if kept is not None and kept["inputs"] == inputs else None

    def remember(self, entry: Entry) -> Entry:
        """Keep how a thing was before it is moved; what was kept first stands, and comes back."""
        for kept in self.undo:
            if same_thing(kept, entry):
                return kept
        self.undo.append(dict(entry))
        self.save()
        return entry

    def forget(self) -> None:
        """Remove it: the record tells the rest."""
        if self.project is not None and self.is_kept:
            self.project.files.delete(path_of(self.project))
            self.is_kept = False


def read_journal(project: Project) -> Journal | None:
    """What a release that was broken off left, if one was."""
    content = project.files.read(path_of(project))
    try:
        data = json.loads(content) if content else None
        if not isinstance(data, dict):
            return None
        return Journal(
            goal=str(data["goal"]),
            head=dict(data["head"]),
            attempt=str(data["attempt"]),
            steps=dict(data["steps"]),
            undo=list(data["undo"]),
            failure=dict(data["failure"]),
            project=project,
            is_kept=True,
        )
    except (ValueError, KeyError, TypeError):
        return None


def digest_of(*parts: object) -> str:
    """SHA-256 of the parts as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def path_of(project: Project) -> str:
    return f"{records_folder(project)}/{NAME}"
