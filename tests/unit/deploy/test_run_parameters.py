"""What a run of a job is given, as the official CLI takes it."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.deploy.run import RunRefused
from brickyard.deploy.run_parameters import RunParameters, run_request

DECLARING = {"parameters": [{"name": "day", "default": "x"}], "tasks": [{"notebook_task": {}}]}
NOTEBOOK = {"tasks": [{"task_key": "a", "notebook_task": {}}]}
PYTHON = {"tasks": [{"task_key": "a", "spark_python_task": {}}]}
MIXED = {"tasks": [{"notebook_task": {}}, {"spark_python_task": {}}]}


@pytest.mark.parametrize(
    ("settings", "given", "request_"),
    [
        (DECLARING, {"job": {"day": "1"}}, {"job_parameters": {"day": "1"}}),
        (DECLARING, {"words": ["--day", "2"]}, {"job_parameters": {"day": "2"}}),
        (DECLARING, {}, {}),
        (NOTEBOOK, {"words": ["--a=1", "--b", "2"]}, {"notebook_params": {"a": "1", "b": "2"}}),
        (PYTHON, {"words": ["one", "--two"]}, {"python_params": ["one", "--two"]}),
        (PYTHON, {"tasks": {"python_params": ["x"]}}, {"python_params": ["x"]}),
        (MIXED, {"tasks": {"notebook_params": {"a": "1"}}}, {"notebook_params": {"a": "1"}}),
        (
            MIXED,
            {"tasks": {"pipeline_params": {"full_refresh": "true"}}},
            {"pipeline_params": {"full_refresh": True}},
        ),
    ],
)
def test_what_is_given_becomes_fields_of_the_request(
    settings: Any, given: Any, request_: Any
) -> None:
    assert run_request(settings, RunParameters(**given)) == request_


@pytest.mark.parametrize(
    ("settings", "given", "text"),
    [
        (
            DECLARING,
            {"tasks": {"python_params": ["x"]}},
            "specifying task parameters is not allowed",
        ),
        (DECLARING, {"words": ["--day"]}, "received 1 unexpected positional arguments"),
        (DECLARING, {"words": ["day", "x"]}, "received 2 unexpected positional arguments"),
        (MIXED, {"words": ["x"]}, "received 1 unexpected positional arguments"),
        (NOTEBOOK, {"job": {"a": "1"}}, "does not define job parameters"),
        (MIXED, {"tasks": {"pipeline_params": {"x": "1"}}}, "only supports `full_refresh=<bool>`"),
    ],
)
def test_what_a_job_cannot_take_is_refused(settings: Any, given: Any, text: str) -> None:
    with pytest.raises(RunRefused, match=text):
        run_request(settings, RunParameters(**given))
