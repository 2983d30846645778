"""A bundle in a folder and the `brickyard` command run in it, as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUNDLE = """\
bundle:
  name: {name}

targets:
  dev:
    default: true
    mode: development
  staging:
    mode: production
    workspace:
      root_path: /Workspace/Users/${{workspace.current_user.userName}}/.bundle/{name}/staging

resources:
  schemas:
    sales:
      catalog_name: ${{bundle.target}}
      name: {name}
      comment: Orders and customers.
  volumes:
    landing:
      catalog_name: ${{bundle.target}}
      schema_name: ${{resources.schemas.sales.name}}
      name: landing
  registered_models:
    agent:
      catalog_name: ${{bundle.target}}
      schema_name: ${{resources.schemas.sales.name}}
      name: agent
  experiments:
    traces:
      name: /Users/${{workspace.current_user.userName}}/{name}
  jobs:
    hello:
      name: hello
      parameters:
        - name: whom
          default: world
        - name: experiment_id
          default: ${{resources.experiments.traces.id}}
      tasks:
        - task_key: greet
          environment_key: plain
          spark_python_task:
            python_file: src/hello.py
            parameters: ["{{{{job.parameters.whom}}}}"]
      environments:
        - environment_key: plain
          spec:
            environment_version: "4"
    caller:
      name: caller
      tasks:
        - task_key: call
          run_job_task:
            job_id: ${{resources.jobs.hello.id}}
"""
HELLO = "import sys\nprint('hello', sys.argv[1])\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What one command left: exit code, output, progress."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleUnderTest:
    """`brickyard …` in the bundle's folder against one workspace."""

    folder: Path
    name: str
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, code: int | None = 0) -> Ended:
        ended = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=180,
        )
        found = Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)
        assert code is None or found.code == code, f"{arguments}: {found.out}\n{found.err}"
        return found

    def killed_after(self, seconds: float, *arguments: str) -> bool:
        """Start the command and kill it; False when it had ended by itself."""
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        was_running = process.poll() is None
        process.kill()
        process.wait()
        return was_running

    def edit(self, old: str, new: str) -> None:
        path = self.folder / "databricks.yml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "brickyard", *arguments]


def write_bundle(folder: Path, name: str, environment: Mapping[str, str]) -> BundleUnderTest:
    """The bundle in `folder`; `environment` says which workspace its commands talk to."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "databricks.yml").write_text(BUNDLE.format(name=name))
    (folder / "src" / "hello.py").write_text(HELLO)
    return BundleUnderTest(folder=folder, name=name, environment=environment)
