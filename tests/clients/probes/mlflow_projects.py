"""MLflow Projects with `backend="databricks"`, by mlflow.projects and by `mlflow run`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from place import refusal, rest, unique, wait

CLIENT = "mlflow"
LIMIT_S = 1800

CLUSTER = {"spark_version": "17.3.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 1}
PROJECT = """
name: trained
{environment}
entry_points:
  main:
    parameters:
      alpha: {{type: float, default: 0.1}}
      out: {{type: string, default: plain}}
    command: "python train.py {{alpha}} {{out}}"
  broken:
    command: "python -c 'import sys; sys.exit(3)'"
  endless:
    command: "sleep 600"
"""
TRAIN = """
import sys
import mlflow

with mlflow.start_run():
    mlflow.log_metric("loss", float(sys.argv[1]) / 2)
    mlflow.set_tag("prefix", sys.prefix)
    mlflow.set_tag("out", sys.argv[2])
    mlflow.log_dict({"seen": True}, "out/seen.json")
"""

mlflow.set_tracking_uri("databricks")
EXPERIMENT = mlflow.create_experiment(f"/Shared/{unique()}")


def project(environment: str = "", **files: str) -> str:
    folder = Path(tempfile.mkdtemp())
    (folder / "MLproject").write_text(PROJECT.format(environment=environment))
    (folder / "train.py").write_text(TRAIN)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return str(folder)


def run(uri: str, **more: Any) -> Any:
    return mlflow.projects.run(
        uri,
        backend="databricks",
        backend_config=dict(CLUSTER),
        experiment_id=EXPERIMENT,
        **more,
    )


def ended(submitted: Any) -> str:
    return str(
        wait(
            lambda: (state := submitted.get_status()) != "RUNNING" and state,
            limit_s=600,
        )
    )


def need_finished(submitted: Any) -> Any:
    """The MLflow run of a project that came to its end."""
    state = ended(submitted)
    if state != "FINISHED":
        found = rest("GET", f"/api/2.2/jobs/runs/get?run_id={submitted._databricks_run_id}")
        task = found["tasks"][0]["run_id"]
        log = rest("GET", f"/api/2.2/jobs/runs/get-output?run_id={task}").get("logs", "")
        raise AssertionError(f"{state}: {log[-2000:]}")
    return mlflow.get_run(submitted.run_id)


def runs(text: str) -> list[Any]:
    return mlflow.search_runs([EXPERIMENT], text, output_format="list")


def mlflow_run(*words: str) -> subprocess.CompletedProcess[str]:
    config = Path(tempfile.mkdtemp(), "cluster.json")
    config.write_text(json.dumps({"new_cluster": CLUSTER, "libraries": []}))
    command = [sys.executable, "-m", "mlflow", "run", *words, "--backend", "databricks"]
    command += ["--backend-config", str(config), "--experiment-id", EXPERIMENT]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def probe_waiting() -> None:
    """projects: run to the end, waiting as the client does; parameters, metrics, artifacts"""
    done = run(project(), parameters={"alpha": 0.5}, env_manager="local")
    found = mlflow.get_run(done.run_id)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"loss": 0.25})
    assert found.data.params == {"alpha": "0.5", "out": "plain"}
    assert mlflow.artifacts.load_dict(f"{found.info.artifact_uri}/out/seen.json")["seen"]


def probe_command_line() -> None:
    """projects: `mlflow run` of a Git repository at a version, with parameters"""
    folder = project()
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    said = mlflow_run(
        f"file://{folder}",
        "--version",
        "HEAD",
        "-P",
        "alpha=2",
        "-P",
        "out=a b",
        "--env-manager",
        "local",
    )
    assert said.returncode == 0, said.stderr[-2000:]
    wanted = "tags.out = 'a b' AND attributes.status = 'FINISHED'"
    found = wait(lambda: runs(wanted), limit_s=600)
    assert [one.data.metrics["loss"] for one in found] == [1.0]
    assert found[0].data.tags["mlflow.source.git.commit"]


def probe_failing() -> None:
    """projects: one that fails raises in the client and ends its run as failed"""
    said = refusal(lambda: run(project(), entry_point="broken", env_manager="local"))
    assert "failed" in said
    assert len(runs("attributes.status = 'FAILED'")) == 1
    command = mlflow_run(project(), "-e", "broken", "--env-manager", "local")
    assert command.returncode == 0, command.stderr[-2000:]  # it submits and does not wait
    wait(lambda: len(runs("attributes.status = 'FAILED'")) == 2, limit_s=600)


def probe_cancel() -> None:
    """projects: SubmittedRun.cancel ends the job"""
    done = run(project(), entry_point="endless", env_manager="local", synchronous=False)
    done.cancel()
    state = rest("GET", f"/api/2.0/jobs/runs/get?run_id={done._databricks_run_id}")["state"]
    assert state["result_state"] == "CANCELED"
    assert done.get_status() == "FAILED"


def probe_python_env() -> None:
    """projects: python_env in a virtual environment with its own packages"""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    needed = f"mlflow-skinny=={mlflow.__version__}"
    file = f'python: "{version}"\ndependencies:\n  - {needed}\n'
    done = run(project("python_env: python_env.yaml", python_env=file), synchronous=False)
    assert "virtualenv_envs" in need_finished(done).data.tags["prefix"]


def probe_uv() -> None:
    """projects: env_manager="uv" """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    needed = f"mlflow-skinny=={mlflow.__version__}"
    file = f'python: "{version}"\ndependencies:\n  - {needed}\n'
    done = run(
        project("python_env: python_env.yaml", python_env=file),
        synchronous=False,
        env_manager="uv",
    )
    found = need_finished(done)
    assert found.data.tags["mlflow.project.env"] == "uv"
    assert "/envs/" in found.data.tags["prefix"]


def probe_conda() -> None:
    """projects: conda_env as a virtual environment (conda itself is not there)"""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    needed = f"mlflow-skinny=={mlflow.__version__}"
    file = f"dependencies:\n  - python={version}\n  - pip\n  - pip:\n    - {needed}\n"
    folder = project("conda_env: conda.yaml", conda=file)
    done = run(folder, synchronous=False, env_manager="virtualenv")
    assert "virtualenv_envs" in need_finished(done).data.tags["prefix"]


def probe_spark_job() -> None:
    """projects: databricks_spark_job, a Python file with its parameters"""
    folder = project()
    Path(folder, "MLproject").write_text(
        "name: job\ndatabricks_spark_job:\n  python_file: train.py\n  parameters: ['4', spark]\n"
    )
    found = need_finished(run(folder, synchronous=False))
    assert (found.data.metrics["loss"], found.data.tags["out"]) == (2.0, "spark")
    shutil.rmtree(folder)
