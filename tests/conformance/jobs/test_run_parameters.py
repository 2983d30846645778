"""Parameters on their way into tasks, and references resolved when a task starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import compute, jobs
from job_tasks import condition, ended, output, python, results, task, wheel

Put = Callable[..., str]
SHOW_ARGUMENTS = "import json, sys\nprint(json.dumps(sys.argv[1:]))\n"
SHOW_WIDGETS = "import json\ndbutils.notebook.exit(json.dumps(dbutils.widgets.getAll()))"


def wheel_job(put: Put, version: str = "1.0", **parameters: object) -> dict[str, object]:
    """Task settings that run `show` of a wheel, with its environment."""
    text = "def show():\n    import json, sys\n    print(json.dumps(sys.argv[1:]))\n"
    data = wheel("argshow", version, text)
    path = put(f"argshow-{version}-py3-none-any.whl", data=data)
    spec = compute.Environment(environment_version="4", dependencies=[f"/Workspace{path}"])
    body = jobs.PythonWheelTask(package_name="argshow", entry_point="show", **parameters)
    return {
        "environments": [jobs.JobEnvironment(environment_key="e", spec=spec)],
        "task": jobs.Task(task_key="w", python_wheel_task=body, environment_key="e"),
    }


@pytest.mark.documented
def test_parameters_of_a_run_replace_those_of_its_tasks(dev: WorkspaceClient, put: Put) -> None:
    shown, file = put("widgets", SHOW_WIDGETS), put("arguments.py", SHOW_ARGUMENTS)
    made_of = wheel_job(put, named_parameters={"day": "monday"})
    notebook = jobs.NotebookTask(notebook_path=shown, base_parameters={"a": "1", "b": "2"})
    made = dev.jobs.create(
        name="old style",
        environments=made_of["environments"],
        tasks=[
            jobs.Task(task_key="n", notebook_task=notebook),
            python("p", file, "given"),
            made_of["task"],
        ],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert json.loads(output(dev, run, "n").notebook_output.result) == {"a": "1", "b": "2"}
    assert json.loads(output(dev, run, "p").logs) == ["given"]
    assert json.loads(output(dev, run, "w").logs) == ["--day=monday"]
    started = dev.jobs.run_now(
        made.job_id, notebook_params={"b": "3", "c": "4"}, python_named_params={"day": "sunday"}
    )
    run = ended(dev, started.run_id)
    found = json.loads(output(dev, run, "n").notebook_output.result)
    assert found == {"a": "1", "b": "3", "c": "4"}
    assert json.loads(output(dev, run, "w").logs) == ["--day=sunday"]
    assert run.overriding_parameters.notebook_params == {"b": "3", "c": "4"}
    run = ended(dev, dev.jobs.run_now(made.job_id, only=["p"], python_params=["x", "y"]).run_id)
    assert json.loads(output(dev, run, "p").logs) == ["x", "y"]


@pytest.mark.documented
def test_job_parameters_are_pushed_down_and_win(dev: WorkspaceClient, put: Put) -> None:
    made_of = wheel_job(put, version="1.1", named_parameters={"env": "task", "own": "mine"})
    child = dev.jobs.create(
        name="child",
        parameters=[jobs.JobParameterDefinition(name="env", default="child")],
        tasks=[condition("is_dev", "{{job.parameters.env}}", "dev")],
    )
    notebook = jobs.NotebookTask(
        notebook_path=put("widgets", SHOW_WIDGETS), base_parameters={"env": "task", "own": "mine"}
    )
    made = dev.jobs.create(
        name="pushed",
        environments=made_of["environments"],
        parameters=[jobs.JobParameterDefinition(name="env", default="none")],
        tasks=[
            jobs.Task(task_key="n", notebook_task=notebook),
            made_of["task"],
            jobs.Task(task_key="r", run_job_task=jobs.RunJobTask(job_id=child.job_id)),
        ],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id, job_parameters={"env": "dev"}).run_id)
    expected = {"env": "dev", "own": "mine"}
    assert json.loads(output(dev, run, "n").notebook_output.result) == expected
    assert json.loads(output(dev, run, "w").logs) == ["--env=dev", "--own=mine"]
    child_run = dev.jobs.get_run(output(dev, run, "r").run_job_output.run_id)
    assert child_run.tasks[0].condition_task.outcome == "true"
    assert child_run.trigger is jobs.TriggerType.RUN_JOB_TASK
    [parameter] = run.job_parameters
    assert (parameter.name, parameter.default, parameter.value) == ("env", "none", "dev")


@pytest.mark.belief
def test_a_parameter_that_the_job_does_not_declare_is_refused(dev: WorkspaceClient) -> None:
    made = dev.jobs.create(name="none", tasks=[condition("a")])
    with pytest.raises(InvalidParameterValue, match="no parameter other"):
        dev.jobs.run_now(made.job_id, job_parameters={"other": "1"})


@pytest.mark.documented
def test_references_of_every_kind_are_resolved(dev: WorkspaceClient, put: Put) -> None:
    setter = put(
        "setter.py",
        "dbutils.jobs.taskValues.set('rows', {'n': [4, 5], 'name': 'x'})\n"
        "dbutils.jobs.taskValues.set(key='flag', value=True)\n",
    )
    names = (
        *("job.id", "job.name", "job.run_id", "job.repair_count", "job.trigger.type"),
        *("job.start_time.iso_date", "job.start_time.year", "job.parameters.day"),
        *("task.name", "task.run_id", "task.execution_count"),
        *("workspace.id", "workspace.url"),
        *("tasks.set.run_id", "tasks.set.result_state", "tasks.set.values.rows.n[1]"),
        *("tasks.set.values.rows", "tasks.set.values.flag", "tasks.check.outcome"),
        *("job_id", "run_id", "parent_run_id", "start_date", "task_key"),
    )
    arguments = [f"{{{{{name}}}}}" for name in names]
    made = dev.jobs.create(
        name="references",
        parameters=[jobs.JobParameterDefinition(name="day", default="{{job.start_time.iso_date}}")],
        tasks=[
            python("set", setter),
            condition("check"),
            python(
                "show",
                put("arguments.py", SHOW_ARGUMENTS),
                *arguments,
                "{{ unknown.thing }} {kept}",
                after=("set", "check"),
            ),
        ],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    *values, kept = json.loads(output(dev, run, "show").logs)
    found = dict(zip(names, values, strict=True))
    today = datetime.fromtimestamp(run.start_time / 1000, UTC)
    show_id = str(task(run, "show").run_id)
    assert found == {
        "job.id": str(made.job_id),
        "job.name": "references",
        "job.run_id": str(run.run_id),
        "job.repair_count": "0",
        "job.trigger.type": "one_time",
        "job.start_time.iso_date": today.date().isoformat(),
        "job.start_time.year": str(today.year),
        "job.parameters.day": today.date().isoformat(),
        "task.name": "show",
        "task.run_id": show_id,
        "task.execution_count": "1",
        "workspace.id": str(dev.get_workspace_id()),
        "workspace.url": dev.config.host,
        "tasks.set.run_id": str(task(run, "set").run_id),
        "tasks.set.result_state": "success",
        "tasks.set.values.rows.n[1]": "5",
        "tasks.set.values.rows": '{"n": [4, 5], "name": "x"}',
        "tasks.set.values.flag": "true",
        "tasks.check.outcome": "true",
        "job_id": str(made.job_id),
        "run_id": show_id,
        "parent_run_id": str(run.run_id),
        "start_date": today.date().isoformat(),
        "task_key": "show",
    }
    assert kept == "{{ unknown.thing }} {kept}"


@pytest.mark.documented
def test_a_reference_to_a_value_that_was_not_set_fails_the_task(dev: WorkspaceClient) -> None:
    tasks = [condition("a"), condition("b", "{{tasks.a.values.rows}}", "1", after=("a",))]
    made = dev.jobs.create(name="unset", tasks=tasks)
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"a": "SUCCESS", "b": "FAILED"}
    assert "task a has set no value rows" in run.state.state_message


@pytest.mark.documented
def test_task_values_are_read_by_later_notebooks(dev: WorkspaceClient, put: Put) -> None:
    setter = put("setter", "dbutils.jobs.taskValues.set('model', 'm1')")
    reader = put(
        "reader",
        "values = dbutils.jobs.taskValues\n"
        "found = [values.get(taskKey='first', key='model', debugValue='no'),\n"
        "         values.get('first', 'other', default=7)]",
        "try:\n    values.get('first', 'other')\nexcept ValueError as fault:\n"
        "    found.append(str(fault))",
        "import json\ndbutils.notebook.exit(json.dumps(found))",
    )
    first = jobs.Task(task_key="first", notebook_task=jobs.NotebookTask(notebook_path=setter))
    second = jobs.Task(
        task_key="second",
        notebook_task=jobs.NotebookTask(notebook_path=reader),
        depends_on=[jobs.TaskDependency(task_key="first")],
    )
    made = dev.jobs.create(name="values", tasks=[first, second])
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    found = json.loads(output(dev, run, "second").notebook_output.result)
    assert found == ["m1", 7, "Task first has set no value other"]


@pytest.mark.documented
def test_only_runs_the_named_tasks(dev: WorkspaceClient) -> None:
    tasks = [condition("a"), condition("b", after=("a",)), condition("c", after=("b",))]
    made = dev.jobs.create(name="only", tasks=tasks)

    def ran(*only: str) -> set[str]:
        return set(results(ended(dev, dev.jobs.run_now(made.job_id, only=list(only)).run_id)))

    assert ran("b") == {"b"}
    assert ran("+b") == {"a", "b"}
    assert ran("b+") == {"b", "c"}
    with pytest.raises(InvalidParameterValue, match="no task z"):
        dev.jobs.run_now(made.job_id, only=["z"])
