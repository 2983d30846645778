"""For all conformance tests: somebody without special rights, and the marks each must carry."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
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


MARKS = frozenset({"documented", "recorded", "belief"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every conformance test says what it rests on; one that does not is an error."""
    here = Path(__file__).parent
    unmarked = [
        item.nodeid
        for item in items
        if item.path.is_relative_to(here)
        and not MARKS & {mark.name for mark in item.iter_markers()}
    ]
    if unmarked:
        listed = "\n  ".join(unmarked)
        raise pytest.UsageError(f"mark these as {', '.join(sorted(MARKS))}:\n  {listed}")
