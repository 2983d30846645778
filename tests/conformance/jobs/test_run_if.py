"""Which tasks run, and what a run is called afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from job_tasks import condition, ended, failing, output, python, results, task

CASES = {
    "ALL_SUCCESS": ("SUCCESS", "UPSTREAM_FAILED", "UPSTREAM_FAILED"),
    "ALL_DONE": ("SUCCESS", "SUCCESS", "SUCCESS"),
    "NONE_FAILED": ("SUCCESS", "UPSTREAM_FAILED", "UPSTREAM_FAILED"),
    "AT_LEAST_ONE_SUCCESS": ("SUCCESS", "SUCCESS", "UPSTREAM_FAILED"),
    "ALL_FAILED": ("EXCLUDED", "EXCLUDED", "SUCCESS"),
    "AT_LEAST_ONE_FAILED": ("EXCLUDED", "SUCCESS", "SUCCESS"),
}
UPSTREAM = (("good", "fine"), ("good", "bad"), ("bad", "worse"))


@pytest.mark.documented
def test_every_run_if_over_every_mix_of_results(dev: WorkspaceClient) -> None:
    tasks = [condition("good"), condition("fine"), failing("bad"), failing("worse")]
    expected = {}
    for name, outcomes in CASES.items():
        for after, outcome in zip(UPSTREAM, outcomes, strict=True):
            key = "-".join((name, *after))
            tasks.append(condition(key, after=after, run_if=jobs.RunIf(name)))
            expected[key] = outcome
    made = dev.jobs.create(name="run_if", tasks=tasks)
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    found = results(run)
    assert {key: found[key] for key in expected} == expected


@pytest.mark.documented
def test_outcomes_of_conditions_choose_the_branch(dev: WorkspaceClient) -> None:
    cases = {
        "EQUAL_TO": (("a", "a"), "true"),
        "NOT_EQUAL": (("a", "a"), "false"),
        "GREATER_THAN": (("10", "9.5"), "true"),
        "GREATER_THAN_OR_EQUAL": (("9", "9.0"), "true"),
        "LESS_THAN": (("10", "9"), "false"),
        "LESS_THAN_OR_EQUAL": (("-1", "0"), "true"),
    }
    tasks = []
    for name, ((left, right), _) in cases.items():
        tasks.append(condition(name, left, right, name))
        for outcome in ("true", "false"):
            on = [jobs.TaskDependency(task_key=name, outcome=outcome)]
            branch = condition(f"{name}-{outcome}")
            branch.depends_on = on
            tasks.append(branch)
    made = dev.jobs.create(name="conditions", tasks=tasks)
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    found = results(run)
    for name, (_, outcome) in cases.items():
        assert task(run, name).condition_task.outcome == outcome
        other = {"true": "false", "false": "true"}[outcome]
        assert found[f"{name}-{outcome}"] == "SUCCESS"
        assert found[f"{name}-{other}"] == "EXCLUDED"
    assert run.state.result_state is jobs.RunResultState.SUCCESS


@pytest.mark.recorded
def test_a_run_with_a_failed_task_is_an_internal_error_and_its_task_is_not(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    """The service calls the run INTERNAL_ERROR + FAILED, and the task TERMINATED + FAILED."""
    path = put("bad.py", "raise ValueError('no luck')\n")
    made = dev.jobs.create(name="bad", tasks=[python("t", path), condition("next", after=("t",))])
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert run.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert run.state.state_message == (
        "Task t failed with message: ValueError: no luck. "
        "This caused all downstream tasks to get skipped."
    )
    details = run.status.termination_details
    assert details.code is jobs.TerminationCodeCode.RUN_EXECUTION_ERROR
    assert details.type is jobs.TerminationTypeType.CLIENT_ERROR
    failed = task(run, "t")
    assert failed.state.life_cycle_state is jobs.RunLifeCycleState.TERMINATED
    assert failed.state.result_state is jobs.RunResultState.FAILED
    skipped = task(run, "next")
    assert skipped.state.life_cycle_state is jobs.RunLifeCycleState.SKIPPED
    assert skipped.state.result_state is jobs.RunResultState.UPSTREAM_FAILED


@pytest.mark.recorded
def test_a_notebook_that_is_not_there_ends_the_task_before_it_starts(dev: WorkspaceClient) -> None:
    body = jobs.NotebookTask(notebook_path="/Users/nobody/nothing")
    submitted = dev.jobs.submit(tasks=[jobs.SubmitTask(task_key="t", notebook_task=body)])
    run = ended(dev, submitted.run_id)
    start = 'Task t failed with message: Unable to access the notebook "/Users/nobody/nothing"'
    assert run.state.state_message.startswith(start)
    assert run.status.termination_details.code is jobs.TerminationCodeCode.RESOURCE_NOT_FOUND
    assert run.tasks[0].state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert output(dev, run, "t").error.startswith("Unable to access the notebook")


@pytest.mark.documented
def test_a_failure_that_a_leaf_makes_up_for_is_a_success_with_failures(
    dev: WorkspaceClient,
) -> None:
    tasks = [failing("bad"), condition("rescue", after=("bad",), run_if=jobs.RunIf.ALL_FAILED)]
    made = dev.jobs.create(name="rescued", tasks=tasks)
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert run.state.result_state is jobs.RunResultState.SUCCESS_WITH_FAILURES
    assert run.state.life_cycle_state is jobs.RunLifeCycleState.TERMINATED


@pytest.mark.documented
def test_a_disabled_task_is_skipped(dev: WorkspaceClient) -> None:
    made = dev.jobs.create(name="off", tasks=[condition("on"), condition("off", disabled=True)])
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"on": "SUCCESS", "off": "DISABLED"}
    assert run.state.result_state is jobs.RunResultState.SUCCESS
