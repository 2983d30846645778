"""Staging under the same rule: it reads prod, writes neither it nor dev, and does not see dev."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from databricks.sdk.errors import DatabricksError, PermissionDenied
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.sql import StatementState

pytestmark = [pytest.mark.documented, pytest.mark.slow]


def run_sql(client: Any, text: str) -> Any:
    warehouse = next(iter(client.warehouses.list())).id
    return client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")


@pytest.fixture
def schema(workspace: Any) -> str:
    """A schema of this name in every catalog, with a table and a volume."""
    name = f"area_{uuid.uuid4().hex[:8]}"
    for at in ("dev", "staging", "prod"):
        client = workspace.client(at)
        client.schemas.create(name=name, catalog_name=at)
        made = run_sql(client, f"CREATE TABLE {at}.{name}.t AS SELECT id FROM range(3)")
        assert made.status.state is StatementState.SUCCEEDED, made.status.error
        client.volumes.create(at, name, "v", VolumeType.MANAGED)
    return name


def test_staging_reads_prod_and_writes_its_own_catalog_only(workspace: Any, schema: str) -> None:
    client = workspace.client("staging")
    for catalog in ("staging", "prod"):
        read = run_sql(client, f"SELECT sum(id) FROM {catalog}.{schema}.t")
        assert read.result.data_array == [["3"]]
    own = run_sql(client, f"INSERT INTO staging.{schema}.t VALUES (9)")
    assert own.status.state is StatementState.SUCCEEDED
    client.files.upload(f"/Volumes/staging/{schema}/v/x", io.BytesIO(b"x"))
    for catalog in ("dev", "prod"):
        refused = run_sql(client, f"INSERT INTO {catalog}.{schema}.t VALUES (9)")
        assert refused.status.state is StatementState.FAILED
        assert "PERMISSION_DENIED" in refused.status.error.message
        with pytest.raises(PermissionDenied):
            client.files.upload(f"/Volumes/{catalog}/{schema}/v/x", io.BytesIO(b"x"))
        with pytest.raises(PermissionDenied):
            client.registered_models.create(catalog_name=catalog, schema_name=schema, name="m")


def test_neither_staging_nor_prod_see_dev(workspace: Any, schema: str) -> None:
    for at in ("staging", "prod"):
        client = workspace.client(at)
        assert run_sql(client, f"SELECT * FROM dev.{schema}.t").status.sql_state == "42501"
        assert "dev" not in {one.name for one in client.catalogs.list()}
        with pytest.raises(DatabricksError):
            client.tables.get(f"dev.{schema}.t")
