"""A small solution in a Git repository of its own: registers a model, scores it, serves it.

The score is a constant in the code, so that a commit decides whether it passes the gate.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUNDLE = """\
bundle: {name: NAME}
variables:
  catalog: {}
  deployer: {default: "${workspace.current_user.userName}"}
targets:
  dev: {mode: development, default: true, variables: {catalog: dev}}
  staging: {variables: {catalog: staging}}
resources:
  schemas:
    area: {catalog_name: "${var.catalog}", name: NAME}
  registered_models:
    echo:
      catalog_name: ${var.catalog}
      schema_name: ${resources.schemas.area.name}
      name: echo
  model_serving_endpoints:
    echo_endpoint: {name: NAME}
  jobs:
    register:
      name: NAME register
      parameters:
        - {name: model, default: "${resources.registered_models.echo.id}"}
      tasks:
        - task_key: register
          notebook_task: {notebook_path: register.py}
    score:
      name: NAME score
      tasks:
        - task_key: score
          notebook_task: {notebook_path: score.py}
"""
RELEASE = """\
environments:
  dev: {catalog: dev, reads: [prod]}
  staging: {catalog: staging, reads: [prod]}
policy: {mode: enforce}
rollout:
  - step: register
    run_job: register
  - step: score
    run_job: score
  - step: gate
    metrics: ${steps.score.metrics}
    require: {score: ">= 0.5"}
  - step: alias
    set_alias: champion
    model: echo
    version: ${steps.register.version}
  - step: serve
    serve: echo_endpoint
    model: echo
    version: ${steps.register.version}
  - step: ask
    query: echo_endpoint
    request: request.json
    expect: {predictions.0: hello}
"""
REGISTER = """\
# Databricks notebook source
import json
import mlflow
from mlflow.models import infer_signature

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return [ANSWER for _ in model_input]

name = dbutils.widgets.get("model")
mlflow.set_experiment(f"/Shared/{name}")
logged = mlflow.pyfunc.log_model(
    name="echo", python_model=Echo(), registered_model_name=name, pip_requirements=["mlflow"]
)
dbutils.notebook.exit(json.dumps({"version": logged.registered_model_version}))
"""
SCORE = """\
# Databricks notebook source
import json
dbutils.notebook.exit(json.dumps({"metrics": {"score": SCORE}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The repository, and `brickyard` run in it."""

    folder: Path
    name: str
    environment: Mapping[str, str]

    def commit(self, *, score: float | str, answer: str = "hello", **files: str) -> str:
        """Write the solution with this score and commit it; the commit."""
        contents = {
            "databricks.yml": BUNDLE.replace("NAME", self.name),
            "brickyard.yml": RELEASE,
            "register.py": REGISTER.replace("ANSWER", repr(answer)),
            "score.py": SCORE.replace("SCORE", str(score)),
            "request.json": json.dumps({"inputs": ["x"]}),
            **files,
        }
        for path, text in contents.items():
            (self.folder / path).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"score {score}")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        ended = subprocess.run(
            ["git", "-C", str(self.folder), *arguments], check=True, capture_output=True, text=True
        )
        return ended.stdout.strip()

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [sys.executable, "-m", "brickyard", *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
        assert ended.returncode == code, f"{arguments}: {ended.stdout}\n{ended.stderr}"
        return ended

    def data(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "-o", "json", code=code).stdout)


def write_solution(folder: Path, name: str, environment: Mapping[str, str]) -> Solution:
    folder.mkdir(parents=True)
    solution = Solution(folder=folder, name=name, environment=environment)
    solution.git("init", "-q", "-b", "main")
    solution.git("config", "user.email", "tests@example.com")
    solution.git("config", "user.name", "Tests")
    return solution
