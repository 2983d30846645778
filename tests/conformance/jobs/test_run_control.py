"""Runs under way: retries, timeouts, cancelling, queues, repairs, schedules, whose rights."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service import iam, jobs
from job_tasks import condition, ended, failing, output, python, results, task

Put = Callable[..., str]
SLEEP = "import time\nprint('started', flush=True)\ntime.sleep(120)\n"


def until(found: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + 120
    while not (value := found()):
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.05)
    return value


@pytest.mark.documented
def test_a_task_is_retried_until_it_succeeds_or_the_retries_are_used(
    dev: WorkspaceClient, put: Put
) -> None:
    path = put("flaky.py", "import sys\nif sys.argv[1] != sys.argv[2]:\n    raise OSError('no')\n")
    count = "{{task.execution_count}}"
    made = dev.jobs.create(
        name="retries",
        tasks=[
            python("later", path, count, "3", max_retries=2, min_retry_interval_millis=50),
            python("never", path, count, "0", max_retries=1),
            python("once", path, count, "2"),
        ],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"later": "SUCCESS", "never": "FAILED", "once": "FAILED"}
    attempts = {key: task(run, key).attempt_number for key in ("later", "never", "once")}
    assert attempts == {"later": 2, "never": 1, "once": 0}


@pytest.mark.documented
def test_tasks_and_runs_time_out(dev: WorkspaceClient, put: Put) -> None:
    slow = put("slow.py", SLEEP)
    short = dev.jobs.create(
        name="task", tasks=[python("a", slow, timeout_seconds=1, max_retries=3)]
    )
    whole = dev.jobs.create(name="run", timeout_seconds=1, tasks=[python("a", slow)])
    started = [dev.jobs.run_now(one.job_id).run_id for one in (short, whole)]
    first, second = (ended(dev, one) for one in started)
    assert results(first) == {"a": "TIMEDOUT"}
    assert first.tasks[0].attempt_number == 0, "a timeout is retried only when asked for"
    assert first.state.result_state is jobs.RunResultState.FAILED
    assert second.state.result_state is jobs.RunResultState.TIMEDOUT
    assert second.state.user_cancelled_or_timedout is True
    assert second.status.termination_details.code is jobs.TerminationCodeCode.CANCELED


@pytest.mark.documented
def test_cancelling_ends_the_process_and_skips_the_rest(dev: WorkspaceClient, put: Put) -> None:
    tasks = [python("a", put("slow.py", SLEEP)), condition("b", after=("a",))]
    made = dev.jobs.create(name="cancel", tasks=tasks)
    run_id = dev.jobs.run_now(made.job_id).run_id
    running = jobs.RunLifeCycleState.RUNNING
    until(
        lambda: running in [t.state.life_cycle_state for t in dev.jobs.get_run(run_id).tasks or ()]
    )
    dev.jobs.cancel_run(run_id)
    run = ended(dev, run_id)
    assert run.state.result_state is jobs.RunResultState.CANCELED
    assert run.status.termination_details.code is jobs.TerminationCodeCode.USER_CANCELED
    assert results(run)["a"] == "CANCELED"
    assert results(run)["b"] in ("CANCELED", "UPSTREAM_CANCELED")
    dev.jobs.cancel_run(run_id)


@pytest.mark.documented
def test_queued_runs_start_in_order_and_can_be_cancelled(dev: WorkspaceClient, put: Put) -> None:
    made = dev.jobs.create(
        name="queue",
        max_concurrent_runs=2,
        queue=jobs.QueueSettings(enabled=True),
        tasks=[python("a", put("slow.py", SLEEP))],
    )
    ids = [dev.jobs.run_now(made.job_id).run_id for _ in range(4)]
    states = [dev.jobs.get_run(one).state for one in ids]
    queued = jobs.RunLifeCycleState.QUEUED
    assert [one.life_cycle_state is queued for one in states] == [False, False, True, True]
    details = dev.jobs.get_run(ids[2]).status.queue_details
    assert details.code is jobs.QueueDetailsCodeCode.MAX_CONCURRENT_RUNS_REACHED
    assert {one.run_id for one in dev.jobs.list_runs(job_id=made.job_id, active_only=True)} == {
        *ids
    }
    dev.jobs.cancel_run(ids[0])
    until(lambda: dev.jobs.get_run(ids[2]).state.life_cycle_state is not queued)
    assert dev.jobs.get_run(ids[3]).state.life_cycle_state is queued
    dev.jobs.cancel_all_runs(job_id=made.job_id, all_queued_runs=True)
    assert ended(dev, ids[3]).state.result_state is jobs.RunResultState.CANCELED
    assert not dev.jobs.get_run(ids[1]).end_time
    dev.jobs.cancel_all_runs(job_id=made.job_id)
    canceled = {ended(dev, one).state.result_state for one in ids}
    assert canceled == {jobs.RunResultState.CANCELED}


@pytest.mark.documented
def test_repairs_keep_what_succeeded_and_need_the_latest_repair(dev: WorkspaceClient) -> None:
    def number(key: str, *after: str) -> jobs.Task:
        return condition(key, "{{job.parameters.n}}", "0", "GREATER_THAN", after=after)

    rescue = condition("rescue", after=("bad",), run_if=jobs.RunIf.ALL_DONE)
    made = dev.jobs.create(
        name="repair",
        parameters=[jobs.JobParameterDefinition(name="n", default="none")],
        tasks=[condition("good"), number("bad", "good"), number("after", "bad"), rescue],
    )
    run_id = dev.jobs.run_now(made.job_id).run_id
    before = ended(dev, run_id)
    assert results(before) == {
        "good": "SUCCESS",
        "bad": "FAILED",
        "after": "UPSTREAM_FAILED",
        "rescue": "SUCCESS",
    }
    first = dev.jobs.repair_run(run_id, rerun_all_failed_tasks=True).response.repair_id
    again = ended(dev, run_id)
    assert results(again)["bad"] == "FAILED"
    assert task(again, "good").run_id == task(before, "good").run_id
    assert task(again, "rescue").run_id == task(before, "rescue").run_id
    assert task(again, "bad").attempt_number == 1
    for wrong in (None, 1):
        with pytest.raises(InvalidParameterValue, match=str(first)):
            dev.jobs.repair_run(run_id, rerun_tasks=["bad"], latest_repair_id=wrong)
    with pytest.raises(InvalidParameterValue, match="Only one of"):
        dev.jobs.repair_run(
            run_id, rerun_tasks=["bad"], rerun_all_failed_tasks=True, latest_repair_id=first
        )
    second = dev.jobs.repair_run(
        run_id,
        rerun_tasks=["bad"],
        rerun_dependent_tasks=True,
        latest_repair_id=first,
        job_parameters={"n": "7"},
    ).response.repair_id
    final = ended(dev, run_id)
    assert set(results(final).values()) == {"SUCCESS"}
    assert task(final, "rescue").run_id != task(before, "rescue").run_id
    assert final.state.result_state is jobs.RunResultState.SUCCESS
    assert final.job_parameters[0].value == "7"
    history = dev.jobs.get_run(run_id, include_history=True).repair_history
    assert [one.type.value for one in history] == ["ORIGINAL", "REPAIR", "REPAIR"]
    assert [one.id for one in history[1:]] == [first, second]
    assert [one.state.result_state.value for one in history] == ["FAILED", "FAILED", "SUCCESS"]
    assert not dev.jobs.get_run(run_id).repair_history


@pytest.mark.documented
def test_a_repair_uses_the_tasks_as_they_are_now_and_waits_for_the_end(
    dev: WorkspaceClient, put: Put
) -> None:
    made = dev.jobs.create(name="changed", tasks=[failing("a"), python("s", put("s.py", SLEEP))])
    run_id = dev.jobs.run_now(made.job_id).run_id
    with pytest.raises(BadRequest, match="is active"):
        dev.jobs.repair_run(run_id, rerun_tasks=["a"])
    dev.jobs.cancel_run(run_id)
    ended(dev, run_id)
    better = jobs.JobSettings(tasks=[condition("a"), python("s", put("s.py", "1\n"))])
    dev.jobs.update(made.job_id, new_settings=better)
    dev.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    assert results(ended(dev, run_id)) == {"a": "SUCCESS", "s": "SUCCESS"}


@pytest.mark.documented
def test_tokens_make_starting_a_run_idempotent(dev: WorkspaceClient) -> None:
    made = dev.jobs.create(name="token", tasks=[condition("a")])
    token = uuid.uuid4().hex
    first = dev.jobs.run_now(made.job_id, idempotency_token=token).run_id
    assert dev.jobs.run_now(made.job_id, idempotency_token=token).run_id == first
    assert dev.jobs.run_now(made.job_id, idempotency_token=token + "2").run_id != first
    with pytest.raises(InvalidParameterValue, match="64"):
        dev.jobs.run_now(made.job_id, idempotency_token="x" * 65)


@pytest.mark.documented
def test_jobs_runs_and_tasks_come_in_pages(dev: WorkspaceClient) -> None:
    name = f"page-{uuid.uuid4().hex[:8]}"
    made = [dev.jobs.create(name=name, tasks=[condition("a")]).job_id for _ in range(3)]
    listed = [one.job_id for one in dev.jobs.list(name=name.upper(), limit=2)]
    assert listed == made[::-1]
    many = [condition(f"t{at:03}") for at in range(120)]
    big = dev.jobs.create(name="big", max_concurrent_runs=9, tasks=many).job_id
    assert len(dev.jobs.get(big).settings.tasks) == 120
    ids = [dev.jobs.run_now(big, only=["t000"]).run_id for _ in range(3)]
    whole = ended(dev, dev.jobs.run_now(big).run_id)
    assert len(whole.tasks) == 120
    runs = list(dev.jobs.list_runs(job_id=big, limit=2))
    assert [one.run_id for one in runs] == [whole.run_id, *ids[::-1]]
    for one in ids:
        ended(dev, one)
    done = dev.jobs.list_runs(job_id=big, completed_only=True, expand_tasks=True, limit=3)
    assert {len(one.tasks) for one in done} == {1, 120}
    assert not list(dev.jobs.list_runs(job_id=big, active_only=True))
    late = dev.jobs.list_runs(job_id=big, start_time_from=whole.start_time + 1)
    assert not list(late)


@pytest.mark.documented
def test_a_deleted_run_is_gone_and_an_exported_one_is_html(dev: WorkspaceClient, put: Put) -> None:
    path = put("nb", "print('a < b')")
    body = jobs.NotebookTask(notebook_path=path)
    submitted = dev.jobs.submit(
        run_name="once", tasks=[jobs.SubmitTask(task_key="t", notebook_task=body)]
    )
    run = ended(dev, submitted.run_id)
    assert run.run_type is jobs.RunType.SUBMIT_RUN
    [view] = dev.jobs.export_run(run.tasks[0].run_id).views
    assert "a &lt; b" in view.content
    dev.jobs.delete_run(run.run_id)
    with pytest.raises(ResourceDoesNotExist):
        dev.jobs.get_run(run.run_id)


@pytest.mark.documented
def test_a_schedule_starts_its_job_until_it_is_paused(dev: WorkspaceClient) -> None:
    def every_second(paused: bool) -> jobs.CronSchedule:
        return jobs.CronSchedule(
            quartz_cron_expression="0/1 * * * * ?",
            timezone_id="Europe/Rome",
            pause_status=jobs.PauseStatus.PAUSED if paused else jobs.PauseStatus.UNPAUSED,
        )

    quiet = dev.jobs.create(name="quiet", schedule=every_second(True), tasks=[condition("a")])
    made = dev.jobs.create(name="cron", schedule=every_second(False), tasks=[condition("a")])
    found = until(lambda: list(dev.jobs.list_runs(job_id=made.job_id, completed_only=True)))
    assert found[-1].trigger is jobs.TriggerType.PERIODIC
    assert found[-1].state.result_state is jobs.RunResultState.SUCCESS
    assert not list(dev.jobs.list_runs(job_id=quiet.job_id))
    dev.jobs.delete(made.job_id)
    bad = jobs.CronSchedule(quartz_cron_expression="every day", timezone_id="UTC")
    with pytest.raises(InvalidParameterValue, match="cron"):
        dev.jobs.create(name="bad", schedule=bad, tasks=[condition("a")])
    nowhere = jobs.CronSchedule(quartz_cron_expression="0 0 1 * * ?", timezone_id="Mars/Base")
    with pytest.raises(InvalidParameterValue, match="Mars/Base"):
        dev.jobs.create(name="bad", schedule=nowhere, tasks=[condition("a")])


@pytest.mark.documented
def test_a_job_that_runs_as_a_service_principal_has_its_identity_and_rights(
    dev: WorkspaceClient, somebody: WorkspaceClient, put: Put, folder: str
) -> None:
    robot = somebody.current_user.me().user_name
    path = put(
        "who.py",
        "import json\nfrom databricks.sdk import WorkspaceClient\nw = WorkspaceClient()\n"
        "try:\n    w.schemas.create(name='robots_own', catalog_name='dev')\n    may = True\n"
        "except Exception as fault:\n    may = type(fault).__name__\n"
        "print(json.dumps([w.current_user.me().user_name, may]))\n",
    )
    made = dev.jobs.create(
        name="as robot",
        run_as=jobs.JobRunAs(service_principal_name=robot),
        tasks=[python("a", path)],
    )
    assert dev.jobs.get(made.job_id).run_as_user_name == robot
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"a": "FAILED"}, "it may not read the file"
    assert task(run, "a").status.termination_details.code.value == "UNAUTHORIZED_ERROR"
    entry = iam.AccessControlRequest(
        service_principal_name=robot, permission_level=iam.PermissionLevel.CAN_READ
    )
    folder_id = str(dev.workspace.get_status(folder).object_id)
    dev.permissions.update("directories", folder_id, access_control_list=[entry])
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert json.loads(output(dev, run, "a").logs) == [robot, "PermissionDenied"]
    assert run.creator_user_name == dev.current_user.me().user_name


@pytest.mark.documented
def test_rights_on_a_job_decide_who_sees_runs_and_changes_it(
    dev: WorkspaceClient, somebody: WorkspaceClient
) -> None:
    robot, me = somebody.current_user.me().user_name, dev.current_user.me().user_name
    made = dev.jobs.create(name="shared", tasks=[condition("a")])

    def grant(level: iam.PermissionLevel) -> None:
        entry = iam.AccessControlRequest(service_principal_name=robot, permission_level=level)
        dev.permissions.update("jobs", str(made.job_id), access_control_list=[entry])

    with pytest.raises(PermissionDenied):
        somebody.jobs.get(made.job_id)
    assert made.job_id not in [one.job_id for one in somebody.jobs.list()]
    grant(iam.PermissionLevel.CAN_VIEW)
    assert somebody.jobs.get(made.job_id).settings.name == "shared"
    with pytest.raises(PermissionDenied):
        somebody.jobs.run_now(made.job_id)
    grant(iam.PermissionLevel.CAN_MANAGE_RUN)
    run = ended(somebody, somebody.jobs.run_now(made.job_id).run_id)
    assert run.creator_user_name == robot
    with pytest.raises(PermissionDenied):
        somebody.jobs.delete(made.job_id)
    run_as = jobs.JobRunAs(user_name=me)
    with pytest.raises(PermissionDenied, match="run_as"):
        somebody.jobs.create(name="not me", run_as=run_as, tasks=[condition("a")])


@pytest.mark.belief
def test_what_is_kept_and_not_done_is_named_in_a_header(dev: WorkspaceClient) -> None:
    arrival = {"file_arrival": {"url": "s3://bucket/folder/"}}
    for settings, named in (
        ({"trigger": arrival}, "trigger.file_arrival"),
        ({"email_notifications": {"on_failure": ["a@b.c"]}}, "email_notifications"),
        ({"schedule": None}, None),
    ):
        answer = dev.api_client.do(
            "POST",
            "/api/2.2/jobs/create",
            body={"name": "kept", **settings},
            response_headers=["x-brickyard-ignored"],
        )
        assert answer.get("x-brickyard-ignored") == named
