"""Requests turned into settings: what a run gets, what an update changes."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.jobs.changes import changed
from brickyard.workspace.jobs.requests import parameters, settings_for, token
from brickyard.workspace.kernel import ApiError


def task(key: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"task_key": key, "depends_on": [{"task_key": one} for one in after], **more}


def test_only_keeps_the_named_tasks_and_what_their_signs_ask_for() -> None:
    settings = {"tasks": [task("a"), task("b", "a"), task("c", "b")]}

    def kept(*only: str) -> list[str]:
        return [one["task_key"] for one in settings_for(settings, {"only": only})["tasks"]]

    assert kept("b") == ["b"]
    assert kept("+c") == ["a", "b", "c"]
    assert kept("a+") == ["a", "b", "c"]
    assert settings_for(settings, {"only": ["c"]})["tasks"][0]["depends_on"] == []
    with pytest.raises(ApiError, match="no task z"):
        kept("z")


def test_older_parameters_reach_tasks_of_their_kind_only() -> None:
    notebook = task("n", notebook_task={"notebook_path": "/n", "base_parameters": {"a": "1"}})
    file = task("p", spark_python_task={"python_file": "/p", "parameters": ["x"]})
    given = {"notebook_params": {"b": "2"}, "python_params": ["y"]}
    done = settings_for({"tasks": [notebook, file]}, given)["tasks"]
    assert done[0]["notebook_task"]["base_parameters"] == {"a": "1", "b": "2"}
    assert done[1]["spark_python_task"]["parameters"] == ["y"]
    assert file["spark_python_task"]["parameters"] == ["x"]
    with pytest.raises(ApiError, match="use job_parameters"):
        settings_for({"tasks": [notebook], "parameters": [{"name": "a"}]}, given)


def test_a_run_has_every_declared_parameter_and_no_other() -> None:
    settings = {"parameters": [{"name": "a", "default": "1"}, {"name": "b", "default": "2"}]}
    assert parameters(settings, {"job_parameters": {"b": 3}}) == {"a": "1", "b": "3"}
    with pytest.raises(ApiError, match="no parameter c"):
        parameters(settings, {"job_parameters": {"c": "3"}})


def test_the_queue_of_a_request_and_the_length_of_its_token() -> None:
    assert settings_for({}, {"queue": {"enabled": True}})["queue"] == {"enabled": True}
    assert token({}) is None
    with pytest.raises(ApiError, match="64"):
        token({"idempotency_token": "x" * 65})


def test_an_update_replaces_fields_and_merges_tasks_by_key() -> None:
    settings = {"name": "old", "tags": {"a": "1"}, "tasks": [task("a"), task("b"), task("c")]}
    given = {"name": "new", "tasks": [task("b", "a"), task("d")]}
    done = changed(settings, given, ["tags", "tasks/c"])
    assert done["name"] == "new"
    assert "tags" not in done
    assert [one["task_key"] for one in done["tasks"]] == ["a", "b", "d"]
    assert done["tasks"][1]["depends_on"] == [{"task_key": "a"}]
