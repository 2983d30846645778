"""When a task may run, and how a run ends."""

from __future__ import annotations

import pytest

from brickyard.workspace.jobs.states import Outcome, ended, not_run, of_run, should_run

OK, BAD, OUT, STOPPED = "SUCCESS", "FAILED", "EXCLUDED", "CANCELED"


@pytest.mark.parametrize(
    ("run_if", "upstream", "runs"),
    [
        ("ALL_SUCCESS", [], True),
        ("ALL_SUCCESS", [OK, OK], True),
        ("ALL_SUCCESS", [OK, BAD], False),
        ("ALL_SUCCESS", [OK, OUT], False),
        ("ALL_DONE", [BAD, OUT], True),
        ("NONE_FAILED", [OK, OUT], True),
        ("NONE_FAILED", [OK, BAD], False),
        ("NONE_FAILED", [OUT], False),
        ("AT_LEAST_ONE_SUCCESS", [OK, BAD], True),
        ("AT_LEAST_ONE_SUCCESS", [BAD], False),
        ("ALL_FAILED", [BAD, BAD], True),
        ("ALL_FAILED", [BAD, OK], False),
        ("AT_LEAST_ONE_FAILED", [OK, BAD], True),
        ("AT_LEAST_ONE_FAILED", [OK], False),
    ],
)
def test_run_if_decides_from_the_results_before(
    run_if: str, upstream: list[str], runs: bool
) -> None:
    assert should_run(run_if, upstream) is runs


def test_a_task_that_is_not_run_says_because_of_what() -> None:
    assert not_run("ALL_SUCCESS", [OK, BAD]).result == "UPSTREAM_FAILED"
    assert not_run("ALL_SUCCESS", [STOPPED]).result == "UPSTREAM_CANCELED"
    assert not_run("ALL_SUCCESS", [OUT]).result == "EXCLUDED"


def test_leaf_tasks_decide_how_a_run_ends() -> None:
    good, bad = Outcome(result=OK), Outcome(result=BAD, message="boom")
    assert of_run({"a": good}, ["a"]).result == OK
    assert of_run({"a": bad, "b": good}, ["b"]).result == "SUCCESS_WITH_FAILURES"
    failed = of_run({"a": bad, "b": not_run("ALL_SUCCESS", [BAD])}, ["b"])
    assert (failed.result, failed.life_cycle) == (BAD, "INTERNAL_ERROR")
    assert failed.message.startswith("Task a failed with message: boom. This caused")


def test_both_shapes_of_a_state_agree() -> None:
    shown = ended(Outcome(result="TIMEDOUT", message="late"))
    assert shown["state"]["result_state"] == "TIMEDOUT"
    assert shown["state"]["user_cancelled_or_timedout"] is True
    assert shown["status"]["state"] == "TERMINATED"
    assert shown["status"]["termination_details"]["message"] == "late"
