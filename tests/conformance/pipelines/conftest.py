"""A client of the dev workspace, and pipelines that go away with the test."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from tests.conftest import EmbeddedServer


@pytest.fixture(scope="session")
def dev(workspace: EmbeddedServer) -> WorkspaceClient:
    return workspace.client("dev")


@pytest.fixture
def make(dev: WorkspaceClient) -> Iterator[Callable[..., str]]:
    """Create a pipeline, by a name of its own unless one is given; its id."""
    from databricks.sdk.errors import NotFound

    made: list[str] = []

    def create(**settings: Any) -> str:
        settings.setdefault("name", f"pipeline-{uuid.uuid4().hex[:8]}")
        got = dev.pipelines.create(**settings)
        made.append(str(got.pipeline_id))
        return made[-1]

    yield create
    for one in made:
        with contextlib.suppress(NotFound):
            dev.pipelines.delete(one)
