"""Job settings: defaults and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.jobs.settings import complete, leaves
from brickyard.workspace.kernel import ApiError


def task(key: str, *needs: str, **more: Any) -> dict[str, Any]:
    on = [{"task_key": need} for need in needs]
    return {"task_key": key, "depends_on": on, "notebook_task": {"notebook_path": "/n"}, **more}


def test_defaults_are_added_and_unknown_fields_are_kept() -> None:
    done = complete({"tasks": [task("a")], "new_field": 1})
    assert done["max_concurrent_runs"] == 1
    assert done["format"] == "MULTI_TASK"
    assert done["new_field"] == 1
    assert done["tasks"][0]["run_if"] == "ALL_SUCCESS"
    assert done["tasks"][0]["notebook_task"]["source"] == "WORKSPACE"


def test_completing_twice_changes_nothing() -> None:
    once = complete({"tasks": [task("a"), task("b", "a")]})
    assert complete(once) == once


def test_single_task_settings_of_old_become_a_task() -> None:
    done = complete({"name": "old job", "notebook_task": {"notebook_path": "/n"}})
    assert [one["task_key"] for one in done["tasks"]] == ["old_job"]
    assert "notebook_task" not in done


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"tasks": [{"task_key": "a"}]}, "exactly one task type; found none"),
        ({"tasks": [task("a", sql_task={"warehouse_id": "1"})]}, "notebook_task, sql_task"),
        ({"tasks": [task("a", "b")]}, "depends on b"),
        ({"tasks": [task("a", "b"), task("b", "a")]}, "cycle: a, b"),
        ({"tasks": [task("a"), task("a")]}, "Duplicate task_key a"),
        ({"tasks": [task("a", run_if="MAYBE")]}, "run_if must be one of"),
        ({"tasks": [task("a", environment_key="e")]}, "no environment e"),
        ({"tasks": [{"task_key": "a", "notebook_task": {}}]}, "notebook_path is required"),
        ({"git_source": {"git_url": "u"}}, "git_provider"),
    ],
)
def test_a_broken_setting_is_refused_by_name(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ApiError, match=text) as refused:
        complete(settings)
    assert refused.value.code == "INVALID_PARAMETER_VALUE"


def test_leaves_are_what_nothing_depends_on() -> None:
    assert list(leaves([task("a"), task("b", "a"), task("c", "a")])) == ["b", "c"]
