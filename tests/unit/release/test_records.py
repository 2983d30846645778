"""Release records: content-addressed and chained, so that tampering shows."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from brickyard.release.records import ReleaseRecord, live, verify

RECORD = ReleaseRecord(
    kind="promote",
    environment="prod",
    target="prod",
    host="http://127.0.0.1",
    bundle="b",
    commit="c0ffee",
    author="",
    subject="",
    who="deployer",
    started="2026-01-01T00:00:00.000Z",
)


def chain(*results: str) -> list[ReleaseRecord]:
    records: list[ReleaseRecord] = []
    for number, result in enumerate(results, start=1):
        previous = records[-1].digest if records else ""
        one = replace(RECORD, sequence=number, result=result, previous=previous)
        records.append(replace(one, digest=hashlib.sha256(one.content()).hexdigest()))
    return records


def test_what_is_live_is_the_last_release_that_succeeded() -> None:
    records = chain("succeeded", "succeeded", "gate failed")
    found = live(records)
    assert found is not None
    assert found.sequence == 2
    assert live(chain("failed")) is None


def test_a_whole_history_verifies() -> None:
    assert verify(chain("succeeded", "failed", "succeeded")) == ()


def test_a_changed_record_shows() -> None:
    records = chain("failed", "succeeded", "succeeded")
    forged = replace(records[0], result="succeeded")
    records[0] = replace(forged, digest=hashlib.sha256(forged.content()).hexdigest())
    assert verify(records) == ("release 2 does not follow the one before it",)


def test_a_removed_record_shows() -> None:
    records = chain("succeeded", "succeeded", "succeeded")
    assert verify([records[0], records[2]]) == ("release 2 is missing",)


def test_the_digest_is_not_part_of_the_content() -> None:
    assert RECORD.content() == replace(RECORD, digest="x").content()
