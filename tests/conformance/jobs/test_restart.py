"""The workspace is killed during a run: nothing goes on unseen, and the next start says so."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat


@pytest.mark.belief
@pytest.mark.slow
def test_a_run_that_was_going_on_is_found_interrupted(tmp_path: Path) -> None:
    server = _start(tmp_path)
    try:
        client = _client(tmp_path)
        path = f"/Users/{client.current_user.me().user_name}/long.py"
        text = b"import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(300)\n"
        client.workspace.upload(path, io.BytesIO(text), format=ImportFormat.RAW)
        task = jobs.SubmitTask(
            task_key="a", spark_python_task=jobs.SparkPythonTask(python_file=path)
        )
        run_id = client.jobs.submit(tasks=[task]).run_id
        log = _until(lambda: next(iter(tmp_path.glob("runs/*/log.txt")), None))
        _until(log.read_text)
        assert _tasks(tmp_path)
        server.kill()
        server.wait()
        _until(lambda: not _tasks(tmp_path))
        server = _start(tmp_path)
        found = _client(tmp_path).jobs.get_run(run_id)
        assert found.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
        assert found.state.state_message == "interrupted: the workspace stopped"
        assert found.status.termination_details.code is jobs.TerminationCodeCode.INTERNAL_ERROR
        assert found.tasks[0].state.state_message == "interrupted: the workspace stopped"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def _start(home: Path) -> subprocess.Popen[bytes]:
    run_file = home / "run" / "workspaces.json"
    run_file.unlink(missing_ok=True)
    environment = {**os.environ, "BRICKYARD_HOME": str(home), "BRICKYARD_PORTS": "0,0,0"}
    server = subprocess.Popen([sys.executable, "-m", "brickyard.workspace"], env=environment)
    _until(run_file.exists)
    return server


def _client(home: Path) -> WorkspaceClient:
    dev = json.loads((home / "run" / "workspaces.json").read_text())["dev"]
    return WorkspaceClient(host=dev["host"], token=dev["token"], auth_type="pat")


def _tasks(home: Path) -> list[str]:
    """Processes that run a task of this data directory."""
    table = subprocess.run(["ps", "-ewwo", "args="], capture_output=True, text=True, check=True)
    return [
        line
        for line in table.stdout.splitlines()
        if "brickyard.runtime.task" in line and str(home) in line
    ]


def _until(found):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen within 20 seconds")
