"""What the embedded workspace has no service for, and which tasks it cannot run."""

from __future__ import annotations

from typing import Any

import pytest
from fake_workspace import MakeProject

from brickyard.deploy import make_plan
from brickyard.deploy.project import BrokenBundle
from brickyard.deploy.services import check_served, stop_if_unserved

JOB = {
    "name": "a",
    "tasks": [
        {"task_key": "t", "dbt_task": {"commands": ["dbt run"], "warehouse_id": "1"}},
        {
            "task_key": "u",
            "for_each_task": {
                "inputs": "[1]",
                "task": {"task_key": "v", "notebook_task": {"notebook_path": "/a"}},
            },
        },
    ],
}


def embedded(project: Any) -> Any:
    """The project in a workspace that named itself in its last answer."""
    project.client._seen["server"] = "brickyard"
    return project


def test_a_task_that_does_not_run_is_warned_of_and_deployed(make_project: MakeProject) -> None:
    project = embedded(make_project({"jobs": {"j": JOB}}))
    plan = make_plan(project)
    (found,) = check_served(project, plan)
    assert found.summary == "the embedded workspace keeps a dbt_task and cannot run it"
    assert found.path == "resources.jobs.j.tasks[0].dbt_task"
    stop_if_unserved(project, plan)


def test_a_type_without_a_service_stops_the_deploy(make_project: MakeProject) -> None:
    project = embedded(make_project({"clusters": {"c": {"spark_version": "15.4.x"}}}))
    with pytest.raises(BrokenBundle) as stopped:
        stop_if_unserved(project, make_plan(project))
    (found,) = stopped.value.diagnostics
    assert found.summary == "the embedded workspace has no service that makes a cluster"


def test_databricks_itself_is_not_asked(make_project: MakeProject) -> None:
    project = make_project({"jobs": {"j": JOB}})
    assert check_served(project, make_plan(project)) == ()
    assert not any("brickyard" in call for call in project.workspace.calls)
