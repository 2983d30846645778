"""Jobs and runs through the official SDK, against the real embedded workspace."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    OperationFailed,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat
from job_tasks import python, results


def notebook(key: str, path: str, *needs: str, **more: Any) -> jobs.SubmitTask:
    return jobs.SubmitTask(
        task_key=key,
        notebook_task=jobs.NotebookTask(notebook_path=path),
        depends_on=[jobs.TaskDependency(task_key=one) for one in needs] or None,
        **more,
    )


@pytest.mark.documented
def test_a_job_is_kept_as_given_with_the_defaults_of_the_service(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    path = put("nb", "1")
    task = jobs.Task(task_key="a", notebook_task=jobs.NotebookTask(notebook_path=path))
    made = dev.jobs.create(name="kept", tasks=[task], tags={"team": "a"})
    got = dev.jobs.get(made.job_id)
    assert got.creator_user_name == dev.current_user.me().user_name
    assert got.settings.name == "kept"
    assert got.settings.tags == {"team": "a"}
    assert got.settings.max_concurrent_runs == 1
    assert got.settings.format is jobs.Format.MULTI_TASK
    assert got.settings.tasks[0].notebook_task.notebook_path == path
    assert made.job_id in [one.job_id for one in dev.jobs.list(name="kept")]
    dev.jobs.update(made.job_id, new_settings=jobs.JobSettings(name="renamed"))
    assert dev.jobs.get(made.job_id).settings.tags == {"team": "a"}
    dev.jobs.reset(made.job_id, new_settings=jobs.JobSettings(name="bare"))
    assert dev.jobs.get(made.job_id).settings.tags is None
    dev.jobs.delete(made.job_id)
    with pytest.raises(ResourceDoesNotExist):
        dev.jobs.get(made.job_id)


@pytest.mark.documented
def test_an_unknown_job_or_run_is_the_sdks_own_exception(dev: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist, match="Job 1 does not exist"):
        dev.jobs.get(1)
    with pytest.raises(ResourceDoesNotExist, match="Run 1 does not exist"):
        dev.jobs.get_run(1)


@pytest.mark.documented
def test_values_and_parameters_pass_between_tasks(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    first = put(
        "first",
        "dbutils.widgets.text('day', '')",
        "dbutils.jobs.taskValues.set('rows', 3)\nprint(dbutils.widgets.get('day'))",
        "dbutils.notebook.exit('did ' + dbutils.widgets.get('day'))",
    )
    second = put("second.py", "import sys\nprint(sys.argv[1:])\n")
    made = dev.jobs.create(
        name="values",
        parameters=[jobs.JobParameterDefinition(name="day", default="monday")],
        tasks=[
            jobs.Task(task_key="first", notebook_task=jobs.NotebookTask(notebook_path=first)),
            python(
                "second",
                second,
                "{{tasks.first.values.rows}}",
                "{{job.parameters.day}}",
                depends_on=[jobs.TaskDependency(task_key="first")],
            ),
        ],
    )
    run = dev.jobs.run_now(made.job_id, job_parameters={"day": "friday"}).result()
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    by_key = {task.task_key: task.run_id for task in run.tasks}
    assert dev.jobs.get_run_output(by_key["first"]).notebook_output.result == "did friday"
    assert "['3', 'friday']" in dev.jobs.get_run_output(by_key["second"]).logs
    with pytest.raises(BadRequest, match="multiple tasks is not supported"):
        dev.jobs.get_run_output(run.run_id)


@pytest.mark.documented
def test_conditions_and_for_each_decide_what_runs(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    path = put("one.py", "import sys\nprint('item', sys.argv[1])\n")

    def after(outcome: str) -> list[jobs.TaskDependency]:
        return [jobs.TaskDependency(task_key="check", outcome=outcome)]

    condition = jobs.ConditionTask(op=jobs.ConditionTaskOp.GREATER_THAN, left="10", right="9")
    each = jobs.ForEachTask(
        inputs='["x", "y"]', concurrency=2, task=python("it", path, "{{input}}")
    )
    made = dev.jobs.create(
        name="graph",
        tasks=[
            jobs.Task(task_key="check", condition_task=condition),
            jobs.Task(task_key="yes", depends_on=after("true"), for_each_task=each),
            python("no", path, "z", depends_on=after("false")),
        ],
    )
    run = dev.jobs.run_now(made.job_id).result()
    assert results(run) == {"check": "SUCCESS", "yes": "SUCCESS", "no": "EXCLUDED"}
    outer = next(task.run_id for task in run.tasks if task.task_key == "yes")
    iterations = dev.jobs.get_run(outer).iterations
    logs = sorted(dev.jobs.get_run_output(one.run_id).logs for one in iterations)
    assert logs == ["item x\n", "item y\n"]


@pytest.mark.documented
def test_a_failure_is_told_and_repaired(dev: WorkspaceClient, put: Callable[..., str]) -> None:
    bad = put("bad.py", "raise ValueError('no luck')\n")
    good = put("good.py", "print('fine')\n")
    last = [jobs.TaskDependency(task_key="bad")]
    made = dev.jobs.create(
        name="repair", tasks=[python("bad", bad), python("after", good, depends_on=last)]
    )
    waiting = dev.jobs.run_now(made.job_id)
    assert {one.task_key for one in dev.jobs.get_run(waiting.run_id).tasks} == {"bad", "after"}
    with pytest.raises(OperationFailed, match="Task bad failed with message: ValueError: no luck"):
        waiting.result()
    run = dev.jobs.get_run(waiting.run_id)
    assert results(run) == {"bad": "FAILED", "after": "UPSTREAM_FAILED"}
    output = dev.jobs.get_run_output(run.tasks[0].run_id)
    assert output.error == "ValueError: no luck"
    assert "line 1" in output.error_trace
    put("bad.py", "print('better')\n")
    repaired = dev.jobs.repair_run(run.run_id, rerun_all_failed_tasks=True).result()
    assert results(repaired) == {"bad": "SUCCESS", "after": "SUCCESS"}
    assert [task.attempt_number for task in repaired.tasks] == [1, 1]
    with pytest.raises(InvalidParameterValue, match="latest_repair_id"):
        dev.jobs.repair_run(run.run_id, rerun_tasks=["bad"])


@pytest.mark.documented
def test_the_same_idempotency_token_is_the_same_run(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    token, path = uuid.uuid4().hex, put("nb", "1")
    first = dev.jobs.submit(tasks=[notebook("a", path)], idempotency_token=token)
    second = dev.jobs.submit(tasks=[notebook("a", path)], idempotency_token=token)
    assert first.run_id == second.run_id
    assert first.result().state.result_state is jobs.RunResultState.SUCCESS


@pytest.mark.documented
def test_a_run_can_be_cancelled_and_a_task_times_out(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    slow = put("slow", "import time\ntime.sleep(120)")
    waiting = dev.jobs.submit(tasks=[notebook("a", slow)])
    dev.jobs.cancel_run_and_wait(waiting.run_id)
    run = dev.jobs.get_run(waiting.run_id)
    assert run.state.result_state is jobs.RunResultState.CANCELED
    late = dev.jobs.submit(tasks=[notebook("a", slow, timeout_seconds=1)])
    with pytest.raises(OperationFailed):
        late.result()
    assert results(dev.jobs.get_run(late.run_id)) == {"a": "TIMEDOUT"}


@pytest.mark.documented
def test_a_second_run_is_skipped_or_queued(dev: WorkspaceClient, put: Callable[..., str]) -> None:
    slow = put("slow.py", "import time\ntime.sleep(1)\n")
    made = dev.jobs.create(name="busy", tasks=[python("a", slow)])
    first = dev.jobs.run_now(made.job_id)
    second = dev.jobs.run_now(made.job_id).result()
    assert second.state.life_cycle_state is jobs.RunLifeCycleState.SKIPPED
    first.result()
    queue = jobs.QueueSettings(enabled=True)
    dev.jobs.update(made.job_id, new_settings=jobs.JobSettings(queue=queue))
    dev.jobs.run_now(made.job_id)
    third = dev.jobs.run_now(made.job_id).result()
    assert third.state.result_state is jobs.RunResultState.SUCCESS


@pytest.mark.belief
def test_a_kind_of_task_that_cannot_run_is_kept_and_fails_with_the_reason(
    dev: WorkspaceClient,
) -> None:
    task = jobs.Task(task_key="a", spark_jar_task=jobs.SparkJarTask(main_class_name="x"))
    made = dev.jobs.create(name="jar", tasks=[task])
    assert dev.jobs.get(made.job_id).settings.tasks[0].spark_jar_task.main_class_name == "x"
    with pytest.raises(OperationFailed):
        dev.jobs.run_now(made.job_id).result()
    run = dev.jobs.get_run(next(dev.jobs.list_runs(job_id=made.job_id)).run_id)
    output = dev.jobs.get_run_output(run.tasks[0].run_id)
    assert "spark_jar_task cannot run in the embedded workspace" in output.error


@pytest.mark.belief
def test_an_environment_that_cannot_be_resolved_fails_the_task_with_the_reason(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    spec = compute.Environment(environment_version="4", dependencies=["no-such-package-x==1"])
    made = dev.jobs.create(
        name="environment",
        environments=[jobs.JobEnvironment(environment_key="e", spec=spec)],
        tasks=[python("a", put("f.py", "1\n"), environment_key="e")],
    )
    with pytest.raises(OperationFailed, match="no-such-package-x"):
        dev.jobs.run_now(made.job_id).result()


@pytest.mark.documented
def test_clients_need_nothing_from_the_user_inside_a_task(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    path = put(
        "client",
        "from databricks.sdk import WorkspaceClient\nme = WorkspaceClient().current_user.me()",
        "from databricks.sdk.runtime import dbutils as again\nassert again is dbutils",
        "dbutils.notebook.exit(me.user_name)",
    )
    run = dev.jobs.submit(tasks=[notebook("a", path)]).result()
    output = dev.jobs.get_run_output(run.tasks[0].run_id)
    assert output.notebook_output.result == dev.current_user.me().user_name


@pytest.mark.documented
def test_secrets_are_read_and_redacted(dev: WorkspaceClient, put: Callable[..., str]) -> None:
    scope = f"s-{uuid.uuid4().hex[:8]}"
    dev.secrets.create_scope(scope)
    dev.secrets.put_secret(scope, "key", string_value="hunter2-value")
    path = put("secret", f"v = dbutils.secrets.get('{scope}', 'key')", "print(v, len(v))")
    run = dev.jobs.submit(tasks=[notebook("a", path)]).result()
    assert dev.jobs.get_run_output(run.tasks[0].run_id).logs == "[REDACTED] 13\n"


@pytest.mark.belief
@pytest.mark.slow
def test_a_task_reads_prod_from_dev_and_cannot_write_it_by_any_code(
    workspace: Any, dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    """Plain file access below every client: only the mount stops it."""
    prod: WorkspaceClient = workspace.client("prod")
    name = f"jobs_{uuid.uuid4().hex[:8]}"
    prod.schemas.create(name=name, catalog_name="prod")
    from databricks.sdk.service.catalog import VolumeType

    prod.volumes.create("prod", name, "v", VolumeType.MANAGED)
    prod.files.upload(f"/Volumes/prod/{name}/v/real.txt", io.BytesIO(b"data"))
    path = put(
        "write",
        f"assert open('/Volumes/prod/{name}/v/real.txt').read() == 'data'",
        f"open('/Volumes/prod/{name}/v/new.txt', 'w')",
    )
    waiting = dev.jobs.submit(tasks=[notebook("a", path)])
    with pytest.raises(OperationFailed, match=r"PERMISSION_DENIED: .* catalog 'prod'"):
        waiting.result()
    with pytest.raises(PermissionDenied):
        dev.files.upload(f"/Volumes/prod/{name}/v/new.txt", io.BytesIO(b"x"))


@pytest.mark.documented
@pytest.mark.slow
def test_spark_is_there_without_being_asked_for(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    path = put(
        "spark",
        "rows = spark.range(5).count()",
        "# MAGIC %sql SELECT 2 AS two",
        "dbutils.notebook.exit(f'{rows} {_sqldf.collect()[0].two}')",
    )
    run = dev.jobs.submit(tasks=[notebook("a", path)]).result()
    output = dev.jobs.get_run_output(run.tasks[0].run_id)
    assert output.notebook_output.result == "5 2"


@pytest.mark.documented
@pytest.mark.slow
def test_mlflow_logs_to_the_notebooks_experiment(
    dev: WorkspaceClient, put: Callable[..., str]
) -> None:
    path = put(
        "track",
        "import mlflow",
        "with mlflow.start_run() as run:\n    mlflow.log_metric('m', 1.5)",
        "dbutils.notebook.exit(run.info.experiment_id)",
    )
    run = dev.jobs.submit(tasks=[notebook("a", path)]).result()
    experiment_id = dev.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result
    assert dev.experiments.get_experiment(experiment_id).experiment.name == path


@pytest.mark.documented
@pytest.mark.slow
def test_a_sql_file_runs_with_the_jobs_parameters(dev: WorkspaceClient, folder: str) -> None:
    text = b"SELECT 1;\nSELECT upper(:day) AS day"
    dev.workspace.upload(f"{folder}/q.sql", io.BytesIO(text), format=ImportFormat.RAW)
    warehouse = next(iter(dev.warehouses.list())).id
    sql = jobs.SqlTask(warehouse_id=warehouse, file=jobs.SqlTaskFile(path=f"{folder}/q.sql"))
    made = dev.jobs.create(
        name="sql",
        parameters=[jobs.JobParameterDefinition(name="day", default="monday")],
        tasks=[jobs.Task(task_key="a", sql_task=sql)],
    )
    run = dev.jobs.run_now(made.job_id).result()
    assert run.state.result_state is jobs.RunResultState.SUCCESS
