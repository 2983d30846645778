"""MLflow Projects with `backend="databricks"`: the unmodified client submits, a job runs them.

What a project needs of a cluster is there: `/dbfs`, `/databricks`, rsync (or its stand-in) and
MLflow itself at the client's version. The client looks every 30 seconds when it waits, so these
tests submit without waiting, all at once, and ask for the state themselves. More kinds of projects
and the command line are in `tests/clients/probes/mlflow_projects.py`.
"""

from __future__ import annotations

import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]

LIMIT_S = 400
CLUSTER = {"spark_version": "17.3.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 1}
PROJECT = """
name: trained
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.1}
      note: {type: string, default: none}
    command: "python train.py {alpha} {note}"
  broken:
    command: "python -c 'import sys; print(\\"no luck\\"); sys.exit(3)'"
  endless:
    command: "sleep 600"
"""
TRAIN = """
import os, sys
import mlflow

with mlflow.start_run() as run:
    mlflow.log_metric("loss", float(sys.argv[1]) / 2)
    mlflow.set_tag("note", sys.argv[2])
    mlflow.log_text("seen", "out/model.txt")
    print("trained", run.info.run_id, os.getcwd())
"""


@pytest.fixture(scope="module")
def client(workspace: Any) -> Iterator[Any]:
    import mlflow

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_HOST", workspace.host("dev"))
        patch.setenv("DATABRICKS_TOKEN", workspace.token("dev"))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        mlflow.set_tracking_uri("databricks")
        yield mlflow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A Git repository with the project in its first commit, given too, and not in its second."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "MLproject").write_text(PROJECT)
    (folder / "train.py").write_text(TRAIN)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    first = git(folder, "rev-parse", "HEAD")
    (folder / "train.py").write_text("raise SystemExit('the wrong commit')")
    git(folder, "commit", "-q", "-a", "-m", "two")
    return folder, first


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def submitted(client: Any, project: tuple[Path, str]) -> Callable[[str], Any]:
    """Projects on their way, by name; the first who asks starts them all."""
    folder, first = project
    experiment = client.create_experiment(f"/Shared/projects-{uuid.uuid4().hex[:8]}")

    def submit(uri: str, **more: Any) -> Any:
        return client.projects.run(
            uri,
            backend="databricks",
            backend_config=dict(CLUSTER),
            experiment_id=experiment,
            synchronous=False,
            env_manager="local",
            **more,
        )

    found = {
        "trained": submit(
            f"file://{folder}",
            version=first,
            parameters={"alpha": 0.5, "note": "it's a test"},
            run_name="first",
        ),
        "broken": submit(str(folder), entry_point="broken"),
        "endless": submit(str(folder), entry_point="endless"),
    }
    return found.__getitem__


def waited(one: Any) -> str:
    give_up_at = time.monotonic() + LIMIT_S
    while (state := one.get_status()) == "RUNNING":
        assert time.monotonic() < give_up_at, "the project did not end"
        time.sleep(0.2)
    return str(state)


def log_of(workspace: Any, one: Any) -> str:
    dev = workspace.client("dev")
    run = dev.jobs.get_run(one._databricks_run_id)
    return str(dev.jobs.get_run_output(run.tasks[0].run_id).logs)


@pytest.mark.recorded
def test_a_git_project_runs_as_a_job_at_the_commit_asked_for(
    workspace: Any, client: Any, project: tuple[Path, str], submitted: Callable[[str], Any]
) -> None:
    done = submitted("trained")
    assert waited(done) == "FINISHED", log_of(workspace, done)
    found = client.get_run(done.run_id)
    assert found.info.status == "FINISHED"
    # MLflow keeps parameters as it writes them into the command.
    assert found.data.params == {"alpha": "0.5", "note": shlex.quote("it's a test")}
    assert found.data.metrics == {"loss": 0.25}
    tags = found.data.tags
    assert tags["note"] == "it's a test"
    assert tags["mlflow.databricks.shellJobRunID"] == str(done._databricks_run_id)
    assert tags["mlflow.runName"] == "first"
    assert tags["mlflow.source.git.commit"] == project[1]
    text = client.artifacts.load_text(f"{found.info.artifact_uri}/out/model.txt")
    assert text == "seen"
    assert f"trained {done.run_id} /databricks/mlflow/projects/" in log_of(workspace, done)
    run_id = workspace.client("dev").jobs.get_run(done._databricks_run_id).tasks[0].run_id
    assert not (workspace.home / "runs" / str(run_id) / "databricks").exists()


@pytest.mark.recorded
def test_a_failing_project_fails_the_job_and_its_run(
    workspace: Any, client: Any, submitted: Callable[[str], Any]
) -> None:
    done = submitted("broken")
    assert waited(done) == "FAILED"
    assert client.get_run(done.run_id).info.status == "FAILED"
    assert "no luck" in log_of(workspace, done)
    run = workspace.client("dev").jobs.get_run(done._databricks_run_id)
    assert "ended with status 1" in run.state.state_message


@pytest.mark.recorded
def test_a_project_is_cancelled(
    workspace: Any, client: Any, submitted: Callable[[str], Any]
) -> None:
    done = submitted("endless")
    give_up_at = time.monotonic() + LIMIT_S
    while "sleep 600" not in log_of(workspace, done):  # MLflow says what it runs
        assert done.get_status() == "RUNNING", log_of(workspace, done)
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    done._job_runner.jobs_runs_cancel(done._databricks_run_id)  # what cancel() does, then waits
    assert waited(done) == "FAILED"
    run = workspace.client("dev").jobs.get_run(done._databricks_run_id)
    assert run.state.result_state.value == "CANCELED"
