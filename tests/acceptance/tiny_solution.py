"""A solution whose release takes a second: no task runs code, its model's versions are empty.

Each commit says which version its alias gets and what its evaluation found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from solution_under_test import Solution, write_solution

TASK = {"task_key": "t", "condition_task": {"op": "EQUAL_TO", "left": "a", "right": "a"}}


def bundle(name: str) -> dict[str, Any]:
    return {
        "bundle": {"name": name},
        "variables": {"catalog": {}},
        "targets": {
            "dev": {"default": True, "variables": {"catalog": "dev"}, **_at(name, "dev")},
            "staging": {"variables": {"catalog": "staging"}, **_at(name, "staging")},
        },
        "resources": {
            "schemas": {"area": {"catalog_name": "${var.catalog}", "name": name}},
            "registered_models": {
                "echo": {
                    "catalog_name": "${var.catalog}",
                    "schema_name": "${resources.schemas.area.name}",
                    "name": "echo",
                }
            },
            "jobs": {"check": {"name": f"{name} check", "tasks": [TASK]}},
        },
    }


def _at(name: str, target: str) -> dict[str, Any]:
    return {"workspace": {"root_path": f"/Shared/{name}/{target}"}}


def settings(
    version: int,
    *,
    recall: float = 0.9,
    right: Sequence[int] = (1,) * 10,
    late: float = 1.0,
    **environment: Any,
) -> dict[str, Any]:
    """The rollout: a job, a gate with a comparison, two aliases."""
    examples = {f"e{at}": {"correct": value} for at, value in enumerate(right)}
    aliases = [
        {"step": name, "set_alias": name, "model": "echo", "version": version, "in": "dev"}
        for name in ("champion", "newest")
    ]
    late = {"step": "late", "metrics": {"late": float(late)}, "require": {"late": ">= 0.5"}}
    gate = {
        "step": "gate",
        "metrics": {"recall": recall},
        "examples": examples,
        "require": {"recall": ">= 0.5"},
        "no_worse": ["correct"],
    }
    return {
        "environments": {
            "dev": {"catalog": "dev"},
            "staging": {"catalog": "staging", **environment},
        },
        "rollout": [{"step": "check", "run_job": "check"}, gate, *aliases, late],
    }


class Tiny:
    """The repository with its commands; `run` may be replaced by forks."""

    def __init__(self, folder: Path, name: str, environment: Mapping[str, str]) -> None:
        self.solution: Solution = write_solution(folder, name, environment)
        self.name = name
        self.model = f"dev.{name}.echo"

    @property
    def targets(self) -> dict[str, Any]:
        return dict(bundle(self.name)["targets"])

    def commit(self, release: Mapping[str, Any], **more: Any) -> str:
        tree = {**bundle(self.name), **more}
        folder = self.solution.folder
        (folder / "databricks.yml").write_text(json.dumps(tree, indent=1))
        (folder / "brickyard.yml").write_text(json.dumps(release, indent=1))
        (folder / ".gitignore").write_text(".databricks\n")
        self.solution.git("add", "-A")
        self.solution.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.solution.git("rev-parse", "HEAD")


def make_versions(client: Any, model: str, count: int) -> None:
    """Versions without artifacts, ready: all that an alias needs."""
    base = "/api/2.0/mlflow/unity-catalog/model-versions"
    for _ in range(count):
        made = client.api_client.do(
            "POST", f"{base}/create", body={"name": model, "source": "dbfs:/nothing"}
        )["model_version"]
        client.api_client.do(
            "POST",
            f"{base}/finalize",
            body={"name": model, "version": made["version"]},
        )
