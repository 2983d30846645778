"""Modules that Databricks' runtime has and libraries look for: `dbruntime`.

`from databricks.sdk.runtime import *` takes its globals from `dbruntime.UserNamespaceInitializer`;
MLflow asks `dbruntime.databricks_repl_context` which notebook and job it runs in. Credentials are
not offered here: both read `DATABRICKS_HOST` and `DATABRICKS_TOKEN`.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

from brickyard.runtime.spec import Spec


def install(spec: Spec, runtime_globals: dict[str, Any]) -> None:
    namespace = SimpleNamespace(
        get_namespace_globals=lambda: runtime_globals,
        get_driver_connection=_no_driver,
    )
    package = ModuleType("dbruntime")
    package.__path__ = []
    package.UserNamespaceInitializer = SimpleNamespace(  # type: ignore[attr-defined]
        getOrCreate=lambda: namespace
    )
    repl = ModuleType("dbruntime.databricks_repl_context")
    context = _repl_context(spec)
    repl.get_context = lambda: context  # type: ignore[attr-defined]
    package.databricks_repl_context = repl  # type: ignore[attr-defined]
    sys.modules["dbruntime"] = package
    sys.modules["dbruntime.databricks_repl_context"] = repl


def _no_driver() -> Any:
    raise NotImplementedError("there is no driver connection in the embedded workspace")


def _repl_context(spec: Spec) -> SimpleNamespace:
    """Who and where this is, under the names that MLflow reads."""
    context = spec.context
    notebook = bool(spec.notebook_path)
    return SimpleNamespace(
        isInNotebook=notebook,
        isInJob=context.get("job_id") is not None,
        notebookId=str(context.get("notebook_id", "")) if notebook else None,
        notebookPath=spec.notebook_path or None,
        jobId=_text(context.get("job_id")),
        idInJob=_text(context.get("task_run_id")),
        jobRunId=_text(context.get("run_id")),
        jobTaskType=spec.kind,
        jobType="NORMAL",
        jobGroupId=None,
        replId=None,
        clusterId=None,
        aclPathOfAclRoot=None,
        apiUrl=os.environ.get("DATABRICKS_HOST"),
        apiToken=os.environ.get("DATABRICKS_TOKEN"),
        browserHostName=None,
        commandRunId=None,
        commandRunGuid=None,
        currentRunId=_text(context.get("task_run_id")),
        mlflowGitCommit=None,
        mlflowGitReference=None,
        mlflowGitProvider=None,
        mlflowGitRelativePath=None,
        mlflowGitRepoUrl=None,
        mlflowGitStatus=None,
        user=spec.principal,
        workspaceId=str(context.get("workspace_id", "")),
        workspaceUrl=None,
        webappUrl=os.environ.get("DATABRICKS_HOST"),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
