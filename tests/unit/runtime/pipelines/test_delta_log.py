"""What a log says was added, from logs written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from brickyard.runtime.pipelines.delta_log import added_since, has_data_since, version_of
from brickyard.runtime.pipelines.graph import PipelineFault
from brickyard.runtime.pipelines.state import State

ADD = {"add": {"path": "a%20b.parquet", "partitionValues": {"day": "1"}, "dataChange": True}}
REMOVE = {"remove": {"path": "a.parquet", "dataChange": True}}
TIDY = {"add": {"path": "c.parquet", "dataChange": False}}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "_delta_log").mkdir()
    return tmp_path


def commit(table: Path, version: int, *actions: dict[str, Any]) -> None:
    text = "\n".join(json.dumps(one) for one in ({"commitInfo": {}}, *actions))
    (table / "_delta_log" / f"{version:020}.json").write_text(text)


def test_appends_are_found_and_tidying_is_not_data(table: Path) -> None:
    commit(table, 0)
    commit(table, 1, ADD)
    commit(table, 2, TIDY)
    assert version_of(table) == 2
    (one,) = added_since(table, 0, 2, name="t", skips_changes=False)
    assert (one.path, one.partition) == (f"{table}/a b.parquet", (("day", "1"),))
    assert added_since(table, 1, 2, name="t", skips_changes=False) == []
    assert [has_data_since(table, version) for version in (0, 1)] == [True, False]


def test_changes_are_refused_or_left_out(table: Path) -> None:
    commit(table, 0)
    commit(table, 1, REMOVE, ADD)
    commit(table, 2, ADD)
    with pytest.raises(PipelineFault, match="at version 1"):
        added_since(table, 0, 2, name="t", skips_changes=False)
    assert len(added_since(table, 0, 2, name="t", skips_changes=True)) == 1
    with pytest.raises(PipelineFault, match="full refresh"):
        added_since(table, 2, 3, name="t", skips_changes=False)


@pytest.mark.parametrize("committed", [True, False])
def test_a_write_that_ended_suddenly_counts_if_it_was_committed(
    table: Path,
    committed: bool,
) -> None:
    commit(table, 0)
    state = State(table)
    state.done("f", {"sources": {"s": 1}})
    state.begin("f", {"sources": {"s": 2}}, table, 0)
    if committed:
        commit(table, 1, ADD)
    again = State(table)
    again.settle()
    assert again.progress("f") == {"sources": {"s": 2 if committed else 1}}
    assert State(table).progress("f") == again.progress("f")
