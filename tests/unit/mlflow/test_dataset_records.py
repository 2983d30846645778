"""Records of evaluation datasets: as the API has them, as rows, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.mlflow import dataset_records as records

RECORD: dict[str, Any] = {
    "inputs": [{"key": "question", "value": "?"}, {"key": "n", "value": {"deep": [1]}}],
    "expectations": {"expected": {"value": ["a"]}, "nothing": {"value": None}},
    "tags": {"a": "b"},
    "source": {"trace": {"trace_id": "tr-1"}, "human": None},
}
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made() -> dict[str, Any]:
    return records.row(RECORD, id="r1", by="me", at=AT)


def test_a_record_comes_back_as_it_went_in() -> None:
    shown = records.show(made())
    assert shown["inputs"] == RECORD["inputs"]
    assert shown["expectations"] == RECORD["expectations"]
    assert shown["tags"] == RECORD["tags"]
    assert shown["source"] == {"trace": {"trace_id": "tr-1"}}
    assert shown["create_time"] == "2026-01-02T03:04:05.000000Z"
    assert shown["created_by"] == "me"


def test_only_what_the_mask_names_changes() -> None:
    edited = records.changed(made(), {"tags": {"c": "d"}}, ("tags",), by="you")
    shown = records.show(edited)
    assert shown["tags"] == {"c": "d"}
    assert shown["expectations"] == RECORD["expectations"]
    assert shown["last_updated_by"] == "you"
    assert shown["created_by"] == "me"


def test_an_expectation_joins_those_that_are_there() -> None:
    edited = records.expecting(made(), {"expected": {"value": 1}, "new": {"value": 2}}, by="you")
    values = {key: one["value"] for key, one in records.show(edited)["expectations"].items()}
    assert values == {"expected": 1, "nothing": None, "new": 2}


@pytest.mark.parametrize("inputs", [None, {"a": 1}, ["x"], "text"])
def test_inputs_are_a_list_of_keys_and_values(inputs: Any) -> None:
    with pytest.raises(ApiError, match="inputs"):
        records.row({"inputs": inputs}, id="r", by="me", at=AT)


@pytest.mark.parametrize("mask", [(), ("created_by",), ("tags", "nothing")])
def test_a_mask_names_what_may_change(mask: tuple[str, ...]) -> None:
    with pytest.raises(ApiError, match="update_mask"):
        records.changed(made(), {}, mask, by="me")
