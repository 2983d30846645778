"""Parameters that a run gives to tasks of their kind."""

from __future__ import annotations

from brickyard.workspace.jobs.requests import with_legacy_parameters


def test_parameters_of_a_kind_reach_the_tasks_of_that_kind_only() -> None:
    settings = {
        "tasks": [
            {
                "task_key": "q",
                "sql_task": {"warehouse_id": "1", "parameters": {"a": "0", "b": "0"}},
            },
            {"task_key": "p", "pipeline_task": {"pipeline_id": "1"}},
        ]
    }
    request = {"sql_params": {"a": "1"}, "pipeline_params": {"full_refresh": True}}
    query, pipeline = with_legacy_parameters(settings, request)["tasks"]
    assert query["sql_task"]["parameters"] == {"a": "1", "b": "0"}
    assert pipeline["pipeline_task"] == {"pipeline_id": "1", "full_refresh": True}
