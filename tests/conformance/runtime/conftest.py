"""Notebooks through the official SDK: upload, run as a task of the assembled server, look at it."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from tests.conftest import EmbeddedServer

SOURCE = "# Databricks notebook source\n"
CELL = "\n\n# COMMAND ----------\n\n"
LIMIT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A notebook task that ended."""

    state: str  # SUCCESS | FAILED | ...
    result: str | None  # what dbutils.notebook.exit said
    logs: str
    error: str | None
    trace: str


@pytest.fixture(scope="session")
def dev(workspace: EmbeddedServer) -> WorkspaceClient:
    return workspace.client("dev")


@pytest.fixture
def folder(dev: WorkspaceClient) -> str:
    path = f"/Users/{dev.current_user.me().user_name}/runtime-{uuid.uuid4().hex[:8]}"
    dev.workspace.mkdirs(path)
    return path


@pytest.fixture
def put(dev: WorkspaceClient, folder: str) -> Callable[..., str]:
    """Upload a notebook from its cells, or a file from its bytes; its workspace path."""
    from databricks.sdk.service.workspace import ImportFormat

    def upload(name: str, *cells: str, data: bytes | None = None) -> str:
        path = f"{folder}/{name}"
        dev.workspace.mkdirs(path.rpartition("/")[0])
        if data is not None:
            kind = ImportFormat.AUTO if name.endswith(".ipynb") else ImportFormat.RAW
            dev.workspace.upload(path, io.BytesIO(data), format=kind, overwrite=True)
            return path.removesuffix(".ipynb")
        text = SOURCE + CELL.join(cells)
        dev.workspace.upload(
            f"{path}.py", io.BytesIO(text.encode()), format=ImportFormat.AUTO, overwrite=True
        )
        return path

    return upload


@pytest.fixture
def run(dev: WorkspaceClient) -> Callable[..., Ended]:
    """Run the notebook of that path as a one-time run and wait for its end."""
    from databricks.sdk.service import jobs

    def run_notebook(path: str, parameters: Mapping[str, str] | None = None) -> Ended:
        given = dict(parameters) if parameters else None
        task = jobs.NotebookTask(notebook_path=path, base_parameters=given)
        submitted = jobs.SubmitTask(task_key="it", notebook_task=task)
        run_id = dev.jobs.submit(tasks=[submitted]).run_id
        give_up_at = time.monotonic() + LIMIT_S
        while (found := dev.jobs.get_run(run_id)).end_time in (None, 0):
            assert time.monotonic() < give_up_at, "the run did not end"
            time.sleep(0.05)
        output = dev.jobs.get_run_output(found.tasks[0].run_id)
        return Ended(
            state=found.tasks[0].state.result_state.value,
            result=output.notebook_output.result if output.notebook_output else None,
            logs=output.logs or "",
            error=output.error,
            trace=output.error_trace or "",
        )

    return run_notebook
