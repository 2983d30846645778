"""What tests of vector search share: a schema and an endpoint."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.service.vectorsearch import EndpointType
from search_place import Place


@pytest.fixture(scope="module")
def place(workspace: Any) -> Iterator[Place]:
    client = workspace.client("dev")
    suffix = uuid.uuid4().hex[:8]
    client.schemas.create(f"vs_{suffix}", "dev")
    endpoint = client.vector_search_endpoints.create_endpoint_and_wait(
        f"vs-{suffix}", EndpointType.STANDARD
    )
    yield Place(client, f"dev.vs_{suffix}", str(endpoint.name))
    client.vector_search_endpoints.delete_endpoint(str(endpoint.name))
    client.schemas.delete(f"dev.vs_{suffix}", force=True)
