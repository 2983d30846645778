"""Runtimes of clusters that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from brickyard.bundle import CurrentUser, Facts, resolve
from brickyard.deploy.existing_clusters import check_existing_clusters
from brickyard.deploy.http import ApiFailure, Workspace

TASK = "existing_cluster_id: %s, spark_python_task: {python_file: /Workspace/a.py}"
OLD = "task t uses cluster with incompatible DBR version 12.2.x-scala2.12"


class OneCluster:
    """A workspace with the clusters `old` and `new`; it counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, path: str, query: Mapping[str, str]) -> dict[str, str]:
        cluster = query["cluster_id"]
        self.asked.append(cluster)
        version = {"old": "12.2.x-scala2.12", "new": "15.4.x-scala2.12"}.get(cluster)
        if version is None:
            raise ApiFailure(status=400, code="NO", message="gone", method="GET", path=path)
        return {"spark_version": version}


def told(cluster: str, more: str = "", library: str = "whl: a.whl") -> tuple[list[str], list[str]]:
    """The findings, and what was said meanwhile."""
    tasks = ", ".join(
        f"{{task_key: {key}, {TASK % cluster}, libraries: [{{{library}}}]}}" for key in ("t", "u")
    )
    text = f"bundle: {{name: b}}\n{more}resources: {{jobs: {{j: {{name: j, tasks: [{tasks}]}}}}}}\n"
    bundle = resolve(
        {"databricks.yml": text.encode(), "a.whl": b""},
        facts=Facts(user=CurrentUser(user_name="u@x")),
    )
    said: list[str] = []
    workspace = OneCluster()
    found = check_existing_clusters(bundle, cast("Workspace", workspace), said.append)
    assert len(workspace.asked) <= 1
    return [one.summary for one in found], said


def test_an_old_cluster_takes_no_local_libraries() -> None:
    found, said = told("old")
    assert found[:2] == [OLD, OLD.replace("task t", "task u")]
    assert found[2].startswith("Python wheel tasks require compute with DBR 13.3+")
    assert said == []


def test_a_new_cluster_a_wrapper_and_a_library_of_the_workspace_are_fine() -> None:
    assert told("new") == ([], [])
    assert told("old", "experimental: {python_wheel_wrapper: true}\n") == ([], [])
    assert told("old", library="whl: /Workspace/a.whl") == ([], [])


def test_a_cluster_that_cannot_be_asked_is_no_error() -> None:
    warned = "Warn: unable to get spark version for cluster gone, err: gone"
    assert told("gone") == ([], [warned])
