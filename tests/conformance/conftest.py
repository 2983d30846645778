"""Somebody without special rights, made and signed in through the official SDK alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

Somebody = Callable[..., WorkspaceClient]


@pytest.fixture
def somebody(workspace: Any) -> Iterator[Somebody]:
    """Makes a service principal of a workspace and gives its client (OAuth)."""
    made: list[tuple[WorkspaceClient, str]] = []

    def make(name: str = "dev") -> WorkspaceClient:
        admin = workspace.client(name)
        robot = admin.service_principals.create(display_name=f"robot-{uuid.uuid4().hex[:8]}")
        made.append((admin, robot.id))
        secret = admin.service_principal_secrets_proxy.create(robot.id)
        return WorkspaceClient(
            host=workspace.host(name),
            client_id=robot.application_id,
            client_secret=secret.secret,
        )

    yield make
    for admin, one in made:
        admin.service_principals.delete(one)
