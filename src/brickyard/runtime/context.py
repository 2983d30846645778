"""The notebook context: where the code runs and as whom, in the words of the JVM gateway.

`dbutils.notebook.entry_point.getDbutils().notebook().getContext()` is what libraries ask. Names
that a job here has no value for are there and empty.
"""

from __future__ import annotations

import json
import os
from typing import Any

from brickyard.runtime.spec import Spec


class Option:
    """A value the way the notebook context hands them out: `.get()`, `.isDefined()`."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self) -> Any:
        if self._value is None:
            raise ValueError("None.get")
        return self._value

    def isDefined(self) -> bool:
        return self._value is not None

    def getOrElse(self, default: Any) -> Any:
        return default if self._value is None else self._value


class Context:
    """`dbutils.notebook.entry_point.getDbutils().notebook().getContext()`."""

    def __init__(self, spec: Spec) -> None:
        context = spec.context
        self._values: dict[str, Any] = {
            "notebookPath": spec.notebook_path or None,
            "notebookId": context.get("notebook_id"),
            "apiUrl": os.environ.get("DATABRICKS_HOST"),
            "apiToken": os.environ.get("DATABRICKS_TOKEN"),
            "browserHostName": None,
            "workspaceId": str(context.get("workspace_id", "")),
            "userName": spec.principal,
            "jobId": _text(context.get("job_id")),
            "currentRunId": _text(context.get("task_run_id")),
            "clusterId": None,
        }
        self._tags = {
            "jobId": _text(context.get("job_id")),
            "runId": _text(context.get("task_run_id")),
            "multitaskParentRunId": _text(context.get("run_id")),
            "jobName": context.get("job_name"),
            "taskKey": context.get("task_key"),
            "orgId": str(context.get("workspace_id", "")),
            "user": spec.principal,
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda: Option(self._values.get(name))

    def tags(self) -> Tags:
        return Tags(self._tags)

    def extraContext(self) -> Tags:
        return Tags({"notebook_path": self._values["notebookPath"]})

    def toJson(self) -> str:
        tags = {name: value for name, value in self._tags.items() if value is not None}
        extra = {"api_url": self._values["apiUrl"], "notebook_path": self._values["notebookPath"]}
        run = {"id": self._values["currentRunId"]}
        return json.dumps({"tags": tags, "extraContext": extra, "currentRunId": run})

    safeToJson = toJson


class Tags(dict[str, Any]):
    def get(self, name: str, default: Any = None) -> Any:
        return Option(super().get(name, default))

    def apply(self, name: str) -> Any:
        return self[name]


class EntryPoint:
    """What libraries ask of the JVM gateway in order to find out where they run."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def getDbutils(self) -> EntryPoint:
        return self

    def notebook(self) -> EntryPoint:
        return self

    def getContext(self) -> Context:
        return Context(self._spec)

    def getJobGroupId(self) -> None:
        return None

    def getReplId(self) -> None:
        return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
