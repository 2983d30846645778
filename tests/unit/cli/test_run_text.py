"""What `bundle run` says of runs that have ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.cli.failures import Refused
from brickyard.cli.run_text import show_errors, show_run
from brickyard.deploy import RunResult
from brickyard.deploy.job_runs import RunState, TaskOutput, _shown


def task(key: str, output: dict[str, Any] | None = None, **more: Any) -> TaskOutput:
    state = more.pop("state", RunState(life_cycle="TERMINATED", result="SUCCESS"))
    return TaskOutput(task_key=key, run_id=1, state=state, output=output, end_ms=5, **more)


def run(*tasks: TaskOutput, **state: str) -> RunResult:
    ended = RunState(**({"life_cycle": "TERMINATED", "result": "SUCCESS"} | state))
    return RunResult(job_id=1, run_id=2, url="", state=ended, tasks=tasks)


def test_the_output_of_one_task_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show_run(run(task("a", {"result": "done"}), task("b")), wants_json=False)
    assert capsys.readouterr().out == "done"


def test_outputs_of_several_tasks_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    logs = {"logs": "hi\n", "logs_truncated": True}
    show_run(run(task("a", logs), task("b", {"result": "x"})), wants_json=False)
    assert capsys.readouterr().out == (
        "Output:\n=======\nTask a:\nhi\n\n[truncated...]\n\n=======\nTask b:\nx\n"
    )


def test_json_has_each_output_as_its_type_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs = {"logs": "hi\n", "logs_truncated": False}
    show_run(run(task("a", logs), task("b")), wants_json=True)
    row = {"TaskKey": "a", "Output": logs, "EndTime": 5}
    assert json.loads(capsys.readouterr().out) == {"task_outputs": [row]}


def test_a_task_that_failed_is_told_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    bad = RunState(life_cycle="INTERNAL_ERROR", result="FAILED")
    failed = run(
        task("a", state=bad, error="E", trace="T"), life_cycle="INTERNAL_ERROR", message="m"
    )
    said_at_end = "failed to reach TERMINATED or SKIPPED, got INTERNAL_ERROR: m"
    with pytest.raises(Refused, match=said_at_end):
        show_run(failed, wants_json=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == ("Task a FAILED:\nE\nT\n\nError: Task a failed!\nError:\nE\nTrace:\nT\n")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"life_cycle": "SKIPPED", "result": ""}, "run skipped: m"),
        ({"result": "CANCELED"}, "run canceled: m"),
        ({"result": "TIMEDOUT"}, "run timed out: m"),
        ({"result": "FAILED"}, "run failed: m"),
    ],
)
def test_a_run_that_ended_otherwise_is_an_error(state: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        show_run(run(message="m", **state), wants_json=False)


@pytest.mark.parametrize(
    ("got", "shown"),
    [
        ({"notebook_output": {"result": "r"}, "logs": "l"}, {"result": "r"}),
        ({"notebook_output": {}, "logs": "l"}, {"logs": "l", "logs_truncated": False}),
        ({"notebook_output": {}}, {}),
        ({"sql_output": {"a": 1}}, {"a": 1}),
        ({"logs": ""}, None),
    ],
)
def test_what_a_task_gave_is_of_its_type(got: Any, shown: Any) -> None:
    assert _shown(got) == shown


def test_errors_of_an_update_have_their_causes(capsys: pytest.CaptureFixture[str]) -> None:
    event = {"event_type": "flow", "message": "M", "error": {"exceptions": [{"message": "E"}]}}
    show_errors([event])
    assert capsys.readouterr().err == ("Error: [flow]  M\ntrace for most recent exception: \nE\n\n")
