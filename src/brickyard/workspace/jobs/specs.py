"""What the process of a task is told: its spec, a JSON file, and its environment variables."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from brickyard.workspace.jobs.calls import TaskCall
from brickyard.workspace.jobs.sources import Source
from brickyard.workspace.kernel import Home, Principal
from brickyard.workspace.processes import Mounts, enforcement

RUNTIME_VERSION = "17.3"
# Passed on from the workspace's own environment: where tools are, locale, proxies, certificates.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL")
INHERITED_PREFIXES = (
    *("SSL_", "REQUESTS_", "CURL_", "HTTP_", "HTTPS_", "NO_PROXY"),
    *("http_", "https_", "no_proxy", "CUDA_"),
)
# Of pip and uv, only where packages and certificates are. Names and passwords stay here.
INDEXES = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT"),
    *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE"),
)
USER_IN_URL = re.compile(r"(?<=://)[^/@\s]*@")


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
        "catalogs": [
            {"name": one.name, "path": os.path.realpath(one.path), "mode": one.mode}
            for one in mounts.catalogs
        ],
        "catalogs_folder": os.path.realpath(home.catalogs),
        "workspace": call.workspace.name,
        "principal": principal.user_name,
        "mapped": mapped,
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


def environment(
    call: TaskCall, principal: Principal, token: str, remote: str, source: Source | None
) -> dict[str, str]:
    """The whole environment of the task's process."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    kept |= {name: USER_IN_URL.sub("", os.environ[name]) for name in INDEXES if name in os.environ}
    if source is not None:
        experiment = source.workspace_path
        if call.kind != "notebook_task":
            experiment = experiment.removesuffix(".py")
    else:
        experiment = f"/Users/{principal.user_name}/{call.settings.get('name', 'job')}"
    own = {
        "DATABRICKS_HOST": call.workspace.url,
        "DATABRICKS_TOKEN": token,
        "DATABRICKS_RUNTIME_VERSION": RUNTIME_VERSION,
        "SPARK_REMOTE": remote,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": "databricks-uc",
        "MLFLOW_EXPERIMENT_NAME": experiment,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYSPARK_PYTHON": sys.executable,
        # The Spark Connect client looks for an installation when it is imported; any path will do.
        "SPARK_HOME": sys.prefix,
    }
    return {**kept, **_cluster_variables(call), **own}


def _cluster_variables(call: TaskCall) -> dict[str, str]:
    """`spark_env_vars` of the task's cluster, which is otherwise virtual."""
    clusters = {
        one.get("job_cluster_key"): one.get("new_cluster") or {}
        for one in call.settings.get("job_clusters") or ()
    }
    key = call.task.get("job_cluster_key")
    cluster = call.task.get("new_cluster") or clusters.get(key) or {}
    variables = cluster.get("spark_env_vars") or {}
    return {str(name): str(value) for name, value in variables.items()}
