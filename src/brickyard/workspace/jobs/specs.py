"""What the process of a task is told: its spec, and what is its own in its environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from brickyard.workspace.jobs.calls import TaskCall
from brickyard.workspace.jobs.sources import Source
from brickyard.workspace.kernel import Home, Principal
from brickyard.workspace.processes import Mounts, enforcement
from brickyard.workspace.processes.user_code import shown_catalogs


def spec(
    home: Home,
    call: TaskCall,
    principal: Principal,
    mounts: Mounts,
    source: Source | None,
    folder: Path,
) -> dict[str, Any]:
    """What the process reads at its start."""
    body = call.task[call.kind]
    inside = source.inside if source else ""
    mapped = {} if enforcement().kind == "namespace" else mounts.path_map()
    if mapped and source:
        inside = str(source.real)
    found: dict[str, Any] = {
        "folder": str(folder),
        "file": inside,
        "task_values": call.task_values,
        "catalogs": shown_catalogs(mounts),
        "catalogs_folder": os.path.realpath(home.catalogs),
        "workspace": call.workspace.name,
        "principal": principal.user_name,
        "mapped": mapped,
        "cluster_disk": has_cluster_disk(call, source),
        "context": {
            "job_id": call.run.job_id,
            "job_name": call.settings.get("name"),
            "run_id": call.run.run_id,
            "task_run_id": call.task_run.run_id,
            "task_key": call.task["task_key"],
            "workspace_id": call.workspace.id,
            "notebook_id": call.task_run.run_id,
        },
    }
    if call.kind == "notebook_task":
        assert source is not None
        widgets = {**(body.get("base_parameters") or {}), **call.facts.parameters}
        found |= {"kind": "notebook", "notebook_path": source.workspace_path}
        found["widgets"] = {name: str(value) for name, value in widgets.items()}
        return found
    if call.kind == "spark_python_task":
        arguments = body.get("parameters") or []
        return found | {"kind": "python", "arguments": [str(one) for one in arguments]}
    if call.kind == "shell_command_task":
        variables = {str(name): str(value) for name, value in (body.get("env_vars") or {}).items()}
        arguments = [str(one) for one in body["command"]]
        return found | {"kind": "shell", "arguments": arguments, "variables": variables}
    named = body.get("named_parameters")
    if named:
        named = {**named, **call.facts.parameters}
    arguments = body.get("parameters") or []
    arguments = [*arguments, *(f"--{name}={value}" for name, value in (named or {}).items())]
    return found | {
        "kind": "wheel",
        "package_name": body["package_name"],
        "entry_point": body["entry_point"],
        "arguments": [str(one) for one in arguments],
    }


def has_cluster_disk(call: TaskCall, source: Source | None) -> bool:
    """Whether the task finds a `/databricks` of its own: MLflow's projects are unpacked there."""
    return call.kind == "shell_command_task" or _is_project(source)


def experiment(call: TaskCall, principal: Principal, source: Source | None) -> str:
    """Where the task's MLflow runs go: the experiment of its notebook or file, else of its job.

    A project brings the id of its own, which a name would contradict.
    """
    if has_cluster_disk(call, source):
        return ""
    if source is None:
        return f"/Users/{principal.user_name}/{call.settings.get('name', 'job')}"
    path = source.workspace_path
    return path if call.kind == "notebook_task" else path.removesuffix(".py")


def _is_project(source: Source | None) -> bool:
    return source is not None and not source.workspace_path


def cluster_variables(call: TaskCall) -> dict[str, str]:
    """`spark_env_vars` of the task's cluster, which is otherwise virtual."""
    clusters = {
        one.get("job_cluster_key"): one.get("new_cluster") or {}
        for one in call.settings.get("job_clusters") or ()
    }
    key = call.task.get("job_cluster_key")
    cluster = call.task.get("new_cluster") or clusters.get(key) or {}
    variables = cluster.get("spark_env_vars") or {}
    return {str(name): str(value) for name, value in variables.items()}
