"""Releases one at a time, each finished or given up before the next: what holds them together.

A release takes a lock beside the records and looks for a journal that an earlier try left:

- its record is written already: only the journal was left; the record is the answer;
- it had failed and was putting back: that is finished, and its record written;
- it was for the same goal: taken up where it ended;
- it was for another goal: what it moved is put back, a record says that it was broken off, and the
  new release begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from brickyard.deploy import ApiFailure, Project
from brickyard.deploy.lock import Locked, acquire
from brickyard.release.faults import GateFailed, PromotionRefused
from brickyard.release.findings import Findings
from brickyard.release.journal import Journal, read_journal
from brickyard.release.records import (
    ReleaseRecord,
    Result,
    history,
    keep_head,
    live,
    now,
    records_folder,
    write,
)
from brickyard.release.rollout import Rollout

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Where a release stands as it begins: its journal, what is live; or its record, if it is
    over already."""

    journal: Journal
    records: Sequence[ReleaseRecord]
    over: ReleaseRecord | None = None

    @property
    def live(self) -> ReleaseRecord | None:
        return live(self.records)


@contextmanager
def one_at_a_time(project: Project, say: Say, *, force: bool = False) -> Iterator[None]:
    """Hold the lock of the target's releases. Raises `Locked`."""
    try:
        lock = acquire(
            project.files,
            records_folder(project),
            user=project.user.user_name,
            force=force,
            say=lambda text: say("", text),
        )
    except Locked as taken:
        raise Locked(f"another release is under way: {taken}") from taken
    try:
        yield
    except BaseException:
        with suppress(Exception):  # the reason why it ended matters more
            lock.release()
        raise
    lock.release()


def take_up(project: Project, goal: str, say: Say) -> Beginning:
    """What an earlier try left, put in order."""
    records = history(project)
    left = read_journal(project)
    if left is None:
        return Beginning(journal=Journal(goal=goal, project=project), records=records)
    written = next((one for one in records if one.attempt == left.attempt), None)
    if written is not None:
        keep_head(project, written)
        left.forget()
        if left.goal == goal:
            return Beginning(journal=left, records=records, over=written)
    elif left.failure:
        say("", "the try before had failed; what it moved is put back")
        made = close(project, left, left.failure["result"], left.failure["reason"], say)
        if left.goal == goal:
            return Beginning(journal=left, records=records, over=made)
    elif left.goal == goal:
        say("", "going on where the try before ended")
        return Beginning(journal=left, records=records)
    else:
        commit = str(left.head.get("commit", ""))[:10]
        say("", f"the release of {commit} was broken off; what it moved is put back")
        close(project, left, Result.BROKEN_OFF, "it was broken off, and another began", say)
    return Beginning(journal=Journal(goal=goal, project=project), records=history(project))


def close(project: Project, journal: Journal, result: str, reason: str, say: Say) -> ReleaseRecord:
    """Put back what a failed or abandoned try moved, and write its record."""
    rollout = Rollout(project=project, read_file=lambda path: None, say=say, journal=journal)
    for kept in journal.steps.values():
        rollout.steps.append(dict(kept["entry"]))
        rollout.found.add(kept["found"])
    rollout.put_back()
    record = replace(from_head(journal.head), result=result, reason=reason)
    made = write(project, with_findings(record, rollout.found, rollout.steps, rollout.outputs))
    journal.forget()
    return made


def fail(rollout: Rollout, record: ReleaseRecord, fault: Exception) -> ReleaseRecord:
    """A release that failed: what it moved is put back; the record, not yet written.

    That it failed is written down first: a kill while putting back does not bring it to life again.
    """
    result = Result.GATE_FAILED if isinstance(fault, GateFailed) else Result.FAILED
    reason = fault.message if isinstance(fault, ApiFailure) else str(fault)
    if rollout.journal.is_kept:
        rollout.journal.failure = {"result": str(result), "reason": reason}
        rollout.journal.save()
    rollout.put_back()
    return replace(record, result=result, reason=reason)


def head_of(record: ReleaseRecord) -> dict[str, Any]:
    """The record as it begins, for the journal."""
    return {name: getattr(record, name) for name in record.__slots__ if name not in ("path",)}


def from_head(head: Any) -> ReleaseRecord:
    known = {name: head[name] for name in ReleaseRecord.__slots__ if name in head}
    try:
        return ReleaseRecord(**known)
    except TypeError as fault:
        raise PromotionRefused(
            f"the journal of the release under way is damaged: {fault}"
        ) from None


def with_findings(
    record: ReleaseRecord, found: Findings, steps: Sequence[Any], outputs: Any
) -> ReleaseRecord:
    """The record with what the rollout did and found."""
    return replace(
        record,
        ended=now(),
        steps=tuple(steps),
        outputs=outputs,
        **{name: getattr(found, name) for name in Findings.__slots__},
    )
