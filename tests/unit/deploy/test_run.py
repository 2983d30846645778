"""What `run KEY` finds: by key alone, by type and key, and why it finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brickyard.deploy import Project, apply_plan, make_plan
from brickyard.deploy.run import RunRefused, find_runnable

MakeProject = Callable[..., Project]
TASKS = [{"task_key": "t", "condition_task": {"op": "EQUAL_TO", "left": "a", "right": "a"}}]
JOB = {"name": "job", "tasks": TASKS}
APP = {"name": "site", "source_code_path": "/Workspace/Shared/site"}


def deployed(make_project: MakeProject, resources: dict[str, Any]) -> Project:
    project = make_project(resources)
    apply_plan(project, make_plan(project))
    return project


def test_a_key_is_found_by_itself_and_with_its_type(make_project: MakeProject) -> None:
    project = deployed(make_project, {"jobs": {"nightly": JOB}})
    for key in ("nightly", "jobs.nightly", "resources.jobs.nightly"):
        assert find_runnable(project, key).address == "resources.jobs.nightly"


def test_a_key_of_two_types_must_name_the_type(make_project: MakeProject) -> None:
    project = make_project({"jobs": {"site": JOB}, "apps": {"site": APP}})
    with pytest.raises(RunRefused, match=r"name jobs\.site or apps\.site"):
        find_runnable(project, "site")


def test_what_is_not_deployed_says_how_to_deploy_it(make_project: MakeProject) -> None:
    project = make_project({"apps": {"site": APP}})
    told = r"brickyard bundle deploy.*\napp site is not deployed to dev"
    with pytest.raises(RunRefused, match=told):
        find_runnable(project, "site")


def test_an_unknown_key_names_what_there_is(make_project: MakeProject) -> None:
    project = deployed(make_project, {"jobs": {"nightly": JOB}})
    with pytest.raises(
        RunRefused, match=r'resource with key "nightyl" not found\nTarget dev has nightly'
    ):
        find_runnable(project, "nightyl")
