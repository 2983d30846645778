"""The workspace is killed during a run: nothing goes on unseen, and the next start says so."""

from __future__ import annotations

import io
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat
from job_tasks import condition, ended, results

if TYPE_CHECKING:
    from tests.conftest import EmbeddedServer


@pytest.mark.belief
@pytest.mark.slow
def test_a_run_that_was_going_on_is_found_interrupted(own_workspace: EmbeddedServer) -> None:
    client, home = own_workspace.client(), own_workspace.home
    path = f"/Users/{client.current_user.me().user_name}/long.py"
    text = b"import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(300)\n"
    client.workspace.upload(path, io.BytesIO(text), format=ImportFormat.RAW)
    task = jobs.SubmitTask(task_key="a", spark_python_task=jobs.SparkPythonTask(python_file=path))
    run_id = client.jobs.submit(tasks=[task]).run_id
    kept = client.jobs.create(name="kept", tasks=[condition("a")]).job_id
    log = _until(lambda: next(iter(home.glob("runs/*/log.txt")), None))
    _until(log.read_text)
    assert _tasks(home)
    own_workspace.kill()
    _until(lambda: not _tasks(home))
    own_workspace.start()
    client = own_workspace.client()
    found = client.jobs.get_run(run_id)
    assert found.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert found.state.state_message == "interrupted: the workspace stopped"
    assert found.status.termination_details.code is jobs.TerminationCodeCode.INTERNAL_ERROR
    assert found.tasks[0].state.state_message == "interrupted: the workspace stopped"
    run = ended(client, client.jobs.run_now(kept).run_id)
    assert results(run) == {"a": "SUCCESS"}


def _tasks(home: Path) -> list[str]:
    """Processes that run a task of this data directory."""
    table = subprocess.run(["ps", "-ewwo", "args="], capture_output=True, text=True, check=True)
    return [
        line
        for line in table.stdout.splitlines()
        if "brickyard.runtime.task" in line and str(home) in line
    ]


def _until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen within 20 seconds")
