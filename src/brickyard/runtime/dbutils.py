"""`dbutils` as notebooks and Python files use it.

Widgets, notebook (run, exit, context), secrets, fs, jobs.taskValues, library.restartPython,
credentials. Follows the Databricks Utilities reference. Leaves out `data.summarize`, mounts and
`credentials.assumeRole`, which name the way out.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections import namedtuple
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brickyard.runtime import api
from brickyard.runtime.context import Context, EntryPoint
from brickyard.runtime.files import FileSystem
from brickyard.runtime.output import remember_secret
from brickyard.runtime.spec import Spec, write_json

SecretScope = namedtuple("SecretScope", ["name"])
SecretMetadata = namedtuple("SecretMetadata", ["key"])
MAX_TASK_VALUE_BYTES = 48 * 1024


class NotebookExit(BaseException):
    """`dbutils.notebook.exit`: not an Exception, so that user code does not swallow it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class RestartPython(BaseException):
    """`dbutils.library.restartPython`: go on with the next cell in a fresh interpreter."""


class InputWidgetNotDefined(Exception):
    pass


class DBUtils:
    """The object notebooks know as `dbutils`."""

    def __init__(self, spec: Spec) -> None:
        self.widgets = Widgets(spec.widgets)
        self.notebook = Notebook(spec)
        self.secrets = Secrets()
        self.fs = FileSystem()
        self.jobs = Jobs(spec)
        self.library = Library()
        self.entry_point = self.notebook.entry_point

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"dbutils.{name} is not available in the embedded workspace")

    def help(self, _name: str = "") -> None:
        print("dbutils: widgets, notebook, secrets, fs, jobs, library")


class Widgets:
    """Parameters of the run win over the defaults that the notebook gives."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: str = "", label: str = "") -> None:
        self._defaults[name] = str(defaultValue)

    def dropdown(
        self, name: str, defaultValue: str, choices: Sequence[str], label: str = ""
    ) -> None:
        if defaultValue not in choices:
            raise ValueError(f"The default {defaultValue!r} of widget {name} is not a choice")
        self._defaults[name] = str(defaultValue)

    def combobox(
        self, name: str, defaultValue: str, choices: Sequence[str], label: str = ""
    ) -> None:
        self._defaults[name] = str(defaultValue)

    multiselect = combobox

    def get(self, name: str) -> str:
        if name in self._given:
            return self._given[name]
        if name in self._defaults:
            return self._defaults[name]
        raise InputWidgetNotDefined(f"No input widget named {name} is defined")

    def getArgument(self, name: str, defaultValue: str | None = None) -> str | None:
        try:
            return self.get(name)
        except InputWidgetNotDefined:
            if defaultValue is None:
                raise
            return defaultValue

    def getAll(self) -> dict[str, str]:
        return {**self._defaults, **self._given}

    def remove(self, name: str) -> None:
        self._given.pop(name, None)
        self._defaults.pop(name, None)

    def removeAll(self) -> None:
        self._given.clear()
        self._defaults.clear()


class Notebook:
    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.entry_point = EntryPoint(spec)

    def exit(self, value: Any = "") -> None:
        raise NotebookExit(str(value))

    def getContext(self) -> Context:
        return Context(self._spec)

    def run(
        self,
        path: str,
        timeout_seconds: int = 0,
        arguments: Mapping[str, Any] | None = None,
    ) -> str:
        """Run another notebook in a process of its own; its exit value."""
        from brickyard.runtime.notebooks import locate

        file, notebook_path = locate(path, self._spec)
        folder = tempfile.mkdtemp(prefix="notebook-", dir=self._spec.folder)
        child = {
            "kind": "notebook",
            "folder": folder,
            "file": str(file),
            "notebook_path": notebook_path,
            "widgets": {name: str(value) for name, value in (arguments or {}).items()},
            "context": dict(self._spec.context) | {"notebook_path": notebook_path},
            "task_values": self._spec.task_values,
            "catalogs": [
                {"name": c.name, "path": c.path, "mode": c.mode} for c in self._spec.catalogs
            ],
            "catalogs_folder": self._spec.catalogs_folder,
            "workspace": self._spec.workspace,
            "principal": self._spec.principal,
            "mapped": dict(self._spec.mapped),
        }
        spec_file = Path(folder, "spec.json")
        write_json(spec_file, child)
        sys.stdout.flush()
        try:
            subprocess.run(
                [sys.executable, "-m", "brickyard.runtime.task", str(spec_file)],
                timeout=timeout_seconds or None,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"Notebook {notebook_path} did not end within {timeout_seconds} seconds"
            ) from None
        result_file = Path(folder, "result.json")
        if not result_file.exists():
            raise RuntimeError(f"Notebook {notebook_path} ended without a result")
        result = json.loads(result_file.read_text())
        if result.get("error"):
            raise RuntimeError(f"Notebook {notebook_path} failed: {result['error']}")
        return str(result.get("result", ""))


class Secrets:
    """What is read is remembered, and replaced in all output."""

    def get(self, scope: str, key: str) -> str:
        return self.getBytes(scope, key).decode()

    def getBytes(self, scope: str, key: str) -> bytes:
        found = api.get("/api/2.0/secrets/get", scope=scope, key=key)
        value = base64.b64decode(found["value"])
        try:
            remember_secret(value.decode())
        except UnicodeDecodeError:
            pass
        remember_secret(found["value"])
        return value

    def list(self, scope: str) -> Sequence[SecretMetadata]:
        found = api.get("/api/2.0/secrets/list", scope=scope)
        return [SecretMetadata(one["key"]) for one in found.get("secrets", ())]

    def listScopes(self) -> Sequence[SecretScope]:
        found = api.get("/api/2.0/secrets/scopes/list")
        return [SecretScope(one["name"]) for one in found.get("scopes", ())]


class Jobs:
    def __init__(self, spec: Spec) -> None:
        self.taskValues = TaskValues(spec)


class TaskValues:
    """Values from one task to later ones. JSON, at most 48 KiB each."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._set: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        try:
            text = json.dumps(value)
        except TypeError:
            raise ValueError(f"Task value {key} is not JSON: {type(value).__name__}") from None
        if len(text.encode()) > MAX_TASK_VALUE_BYTES:
            raise ValueError(f"Task value {key} is larger than {MAX_TASK_VALUE_BYTES // 1024} KiB")
        self._set[key] = json.loads(text)
        write_json(self._spec.values_file, self._set)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        own = self._spec.context.get("task_key")
        values = self._set if taskKey == own else self._spec.task_values.get(taskKey)
        if values is not None and key in values:
            return values[key]
        if self._spec.context.get("run_id") is None and debugValue is not None:
            return debugValue
        if default is not None:
            return default
        if values is None:
            raise ValueError(f"No task {taskKey} has ended before this one in the run")
        raise ValueError(f"Task {taskKey} has set no value {key}")


class Library:
    def restartPython(self) -> None:
        raise RestartPython
