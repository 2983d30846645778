"""A bundle with a pipeline, from its deployment over two runs to its end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_under_test import BundleUnderTest

BUNDLE = """\
bundle:
  name: {name}
resources:
  schemas:
    sales: {{catalog_name: dev, name: {name}}}
  pipelines:
    etl:
      name: {name}
      catalog: dev
      schema: ${{resources.schemas.sales.name}}
      serverless: true
      root_path: ./src
      configuration: {{least: "0"}}
      libraries:
        - glob: {{include: ./src/tables/**}}
  jobs:
    nightly:
      name: {name} nightly
      tasks:
        - task_key: etl
          pipeline_task: {{pipeline_id: "${{resources.pipelines.etl.id}}"}}
targets:
  dev: {{default: true}}
"""
PYTHON = """\
from pyspark import pipelines as dp
from shared import OF_INTEREST

@dp.table
@dp.expect_or_drop("of interest", OF_INTEREST)
def orders():
    return spark.readStream.table("{raw}")
"""
SQL = """\
CREATE OR REFRESH MATERIALIZED VIEW totals AS
SELECT customer, sum(amount) AS total FROM orders GROUP BY customer;
CREATE OR REFRESH STREAMING TABLE dear AS
SELECT id FROM STREAM(orders) WHERE amount > ${least} + 5;
"""


@pytest.fixture
def bundle(tmp_path: Path, workspace: Any) -> Iterator[BundleUnderTest]:
    name = f"etl_{uuid.uuid4().hex[:8]}"
    tables = tmp_path / "src" / "tables"
    tables.mkdir(parents=True)
    (tmp_path / "databricks.yml").write_text(BUNDLE.format(name=name))
    (tmp_path / "src" / "shared.py").write_text("OF_INTEREST = 'amount > 0'\n")
    (tables / "orders.py").write_text(PYTHON.format(raw=f"dev.default.{name}_raw"))
    (tables / "gold.sql").write_text(SQL)
    environment = workspace.environment("dev")
    made = BundleUnderTest(folder=tmp_path, name=name, environment=environment)
    yield made
    made("destroy", "--auto-approve", code=None)


@pytest.mark.slow
def test_a_pipeline_is_deployed_run_twice_and_destroyed(
    bundle: BundleUnderTest, workspace: Any
) -> None:
    client = workspace.client("dev")
    warehouse = next(iter(client.warehouses.list())).id
    raw = f"dev.default.{bundle.name}_raw"

    def sql(statement: str) -> Any:
        got = client.statement_execution.execute_statement(statement, warehouse, wait_timeout="50s")
        assert got.status.error is None, got.status.error
        return got.result.data_array if got.result else None

    sql(f"CREATE TABLE {raw} (id INT, customer STRING, amount INT)")
    sql(f"INSERT INTO {raw} VALUES (1, 'ann', 10), (2, 'ann', -3), (3, 'bob', 2)")
    bundle("deploy")
    assert "0 to add, 0 to change, 0 to delete" in bundle("plan").out

    checked = bundle("run", "etl", "--validate-only", "-o", "json")
    assert set(checked.data) == {"update_id"}
    first = bundle("run", "etl")
    assert "has COMPLETED" in first.err
    assert first.out.startswith("Update ID: ")
    totals = f"SELECT * FROM dev.{bundle.name}.totals ORDER BY customer"
    assert sql(totals) == [["ann", "10"], ["bob", "2"]]

    sql(f"INSERT INTO {raw} VALUES (4, 'bob', 9), (5, 'cid', 0)")
    ended = bundle("run", "nightly")
    assert "TERMINATED SUCCESS" in ended.err
    assert sql(totals) == [["ann", "10"], ["bob", "11"]]
    history = sql(f"DESCRIBE HISTORY dev.{bundle.name}.dear")
    assert [row[4] for row in history] == ["WRITE", "WRITE", "CREATE TABLE"]
    assert sql(f"SELECT id FROM dev.{bundle.name}.dear ORDER BY id") == [["1"], ["4"]]
    (pipeline,) = client.pipelines.list_pipelines(filter=f"name LIKE '%{bundle.name}'")
    got = client.api_client.do(
        "GET",
        f"/api/2.0/pipelines/{pipeline.pipeline_id}/events",
        query={"filter": "event_type = 'flow_progress'", "order_by": "timestamp asc"},
    )
    told = [event["details"]["flow_progress"] for event in got["events"]]
    dropped = [one["data_quality"]["dropped_records"] for one in told if "data_quality" in one]
    assert dropped == [1, 1]

    sql(f"UPDATE {raw} SET amount = 1 WHERE id = 1")
    failed = bundle("run", "etl", code=1)
    assert "Error: update failed: [DELTA_SOURCE_TABLE_IGNORE_CHANGES]" in failed.err
    bundle("run", "etl", "--full-refresh", "orders,dear", "--full-refresh-all", code=1)
    bundle("run", "etl", "--full-refresh", "orders,dear", "--refresh", "totals")
    assert sql(totals) == [["ann", "1"], ["bob", "11"]]

    bundle("destroy", "--auto-approve")
    assert not list(client.pipelines.list_pipelines(filter=f"name LIKE '%{bundle.name}'"))
    sql(f"DROP TABLE {raw}")
