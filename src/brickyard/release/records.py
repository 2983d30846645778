"""Release records: what was released, from which commit, by whom, with which result.

A record is a JSON file in the target workspace, `<root_path>.releases/<sequence>-<digest>.json`:
beside the deployment, so that it outlives it. Its name carries the SHA-256 of its content, and its
content the digest of the record before it: a record that was changed or taken out later shows
(`verification`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.release.head import Head, read_head, write_head

VERSION: Final = 3  # since 3 a head is kept: see `head`


APART: Final = ("digest", "path")


class Result(StrEnum):
    SUCCEEDED = "succeeded"
    GATE_FAILED = "gate failed"
    FAILED = "failed"
    REJECTED = "rejected"
    BROKEN_OFF = "broken off"  # killed, and given up for another release


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """One attempt to bring a commit to an environment. Times are ISO 8601, UTC."""

    kind: str  # "promote" or "rollback"
    environment: str
    target: str
    host: str
    bundle: str
    commit: str
    author: str
    subject: str
    who: str
    started: str
    ended: str = ""
    result: str = ""
    reason: str = ""
    configuration_digest: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[Mapping[str, Any]] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    model_version: str = ""
    alias: str = ""
    endpoint: str = ""
    served: Mapping[str, Any] = field(default_factory=dict)  # the endpoint's config, as it was set
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    gate: Sequence[str] = ()
    not_undone: Sequence[str] = ()  # of a rollback: what it leaves as it is
    returned_to: int = 0  # of a rollback: the number of the release
    promoted_by: str = "code"  # or "model"
    attempt: str = ""
    models: Mapping[str, Any] = field(default_factory=dict)  # full name -> version, aliases, origin
    prompts: Mapping[str, Any] = field(default_factory=dict)
    endpoints: Mapping[str, Any] = field(default_factory=dict)  # name -> config, as it was set
    indexes: Mapping[str, Any] = field(default_factory=dict)
    apps: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)  # table -> Delta version
    artifacts: Mapping[str, str] = field(default_factory=dict)  # file -> SHA-256
    examples: Mapping[str, Any] = field(default_factory=dict)  # step -> scores of each example
    approvals: Sequence[Mapping[str, Any]] = ()
    exceptions: Sequence[Mapping[str, Any]] = ()  # of the policy, that counted
    brickyard_version: str = ""
    version: int = VERSION
    sequence: int = 0
    previous: str = ""  # digest of the record before
    digest: str = ""  # set when read or written; not part of the content
    path: str = ""  # where it was read; not part of the content

    @property
    def is_damaged(self) -> bool:
        """True when the file could not be read as a record."""
        return self.sequence == 0 and bool(self.path)

    @property
    def number_of_file(self) -> int:
        """The number in the name of the file it was read from; 0 when that has none."""
        number = self.path.rpartition("/")[2].partition("-")[0]
        return int(number) if number.isdecimal() else 0

    @property
    def succeeded(self) -> bool:
        return self.result == Result.SUCCEEDED

    def content(self) -> bytes:
        """Canonical JSON: what the digest is taken of."""
        names = [name for name in self.__slots__ if name not in APART]
        plain = {name: getattr(self, name) for name in names}
        return json.dumps(plain, sort_keys=True, indent=1, default=list).encode()

    def as_json(self) -> dict[str, Any]:
        return {**json.loads(self.content()), "digest": self.digest}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def history(project: Project) -> tuple[ReleaseRecord, ...]:
    """Every record of the project's target, oldest first."""
    found = []
    for listed in project.files.listing(records_folder(project)):
        path = str(listed["path"])
        content = project.files.read(path) if path.endswith(".json") else None
        if content is not None:
            found.append(_decoded(content, path))
    return tuple(sorted(found, key=lambda record: (record.sequence, record.started)))


def write(project: Project, record: ReleaseRecord) -> ReleaseRecord:
    """Append the record to the history; it comes back with its place and digest.

    What the head knows and is no longer there keeps its number: the gap stays to be seen.
    """
    before = history(project)
    last = before[-1] if before else None
    if last is not None and last.attempt and last.attempt == record.attempt:
        keep_head(project, last)
        return last
    head = read_head(project)
    end = Head(last.sequence, last.digest) if last is not None else Head(0, "")
    if head is not None and head.sequence > end.sequence:
        end = head
    placed = replace(record, sequence=end.sequence + 1, previous=end.digest)
    digest = hashlib.sha256(placed.content()).hexdigest()
    path = f"{records_folder(project)}/{placed.sequence:05d}-{digest[:16]}.json"
    project.files.write(path, placed.content())
    write_head(project, Head(placed.sequence, digest))
    return replace(placed, digest=digest, path=path)


def keep_head(project: Project, last: ReleaseRecord) -> None:
    """Bring the head up to a record that was written before a kill."""
    head = Head(last.sequence, last.digest)
    known = read_head(project)
    if known is None or known.sequence < head.sequence:
        write_head(project, head)


def live(records: Sequence[ReleaseRecord]) -> ReleaseRecord | None:
    """What the environment serves: the last release that succeeded."""
    return next((record for record in reversed(records) if record.succeeded), None)


def records_folder(project: Project) -> str:
    """Where the records of a target are, in its workspace."""
    return f"{project.path('root_path')}.releases"


def _decoded(content: bytes, path: str) -> ReleaseRecord:
    """The record; one that can't be read keeps its path and has no number."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        data = json.loads(content)
        known = {name: data[name] for name in ReleaseRecord.__slots__ if name in data}
        return ReleaseRecord(**{**known, "digest": digest, "path": path})
    except (ValueError, TypeError):
        return ReleaseRecord(
            kind="damaged",
            environment="",
            target="",
            host="",
            bundle="",
            commit="",
            author="",
            subject="",
            who="",
            started="",
            digest=digest,
            path=path,
        )
