"""A folder of its own in the dev workspace for each test, and somebody without special rights."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from tests.conftest import EmbeddedServer

SOURCE = "# Databricks notebook source\n"
CELL = "\n\n# COMMAND ----------\n\n"


@pytest.fixture(scope="session")
def dev(workspace: EmbeddedServer) -> WorkspaceClient:
    return workspace.client("dev")


@pytest.fixture
def folder(dev: WorkspaceClient) -> str:
    path = f"/Users/{dev.current_user.me().user_name}/jobs-{uuid.uuid4().hex[:8]}"
    dev.workspace.mkdirs(path)
    return path


@pytest.fixture
def put(dev: WorkspaceClient, folder: str) -> Callable[..., str]:
    """Upload `.py`, `.sql` or other bytes as a file, anything else as a notebook; its path."""
    from databricks.sdk.service.workspace import ImportFormat

    def upload(name: str, *cells: str, data: bytes | None = None) -> str:
        is_file = data is not None or "." in name
        text = "\n".join(cells) if is_file else SOURCE + CELL.join(cells)
        dev.workspace.upload(
            f"{folder}/{name}" if is_file else f"{folder}/{name}.py",
            io.BytesIO(text.encode() if data is None else data),
            format=ImportFormat.RAW if is_file else ImportFormat.AUTO,
            overwrite=True,
        )
        return f"{folder}/{name}"

    return upload


@pytest.fixture
def somebody(workspace: EmbeddedServer, dev: WorkspaceClient) -> Iterator[WorkspaceClient]:
    """A service principal of the dev workspace, signed in by itself."""
    from databricks.sdk import WorkspaceClient

    robot = dev.service_principals.create(display_name=f"robot-{uuid.uuid4().hex[:8]}")
    secret = dev.service_principal_secrets_proxy.create(robot.id)
    yield WorkspaceClient(
        host=workspace.host("dev"), client_id=robot.application_id, client_secret=secret.secret
    )
    dev.service_principals.delete(robot.id)
