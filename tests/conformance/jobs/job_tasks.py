"""Short ways to write tasks, and to wait for runs without the client's growing pauses."""

from __future__ import annotations

import io
import time
import zipfile
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

LIMIT_S = 90


def python(key: str, path: str, *arguments: str, after: tuple[str, ...] = (), **more: Any) -> Any:
    """A task that runs a Python file."""
    body = jobs.SparkPythonTask(python_file=path, parameters=list(arguments) or None)
    more.setdefault("depends_on", needs(*after))
    return jobs.Task(task_key=key, spark_python_task=body, **more)


def condition(
    key: str, left: str = "1", right: str = "1", op: str = "EQUAL_TO", **more: Any
) -> jobs.Task:
    """A task that needs no process. A left side that is no number fails GREATER_THAN."""
    body = jobs.ConditionTask(op=jobs.ConditionTaskOp(op), left=left, right=right)
    after = more.pop("after", ())
    return jobs.Task(task_key=key, condition_task=body, depends_on=needs(*after), **more)


def failing(key: str, **more: Any) -> jobs.Task:
    return condition(key, "no number", "1", "GREATER_THAN", **more)


def needs(*keys: str) -> list[jobs.TaskDependency] | None:
    return [jobs.TaskDependency(task_key=key) for key in keys] or None


def ended(client: WorkspaceClient, run_id: int) -> jobs.Run:
    """The run at its end, whatever that is."""
    give_up_at = time.monotonic() + LIMIT_S
    while True:
        run = client.jobs.get_run(run_id)
        if run.status.state is jobs.RunLifecycleStateV2State.TERMINATED:
            return run
        assert time.monotonic() < give_up_at, f"run {run_id} did not end: {run.state}"
        time.sleep(0.05)


def results(run: jobs.Run) -> dict[str, str]:
    return {
        str(task.task_key): str(task.state.result_state.value)
        for task in run.tasks or ()
        if task.state and task.state.result_state
    }


def output(client: WorkspaceClient, run: jobs.Run, key: str) -> jobs.RunOutput:
    return client.jobs.get_run_output(task(run, key).run_id)


def task(run: jobs.Run, key: str) -> jobs.RunTask:
    return next(one for one in run.tasks or () if one.task_key == key)


def wheel(name: str, version: str, text: str, entry_points: str = "") -> bytes:
    """A wheel with one module, as small as wheels can be."""
    data = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"{name}.py", text)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", metadata)
        kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", kind)
        if entry_points:
            archive.writestr(f"{info}/entry_points.txt", entry_points)
        archive.writestr(f"{info}/RECORD", "")
    return data.getvalue()
