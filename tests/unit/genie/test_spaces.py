"""The text of a Genie space as the service keeps it."""

from __future__ import annotations

import pytest

from brickyard.workspace.genie.engine import migrated
from brickyard.workspace.kernel import ApiError


def test_version_1_becomes_version_2_with_data_sources() -> None:
    assert migrated('{"version":1}') == '{"data_sources":{},"version":2}'
    assert migrated('{"version":1,"data_sources":{"tables":[]}}') == (
        '{"data_sources":{"tables":[]},"version":2}'
    )


@pytest.mark.parametrize("text", ['{"version": 2}', '{"version": true}', "{ }"])
def test_other_text_stays_as_it_came(text: str) -> None:
    assert migrated(text) == text


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match="serialized_space") as refused:
        migrated(text)
    assert refused.value.code == "INVALID_PARAMETER_VALUE"
