"""What is killed in the middle ends in a clear message, and the next command goes on from there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bundle_under_test import BundleUnderTest, write_bundle
from solution_under_test import BUNDLE, Solution, write_solution

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]

LIMIT_S = 90
# Without a queue, a second run of the job is skipped as long as the first goes on.
ONE_AT_A_TIME = """\
      name: register
      max_concurrent_runs: 1
      queue: {enabled: false}
"""
SLOW = "import time\nprint('began', flush=True)\ntime.sleep(300)\n"


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    """What the process says on stderr up to a line with `text`."""
    assert process.stderr is not None
    said, give_up_at = "", time.monotonic() + LIMIT_S
    while text not in said:
        line = process.stderr.readline()
        assert line, f"it ended without saying {text!r}:\n{said}"
        assert time.monotonic() < give_up_at, said
        said += line
    return said


def started(folder: Path, environment: Any, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "brickyard", *arguments],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# -- the workspace, during a job ------------------------------------------------------------------


@pytest.fixture
def alone(tmp_path: Path, workspace: EmbeddedServer) -> Iterator[BundleUnderTest]:
    """A bundle without a host, over a data directory of its own: `brickyard` starts the server."""
    home = tmp_path / "home"
    environment = workspace.environment(BRICKYARD_HOME=str(home), BRICKYARD_PORTS="0,0,0")
    bundle = write_bundle(tmp_path / "bundle", f"shop_{uuid.uuid4().hex[:8]}", environment)
    yield bundle
    bundle("down", code=None)


def addresses(bundle: BundleUnderTest) -> Any:
    path = Path(bundle.environment["BRICKYARD_HOME"]) / "run" / "workspaces.json"
    return json.loads(path.read_bytes())


def client_of(bundle: BundleUnderTest) -> Any:
    from databricks.sdk import WorkspaceClient

    dev = addresses(bundle)["dev"]
    return WorkspaceClient(host=dev["host"], token=dev["token"], auth_type="pat")


def test_a_workspace_killed_during_a_job_is_told_and_the_run_found_interrupted(
    alone: BundleUnderTest,
) -> None:
    from databricks.sdk.service.jobs import RunLifeCycleState

    (alone.folder / "src" / "hello.py").write_text(SLOW)
    alone("deploy")
    running = started(alone.folder, alone.environment, "run", "hello")
    url = wait_for(running, "RUNNING")
    found = re.search(r"/runs/(\d+)", url)
    run_id = int(found[1]) if found else 0
    os.kill(addresses(alone)["pid"], signal.SIGKILL)
    out, err = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 1
    assert "Traceback" not in out + err
    assert "brickyard up" in err.splitlines()[-1]

    alone("up", "--detach")
    client = client_of(alone)
    found = client.jobs.get_run(run_id)
    assert found.state.life_cycle_state is RunLifeCycleState.INTERNAL_ERROR
    assert found.state.state_message == "interrupted: the workspace stopped"
    # What was deployed is still there, and the job runs again.
    assert alone("plan", "--detailed-exitcode").code == 0
    (alone.folder / "src" / "hello.py").write_text("print('hello again')\n")
    alone("deploy")
    assert "hello again" in alone("run", "hello").out


# -- a promotion ----------------------------------------------------------------------------------


@pytest.fixture
def solution(tmp_path: Path, workspace: EmbeddedServer) -> Solution:
    name = f"echo_{uuid.uuid4().hex[:8]}"
    return write_solution(tmp_path / "solution", name, workspace.environment())


def test_a_killed_promotion_leaves_nothing_in_the_way_of_the_next(
    solution: Solution, workspace: EmbeddedServer
) -> None:
    client = workspace.client("dev")
    alone = BUNDLE.replace("NAME", solution.name).replace("mode: development, ", "")
    alone = alone.replace(f"      name: {solution.name} register\n", ONE_AT_A_TIME)
    commit = solution.commit(score=0.9, **{"databricks.yml": alone})

    def killed_after(line: str, also: Callable[[], bool] = lambda: True) -> str:
        process = started(
            solution.folder, solution.environment, "release", "promote", "--to", "dev"
        )
        said = wait_for(process, line)
        give_up_at = time.monotonic() + LIMIT_S
        while not also():
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
        process.kill()
        process.communicate()
        return said

    def is_registering() -> bool:
        return any(run.run_name == "register" for run in client.jobs.list_runs(active_only=True))

    killed_after("policy ")  # while it applies the plan
    killed_after("deploy ", is_registering)  # while a job runs, which goes on
    said = killed_after("alias ")  # while the endpoint is updated
    assert "job register is running already: waiting for run" in said
    record = solution.data("release", "promote", "--to", "dev")
    assert (record["result"], record["commit"]) == ("succeeded", commit)

    names = [one.name for one in client.serving_endpoints.list() if solution.name in one.name]
    assert len(names) == 1
    config = client.serving_endpoints.get(names[0]).config
    assert config.served_entities[0].entity_version == record["model_version"]
    assert str(client.serving_endpoints.query(names[0], inputs=["x"]).predictions) == "['hello']"
    champion = client.model_versions.get_by_alias(record["model"], "champion")
    assert str(champion.version) == record["model_version"]
    history = solution.data("release", "history", "-t", "dev")
    assert [one["result"] for one in history if one["commit"] == commit][-1] == "succeeded"
