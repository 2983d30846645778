"""What commands about one release say when there is none of that number, or it can't be read."""

from __future__ import annotations

import inspect

import pytest

from brickyard.cli.failures import Refused
from brickyard.cli.release_options import record_numbered
from brickyard.release.records import ReleaseRecord


def record(**known: object) -> ReleaseRecord:
    texts = {
        name: ""
        for name, told in inspect.signature(ReleaseRecord).parameters.items()
        if told.default is told.empty
    }
    return ReleaseRecord(**{**texts, **known})  # type: ignore[arg-type]


def test_a_release_is_found_by_its_number_or_said_to_be_missing_or_damaged() -> None:
    torn = record(kind="damaged", path="/somewhere/.releases/00002-0123456789abcdef.json")
    records = (torn, record(sequence=1), record(sequence=3))
    assert record_numbered(records, 3, "prod").sequence == 3
    with pytest.raises(Refused, match=r"release 2 of prod can't be read: /somewhere/.*00002-"):
        record_numbered(records, 2, "prod")
    with pytest.raises(Refused, match="prod has no release 4; it has 3"):
        record_numbered(records, 4, "prod")
