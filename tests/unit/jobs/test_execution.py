"""Walking a run's graph: order, retries, timeouts, cancelling, repair, restart. No processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.jobs.calls import Stop, TaskCall
from brickyard.workspace.jobs.execution import Execution
from brickyard.workspace.jobs.records import Records, Run, latest
from brickyard.workspace.jobs.settings import complete
from brickyard.workspace.jobs.states import Outcome, going_on
from brickyard.workspace.kernel import Store, WorkspaceInfo, now_ms

DEV = WorkspaceInfo(name="dev", id=1, catalog="dev", url="http://w")
Perform = Callable[[TaskCall, Stop], Outcome]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    store = Store(tmp_path / "test.db")
    store.create_tables()
    return Records(store)


def task(key: str, *needs: str, **more: Any) -> dict[str, Any]:
    on = [{"task_key": need} for need in needs]
    body = {"notebook_path": "/n", "base_parameters": more.pop("given", {})}
    return {"task_key": key, "depends_on": on, "notebook_task": body, **more}


def begin(
    records: Records, tasks: list[dict[str, Any]], perform: Perform, **settings: Any
) -> Execution:
    done = complete({"tasks": tasks, **settings})
    data = {"start_time": now_ms(), "trigger": "ONE_TIME", **going_on("PENDING")}
    run, _ = records.add_run("dev", None, data, None)
    return execution(records, run, done, perform)


def execution(
    records: Records, run: Run, settings: Mapping[str, Any], perform: Perform, **more: Any
) -> Execution:
    return Execution(
        run=run,
        workspace=DEV,
        settings=settings,
        run_as="me",
        parameters={},
        records=records,
        perform=perform,
        on_end=lambda _: None,
        **more,
    )


def finish(records: Records, started: Execution) -> dict[str, str]:
    """Results by task key, and under '' the run's own."""
    started.start()
    assert started.ended.wait(20)
    found = records.run("dev", started.run.run_id)
    assert found is not None
    assert not found.active
    tasks = latest(records.task_runs(found.run_id))
    shown = {key: str(one.data["state"]["result_state"]) for key, one in tasks.items()}
    return {"": str(found.data["state"]["result_state"]), **shown}


def failing(*keys: str) -> Perform:
    def perform(call: TaskCall, _stop: Stop) -> Outcome:
        bad = call.task["task_key"] in keys
        return Outcome(result="FAILED", message="boom") if bad else Outcome(result="SUCCESS")

    return perform


def test_tasks_run_in_the_order_of_their_dependencies(records: Records) -> None:
    order: list[str] = []

    def perform(call: TaskCall, _stop: Stop) -> Outcome:
        order.append(call.task["task_key"])
        return Outcome(result="SUCCESS")

    tasks = [task("c", "b"), task("b", "a"), task("a")]
    assert finish(records, begin(records, tasks, perform))[""] == "SUCCESS"
    assert order == ["a", "b", "c"]


def test_independent_tasks_run_at_the_same_time(records: Records) -> None:
    both = threading.Barrier(2, timeout=10)

    def perform(_call: TaskCall, _stop: Stop) -> Outcome:
        both.wait()
        return Outcome(result="SUCCESS")

    assert finish(records, begin(records, [task("a"), task("b")], perform))[""] == "SUCCESS"


def test_a_failure_stops_what_depends_on_it_and_nothing_else(records: Records) -> None:
    tasks = [task("a"), task("b", "a"), task("c"), task("d", "a", run_if="ALL_DONE")]
    assert finish(records, begin(records, tasks, failing("a"))) == {
        "": "FAILED",
        "a": "FAILED",
        "b": "UPSTREAM_FAILED",
        "c": "SUCCESS",
        "d": "SUCCESS",
    }


def test_a_failed_task_is_tried_again_as_often_as_it_may(records: Records) -> None:
    calls: list[int] = []

    def perform(call: TaskCall, _stop: Stop) -> Outcome:
        calls.append(call.task_run.data["attempt_number"])
        return Outcome(result="SUCCESS" if len(calls) == 3 else "FAILED")

    started = begin(records, [task("a", max_retries=2)], perform)
    assert finish(records, started) == {"": "SUCCESS", "a": "SUCCESS"}
    assert calls == [0, 1, 2]
    attempts = records.task_runs(started.run.run_id)
    assert [one.data["state"]["result_state"] for one in attempts] == ["FAILED"] * 2 + ["SUCCESS"]


def test_a_task_that_takes_too_long_is_stopped_and_not_tried_again(records: Records) -> None:
    def perform(_call: TaskCall, stop: Stop) -> Outcome:
        assert stop.wait(10)
        return Outcome(result="FAILED", message="killed")

    started = begin(records, [task("a", timeout_seconds=1, max_retries=3)], perform)
    assert finish(records, started) == {"": "FAILED", "a": "TIMEDOUT"}
    assert len(records.task_runs(started.run.run_id)) == 1


