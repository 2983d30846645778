"""Whether a history is whole: each record as it was written, none taken out, none put in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.release.head import Head, read_head
from brickyard.release.records import ReleaseRecord

# Records of this version and later were written together with a head.
WITH_HEAD: Final = 3


def faults_of(project: Project, records: Sequence[ReleaseRecord]) -> tuple[str, ...]:
    """What is wrong with the history of an environment, its head considered."""
    chain = verify(records)
    return chain or compare_head(records, read_head(project))


def verify(records: Sequence[ReleaseRecord]) -> tuple[str, ...]:
    """What is wrong with a chain of records: gaps, links and names that don't fit.

    The last record has no successor that knows it; its own name does, and the head.
    """
    faults = []
    previous = ""
    for expected, record in enumerate(records, start=1):
        if record.is_damaged:
            faults.append(f"{record.path.rpartition('/')[2]} is not a release record")
            break
        if record.sequence != expected:
            what = "there twice" if record.sequence < expected else "missing"
            faults.append(f"release {min(expected, record.sequence)} is {what}")
            break
        if record.path and f"-{record.digest[:16]}.json" not in record.path:
            faults.append(f"release {record.sequence} is not what its name says: it was changed")
        if record.previous != previous:
            faults.append(f"release {record.sequence} does not follow the one before it")
        previous = record.digest
    return tuple(faults)


def compare_head(records: Sequence[ReleaseRecord], head: Head | None) -> tuple[str, ...]:
    """What the head knows against a chain that is whole in itself."""
    last = records[-1] if records else None
    if head is None:
        if any(record.version >= WITH_HEAD for record in records):
            return ("the head of the history is missing: records may be missing at the end",)
        return ()
    if head.sequence < 1:
        return ("the head of the history can't be read",)
    here = last.sequence if last is not None else 0
    if head.sequence > here:
        first = here + 1
        gone = f"releases {first} to {head.sequence} are" if head.sequence > first else (
            f"release {first} is"
        )  # fmt: skip
        return (f"{gone} missing: the head of the history knows {head.digest[:16]}",)
    known = records[head.sequence - 1]
    if known.digest != head.digest:
        return (f"release {head.sequence} is not the one that the head of the history knows",)
    if here > head.sequence + 1:
        return (f"releases after {head.sequence + 1} are unknown to the head of the history",)
    return ()


def compare_expected(records: Sequence[ReleaseRecord], expected: str) -> tuple[str, ...]:
    """Whether a record that somebody knows by its digest is there still."""
    if any(record.digest == expected for record in records):
        return ()
    return (f"no release has the digest {expected}: it was changed or taken out",)


def expected_digests(statement: Any) -> tuple[str, ...]:
    """The digests that an exported statement vouches for: its release, and the head it knew.

    Raises `ValueError` for what is no such statement.
    """
    try:
        found = [str(statement["subject"][0]["digest"]["sha256"])]
        predicate = statement["predicate"]
        history = (
            predicate["buildDefinition"]["internalParameters"].get("history")
            if "buildDefinition" in predicate
            else None
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("it is no exported release record") from None
    head = (history or {}).get("head", {}).get("sha256")
    return tuple(dict.fromkeys([*found, *([str(head)] if head else [])]))
