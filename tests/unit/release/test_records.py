"""Release records: content-addressed and chained, so that tampering shows."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from brickyard.release.head import Head
from brickyard.release.provenance import statement
from brickyard.release.records import ReleaseRecord, live
from brickyard.release.verification import (
    compare_expected,
    compare_head,
    expected_digests,
    verify,
)

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


def head_of(records: list[ReleaseRecord]) -> Head:
    return Head(records[-1].sequence, records[-1].digest)


def test_records_deleted_from_the_end_show_by_the_head() -> None:
    records = chain("succeeded", "failed", "succeeded")
    head = head_of(records)
    assert compare_head(records, head) == ()
    for left, said in ((2, "release 3 is missing"), (0, "releases 1 to 3 are missing")):
        assert verify(records[:left]) == ()
        (fault,) = compare_head(records[:left], head)
        assert fault.startswith(said)
    assert "is not the one" in compare_head(records, Head(3, "f" * 64))[0]


def test_a_head_that_is_gone_or_torn_shows_but_not_where_there_never_was_one() -> None:
    records = chain("succeeded", "succeeded")
    assert "head of the history is missing" in compare_head(records, None)[0]
    assert "can't be read" in compare_head(records, Head(0, ""))[0]
    assert compare_head([replace(one, version=2) for one in records], None) == ()
    assert compare_head([], None) == ()


def test_a_head_may_be_one_behind_as_a_kill_leaves_it() -> None:
    records = chain("succeeded", "succeeded", "succeeded")
    assert compare_head(records, head_of(records[:2])) == ()
    assert "unknown to the head" in compare_head(records, head_of(records[:1]))[0]


def test_what_was_kept_elsewhere_has_to_be_there_still() -> None:
    records = chain("succeeded", "succeeded", "succeeded")
    exported = statement(records[0], "slsa", records[2])
    digests = expected_digests(exported)
    assert digests == (records[0].digest, records[2].digest)
    assert [compare_expected(records, one) for one in digests] == [(), ()]
    assert "taken out" in compare_expected(records[:2], digests[1])[0]
    assert expected_digests(statement(records[1], "in-toto")) == (records[1].digest,)
    for wrong in ({}, [], {"subject": []}, "x"):
        with pytest.raises(ValueError, match="no exported release record"):
            expected_digests(wrong)