def test_cancelling_reaches_what_runs_and_what_waits(records: Records) -> None:
    running = threading.Event()

    def perform(_call: TaskCall, stop: Stop) -> Outcome:
        running.set()
        assert stop.wait(10)
        return Outcome(result="FAILED", message="killed")

    started = begin(records, [task("a"), task("b", "a")], perform)

    def cancel() -> None:
        assert running.wait(10)
        started.stop.ask("CANCELED")

    threading.Thread(target=cancel).start()
    assert finish(records, started) == {"": "CANCELED", "a": "CANCELED", "b": "CANCELED"}


def test_values_of_earlier_tasks_reach_parameters(records: Records) -> None:
    seen: list[str] = []

    def perform(call: TaskCall, _stop: Stop) -> Outcome:
        seen.append(str(call.task["notebook_task"]["base_parameters"].get("n")))
        return Outcome(result="SUCCESS", fields={"_values": {"rows": 3}})

    tasks = [task("a"), task("b", "a", given={"n": "{{tasks.a.values.rows}}"})]
    assert finish(records, begin(records, tasks, perform))[""] == "SUCCESS"
    assert seen == ["None", "3"]


def test_a_reference_to_nothing_fails_the_task_by_name(records: Records) -> None:
    tasks = [task("a", given={"n": "{{tasks.zzz.values.rows}}"})]
    started = begin(records, tasks, failing())
    assert finish(records, started) == {"": "FAILED", "a": "FAILED"}
    message = records.task_runs(started.run.run_id)[0].data["state"]["state_message"]
    assert "no task zzz" in message


def test_each_input_is_an_iteration_and_one_failure_fails_the_task(records: Records) -> None:
    def perform(call: TaskCall, _stop: Stop) -> Outcome:
        bad = call.task["notebook_task"]["base_parameters"]["n"] == "2"
        return Outcome(result="FAILED", message="two") if bad else Outcome(result="SUCCESS")

    inner = task("it", given={"n": "{{input}}"})
    each = {"task_key": "all", "for_each_task": {"inputs": "[1, 2, 3]", "task": inner}}
    started = begin(records, [each], perform)
    assert finish(records, started) == {"": "FAILED", "all": "FAILED"}
    outer = records.task_runs(started.run.run_id)[0]
    iterations = [one.data["state"]["result_state"] for one in records.task_runs(outer.run_id)]
    assert iterations == ["SUCCESS", "FAILED", "SUCCESS"]
    assert "1 of 3 iterations failed; the first: two" in outer.data["state"]["state_message"]


def test_a_repair_keeps_what_succeeded(records: Records) -> None:
    tasks = [task("a"), task("b", "a")]
    first = begin(records, tasks, failing("b"))
    assert finish(records, first)[""] == "FAILED"
    seen: list[str] = []

    def perform(call: TaskCall, _stop: Stop) -> Outcome:
        seen.append(call.task["task_key"])
        return Outcome(result="SUCCESS")

    run = records.run("dev", first.run.run_id)
    assert run is not None
    again = execution(records, run, first.settings, perform, rerun=frozenset({"b"}))
    assert finish(records, again) == {"": "SUCCESS", "a": "SUCCESS", "b": "SUCCESS"}
    assert seen == ["b"]


def test_a_fault_of_ours_ends_the_run_and_says_so(records: Records) -> None:
    def perform(_call: TaskCall, _stop: Stop) -> Outcome:
        raise RuntimeError("our bug")

    started = begin(records, [task("a")], perform)
    assert finish(records, started) == {"": "FAILED", "a": "FAILED"}
    run = records.run("dev", started.run.run_id)
    assert run is not None
    assert run.data["status"]["termination_details"]["code"] == "INTERNAL_ERROR"


def test_what_was_active_when_the_workspace_stopped_is_marked(records: Records) -> None:
    started = begin(records, [task("a")], failing())
    records.add_task_run(started.run, started.run.run_id, 0, {"task_key": "a", "attempt_number": 0})
    assert records.interrupt_all() == 1
    run = records.run("dev", started.run.run_id)
    assert run is not None
    assert not run.active
    assert run.data["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert run.data["state"]["state_message"] == "interrupted: the workspace stopped"
    assert not records.task_runs(run.run_id)[0].active
    assert records.interrupt_all() == 0


def test_the_same_token_gives_the_same_run(records: Records) -> None:
    data = {"start_time": 1}
    first, is_new = records.add_run("dev", None, data, "t")
    second, again = records.add_run("dev", None, data, "t")
    assert (is_new, again) == (True, False)
    assert first.run_id == second.run_id
