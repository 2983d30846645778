"""What the embedded workspace keeps and cannot do: made, and said beforehand."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest

pytestmark = pytest.mark.documented


def test_a_job_whose_tasks_only_databricks_runs_is_made_and_warned_of(
    tmp_path: Path, workspace: Any
) -> None:
    name = f"parts_{uuid.uuid4().hex[:8]}"
    (tmp_path / "databricks.yml").write_text(
        f"bundle: {{name: {name}}}\n"
        "resources:\n"
        "  jobs:\n"
        "    models:\n"
        f"      name: {name}\n"
        "      tasks:\n"
        "        - task_key: build\n"
        "          environment_key: dbt\n"
        "          dbt_task: {commands: [dbt run]}\n"
        "      environments: [{environment_key: dbt, spec: {environment_version: '4'}}]\n"
    )
    bundle = BundleUnderTest(folder=tmp_path, name=name, environment=workspace.environment("dev"))
    planned = bundle("plan")
    assert "Warning: the embedded workspace keeps a dbt_task and cannot run it" in planned.err
    assert "databricks.yml:9:11" in planned.err
    bundle("deploy")
    assert bundle("plan", "--detailed-exitcode").code == 0
    ran = bundle("run", "models", code=1)
    assert "dbt_task cannot run in the embedded workspace" in ran.err + ran.out
    bundle("destroy", "--auto-approve")
