"""The head of a history: number and digest of its newest record, kept apart from the records.

`<root_path>.releases-head.json` beside the folder of the records, written after each record. With
it a record shows that was deleted from the end, where no later one knows it. A release that dies
between the two leaves the head one behind; the next one brings it up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from brickyard.deploy import Project


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record. `sequence` 0: the file is there and can't be read."""

    sequence: int
    digest: str


def read_head(project: Project) -> Head | None:
    """The head, or None where no release has written one."""
    content = project.files.read(head_path(project))
    if content is None:
        return None
    try:
        data = json.loads(content)
        return Head(int(data["sequence"]), str(data["digest"]))
    except (ValueError, KeyError, TypeError):
        return Head(0, "")


def write_head(project: Project, head: Head) -> None:
    content = {"sequence": head.sequence, "digest": head.digest}
    project.files.write(head_path(project), json.dumps(content, indent=1).encode())


def head_path(project: Project) -> str:
    return f"{project.path('root_path')}.releases-head.json"
