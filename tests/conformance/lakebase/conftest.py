"""The place that the tests of Lakebase share."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk.service.database import DatabaseInstance
from lake_place import Furnished


@pytest.fixture(scope="module")
def furnished(workspace: Any) -> Furnished:
    client = workspace.client("dev")
    suffix = uuid.uuid4().hex[:8]
    made = Furnished(
        client=client,
        house=str(next(iter(client.warehouses.list())).id),
        suffix=suffix,
        schema=f"dev.lake_{suffix}",
        instance=f"home-{suffix}",
    )
    client.schemas.create(f"lake_{suffix}", "dev")
    made.ask(f"CREATE TABLE {made.source} (id BIGINT, text STRING)")
    made.ask(f"INSERT INTO {made.source} VALUES (1, 'one')")
    client.database.create_database_instance(DatabaseInstance(name=made.instance))
    return made
