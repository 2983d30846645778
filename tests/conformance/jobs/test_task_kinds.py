"""Every kind of task that runs, with its packages, and what it leaves behind."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.catalog import VolumeType
from job_tasks import condition, ended, failing, needs, output, python, results, task, wheel

if TYPE_CHECKING:
    from tests.conftest import EmbeddedServer

Put = Callable[..., str]
MODULE = """
import sys

def run():
    print("function", sys.argv[0], sys.argv[1:])

def cli():
    print("entry point", sys.argv[1:])
    return 3
"""


@pytest.fixture
def volume(dev: WorkspaceClient) -> str:
    schema = f"kinds_{uuid.uuid4().hex[:8]}"
    dev.schemas.create(name=schema, catalog_name="dev")
    dev.volumes.create("dev", schema, "v", VolumeType.MANAGED)
    return f"/Volumes/dev/{schema}/v"


def wheel_task(key: str, package: str, entry_point: str, **more: object) -> jobs.Task:
    parameters = more.pop("parameters", None)
    body = jobs.PythonWheelTask(
        package_name=package, entry_point=entry_point, parameters=parameters
    )
    return jobs.Task(task_key=key, python_wheel_task=body, **more)


@pytest.mark.documented
def test_wheels_run_from_shared_environments_and_libraries(
    workspace: EmbeddedServer, dev: WorkspaceClient, put: Put, volume: str
) -> None:
    name = f"kinds_{uuid.uuid4().hex[:8]}"
    points = f"[console_scripts]\nmain = {name}:cli\n"
    file = f"{name}-2.0-py3-none-any.whl"
    path = put(file, data=wheel(name, "2.0", MODULE, points))
    with dev.workspace.download(path) as made:
        dev.files.upload(f"{volume}/{file}", io.BytesIO(made.read()))
    put("requirements.txt", data=f"# ours\n./{file}\n".encode())
    folder = path.rpartition("/")[0]
    spec = compute.Environment(environment_version="4", dependencies=[f"/Workspace{path}"])
    made_job = dev.jobs.create(
        name="wheels",
        environments=[jobs.JobEnvironment(environment_key="shared", spec=spec)],
        tasks=[
            wheel_task("function", name, "run", environment_key="shared", parameters=["a", "b"]),
            wheel_task("point", name, "main", environment_key="shared"),
            wheel_task("volume", name, "run", libraries=[compute.Library(whl=f"{volume}/{file}")]),
            wheel_task(
                "file",
                name,
                "run",
                libraries=[
                    compute.Library(requirements=f"/Workspace{folder}/requirements.txt"),
                    compute.Library(pypi=compute.PythonPyPiLibrary(package="pandas")),
                ],
            ),
            wheel_task("absent", name, "nothing", environment_key="shared"),
        ],
    )
    run = ended(dev, dev.jobs.run_now(made_job.job_id).run_id)
    good = dict.fromkeys(("function", "point", "volume", "file"), "SUCCESS")
    assert results(run) == {**good, "absent": "FAILED"}
    assert output(dev, run, "function").logs == f"function {name} ['a', 'b']\n"
    assert output(dev, run, "point").logs == "entry point []\n"
    assert "nothing" in output(dev, run, "absent").error
    built = [
        one
        for one in Path(workspace.home, "environments").glob("*/lib/python*/site-packages")
        if (one / f"{name}.py").exists()
    ]
    assert 1 <= len(built) <= 2, "the same wheel is installed once, once more beside pandas"


@pytest.mark.documented
def test_a_changed_wheel_of_the_same_version_is_another_environment(
    dev: WorkspaceClient, put: Put
) -> None:
    def run_with(text: str) -> str:
        path = put("same-1.0-py3-none-any.whl", data=wheel("same", "1.0", text))
        body = jobs.PythonWheelTask(package_name="same", entry_point="run")
        spec = compute.Environment(environment_version="4", dependencies=[f"/Workspace{path}"])
        made = dev.jobs.create(
            name="same",
            environments=[jobs.JobEnvironment(environment_key="e", spec=spec)],
            tasks=[jobs.Task(task_key="w", python_wheel_task=body, environment_key="e")],
        )
        run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
        return str(output(dev, run, "w").logs)

    assert run_with("def run():\n    print('one')\n") == "one\n"
    assert run_with("def run():\n    print('two')\n") == "two\n"


@pytest.mark.documented
@pytest.mark.slow
def test_sql_files_write_tables_and_say_which_statement_fails(
    dev: WorkspaceClient, put: Put, volume: str
) -> None:
    schema = volume.split("/")[3]
    good = put(
        "good.sql",
        f"-- makes; a table\nCREATE TABLE dev.{schema}.t AS SELECT :day AS day, 'a;b' AS text;",
        f"INSERT INTO dev.{schema}.t VALUES ('{{{{job.run_id}}}}', 'kept')",
    )
    bad = put("bad.sql", f"SELECT 1;\nSELECT nothing FROM dev.{schema}.t")
    warehouse = next(iter(dev.warehouses.list())).id

    def sql(key: str, path: str, *after: str) -> jobs.Task:
        body = jobs.SqlTask(
            warehouse_id=warehouse,
            file=jobs.SqlTaskFile(path=path),
            parameters={"day": "{{job.start_time.iso_date}}"},
        )
        return jobs.Task(task_key=key, sql_task=body, depends_on=needs(*after))

    made = dev.jobs.create(name="sql", tasks=[sql("good", good), sql("bad", bad, "good")])
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"good": "SUCCESS", "bad": "FAILED"}
    assert "nothing" in task(run, "bad").state.state_message
    rows = dev.statement_execution.execute_statement(
        f"SELECT day, text FROM dev.{schema}.t ORDER BY text", warehouse
    ).result.data_array
    assert [row[1] for row in rows] == ["a;b", "kept"]
    assert len(rows[0][0]) == len("2026-01-31")


@pytest.mark.documented
def test_a_job_runs_another_and_takes_its_failure(dev: WorkspaceClient) -> None:
    parameters = [jobs.JobParameterDefinition(name="left", default="0")]
    child = dev.jobs.create(
        name="child",
        parameters=parameters,
        tasks=[condition("number", "{{job.parameters.left}}", "1", "GREATER_THAN")],
    )
    made = dev.jobs.create(
        name="parent",
        tasks=[
            jobs.Task(
                task_key=key,
                run_job_task=jobs.RunJobTask(job_id=child.job_id, job_parameters={"left": left}),
                depends_on=needs(*after),
            )
            for key, left, after in (("good", "2", ()), ("bad", "none", ("good",)))
        ],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"good": "SUCCESS", "bad": "FAILED"}
    inner = output(dev, run, "bad").run_job_output.run_id
    assert str(inner) in task(run, "bad").state.state_message
    assert dev.jobs.get_run(inner).state.result_state is jobs.RunResultState.FAILED
    assert dev.jobs.get_run(inner).job_id == child.job_id


@pytest.mark.documented
def test_for_each_runs_some_at_a_time_over_values_of_an_earlier_task(
    dev: WorkspaceClient, put: Put
) -> None:
    items = [{"name": "a", "n": 1}, {"name": "b", "n": 2}, {"name": "c", "n": 3}]
    setter = put("setter.py", f"dbutils.jobs.taskValues.set('items', {items})\n")
    work = put(
        "work.py",
        "import json, sys, time\nstart = time.time()\ntime.sleep(0.7)\n"
        "print(json.dumps([sys.argv[1], start, time.time()]))\n",
    )
    each = jobs.ForEachTask(
        inputs="{{tasks.set.values.items}}",
        concurrency=2,
        task=python("work", work, "{{input.name}}:{{input.n}}"),
    )
    made = dev.jobs.create(
        name="each",
        tasks=[
            python("set", setter),
            jobs.Task(task_key="loop", for_each_task=each, depends_on=needs("set")),
        ],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"set": "SUCCESS", "loop": "SUCCESS"}
    loop = task(run, "loop")
    counts = loop.for_each_task.stats.task_run_stats
    assert (counts.total_iterations, counts.succeeded_iterations) == (3, 3)
    iterations = dev.jobs.get_run(loop.run_id).iterations
    spans = [json.loads(dev.jobs.get_run_output(one.run_id).logs) for one in iterations]
    assert sorted(name for name, _, _ in spans) == ["a:1", "b:2", "c:3"]
    overlaps = [sum(s < end and start < e for _, s, e in spans) for _, start, end in spans]
    assert max(overlaps) >= 2, "two at a time"
    assert not all(count == 3 for count in overlaps), "never three"


@pytest.mark.documented
def test_an_iteration_that_fails_fails_the_loop_and_not_the_others(dev: WorkspaceClient) -> None:
    each = jobs.ForEachTask(
        inputs='[2, "none", 0]', task=condition("it", "{{input}}", "1", "GREATER_THAN")
    )
    bad = jobs.ForEachTask(inputs="not a list", task=condition("it"))
    empty = jobs.ForEachTask(inputs="[]", task=failing("it"))
    made = dev.jobs.create(
        name="each",
        tasks=[
            jobs.Task(task_key=key, for_each_task=one)
            for key, one in (("loop", each), ("bad", bad), ("empty", empty))
        ],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert results(run) == {"loop": "FAILED", "bad": "FAILED", "empty": "SUCCESS"}
    counts = task(run, "loop").for_each_task.stats.task_run_stats
    assert (counts.failed_iterations, counts.succeeded_iterations) == (1, 2)
    assert "1 of 3 iterations failed" in task(run, "loop").state.state_message
    assert "not a JSON array" in task(run, "bad").state.state_message


@pytest.mark.documented
def test_a_python_file_runs_from_a_volume(dev: WorkspaceClient, volume: str) -> None:
    dev.files.upload(f"{volume}/src/main.py", io.BytesIO(b"import beside\nprint(beside.X)\n"))
    dev.files.upload(f"{volume}/src/beside.py", io.BytesIO(b"X = 'from the volume'\n"))
    made = dev.jobs.create(name="v", tasks=[python("a", f"{volume}/src/main.py")])
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert output(dev, run, "a").logs == "from the volume\n"


@pytest.mark.documented
def test_variables_of_the_cluster_reach_the_task(dev: WorkspaceClient, put: Put) -> None:
    path = put("env.py", "import os\nprint(os.environ['TEAM'])\n")
    cluster = compute.ClusterSpec(
        spark_version="17.3.x-scala2.13", num_workers=0, spark_env_vars={"TEAM": "bricks"}
    )
    made = dev.jobs.create(
        name="cluster",
        job_clusters=[jobs.JobCluster(job_cluster_key="c", new_cluster=cluster)],
        tasks=[python("a", path, job_cluster_key="c")],
    )
    run = ended(dev, dev.jobs.run_now(made.job_id).run_id)
    assert output(dev, run, "a").logs == "bricks\n"
