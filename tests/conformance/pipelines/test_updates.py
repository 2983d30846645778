"""Updates: what they make of Python and SQL sources, what they tell, and how they end."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceConflict
from databricks.sdk.service.pipelines import (
    EventLevel,
    FileLibrary,
    IngestionPipelineDefinition,
    PathPattern,
    PipelineEvent,
    PipelineLibrary,
    PipelineState,
    UpdateInfoState,
)
from databricks.sdk.service.workspace import ImportFormat

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from tests.conftest import EmbeddedServer

pytestmark = pytest.mark.documented
Make = Callable[..., str]
ENDED = (UpdateInfoState.COMPLETED, UpdateInfoState.FAILED, UpdateInfoState.CANCELED)
LIMIT_S = 120

BRONZE = """
import dlt
from pyspark.sql import functions as F
from helpers import doubled

@dlt.expect("has amount", "amount IS NOT NULL")
@dlt.table(comment="as they come", table_properties={"quality": "bronze"})
def orders():
    return spark.readStream.table("SCHEMA.raw")

@dlt.table
@dlt.expect_or_drop("positive", "amount > 0")
def good():
    return doubled(dlt.read_stream("orders")).withColumn("env", F.lit(spark.conf.get("env")))
"""
GOLD = """
CREATE OR REFRESH MATERIALIZED VIEW totals AS
  SELECT customer, sum(twice) AS twice, count(*) AS n FROM good GROUP BY customer;
CREATE TEMPORARY VIEW large AS SELECT * FROM STREAM(LIVE.good) WHERE amount > ${least};
CREATE OR REFRESH STREAMING TABLE large_orders (
  CONSTRAINT known EXPECT (customer IS NOT NULL) ON VIOLATION DROP ROW
) AS SELECT id, customer FROM STREAM large;
CREATE OR REFRESH STREAMING TABLE latest;
APPLY CHANGES INTO latest FROM STREAM(orders) KEYS (customer)
  APPLY AS DELETE WHEN amount < 0 SEQUENCE BY id STORED AS SCD TYPE 1;
"""
HELPERS = "def doubled(frame):\n    return frame.withColumn('twice', frame.amount * 2)\n"


class Sql:
    """Statements on the workspace's warehouse."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client
        self._warehouse = str(next(iter(client.warehouses.list())).id)

    def __call__(self, statement: str) -> list[list[Any]]:
        got = self._client.statement_execution.execute_statement(
            statement, self._warehouse, wait_timeout="50s"
        )
        assert got.status.error is None, got.status.error
        return (got.result.data_array or []) if got.result else []


@pytest.fixture
def sql(dev: WorkspaceClient) -> Sql:
    return Sql(dev)


@pytest.fixture
def schema(sql: Sql) -> Iterator[str]:
    name = f"dev.p{uuid.uuid4().hex[:8]}"
    sql(f"CREATE SCHEMA {name}")
    yield name
    sql(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def put(dev: WorkspaceClient) -> Iterator[Callable[..., str]]:
    """Upload sources into a folder of their own; its path."""
    folder = f"/Workspace/Shared/pipeline-{uuid.uuid4().hex[:8]}"

    def upload(**files: str) -> str:
        dev.workspace.mkdirs(folder)
        for name, text in files.items():
            path = f"{folder}/{name.replace('_dot_', '.')}"
            dev.workspace.upload(
                path, io.BytesIO(text.encode()), format=ImportFormat.RAW, overwrite=True
            )
        return folder

    yield upload
    dev.workspace.delete(folder, recursive=True)


def settle(client: WorkspaceClient, pipeline: str, update: str) -> UpdateInfoState:
    """The state in which the update ended."""
    for _ in range(LIMIT_S * 5):
        state = client.pipelines.get_update(pipeline, update).update.state
        if state in ENDED:
            return state
        time.sleep(0.2)
    raise AssertionError(f"the update is still {state}")


def run(client: WorkspaceClient, pipeline: str, **request: Any) -> UpdateInfoState:
    begun = client.pipelines.start_update(pipeline, **request)
    return settle(client, pipeline, str(begun.update_id))


def failures(client: WorkspaceClient, pipeline: str) -> list[PipelineEvent]:
    return list(client.pipelines.list_pipeline_events(pipeline, filter="level = 'ERROR'"))


def progress_of(client: WorkspaceClient, pipeline: str, flow: str) -> dict[str, Any]:
    """The details of the newest event of a flow that has completed."""
    got = client.api_client.do(
        "GET",
        f"/api/2.0/pipelines/{pipeline}/events",
        query={"filter": "event_type = 'flow_progress'", "max_results": 250},
    )
    for event in got["events"]:
        details = event["details"]["flow_progress"]
        if event["origin"]["flow_name"] == flow and details["status"] == "COMPLETED":
            return dict(details)
    raise AssertionError(f"no event says that {flow} completed")


@pytest.mark.slow
def test_an_update_makes_tables_and_the_next_one_takes_what_is_new(
    dev: WorkspaceClient, make: Make, sql: Sql, schema: str, put: Callable[..., str]
) -> None:
    sql(f"CREATE TABLE {schema}.raw (id INT, customer STRING, amount DOUBLE)")
    sql(f"INSERT INTO {schema}.raw VALUES (1, 'ann', 10), (2, 'bob', -1), (3, NULL, 5)")
    sql(f"INSERT INTO {schema}.raw VALUES (4, 'ann', NULL)")
    bronze = BRONZE.replace("SCHEMA", schema)
    folder = put(bronze_dot_py=bronze, gold_dot_sql=GOLD)
    dev.workspace.mkdirs(f"{folder}/lib")
    dev.workspace.upload(
        f"{folder}/lib/helpers.py", io.BytesIO(HELPERS.encode()), format=ImportFormat.RAW
    )
    catalog, name = schema.split(".")
    one = make(
        catalog=catalog,
        schema=name,
        root_path=f"{folder}/lib",
        configuration={"least": "6", "env": "test"},
        libraries=[
            PipelineLibrary(glob=PathPattern(f"{folder}/*.sql")),
            PipelineLibrary(file=FileLibrary(f"{folder}/bronze.py")),
        ],
    )
    assert run(dev, one, validate_only=True) is UpdateInfoState.COMPLETED
    with pytest.raises(NotFound):
        dev.tables.get(f"{schema}.orders")

    assert run(dev, one) is UpdateInfoState.COMPLETED, failures(dev, one)
    good = f"SELECT id, twice, env FROM {schema}.good ORDER BY id"
    assert sql(good) == [["1", "20.0", "test"], ["3", "10.0", "test"]]
    totals = sql(f"SELECT * FROM {schema}.totals ORDER BY n, twice")
    assert totals == [[None, "10.0", "1"], ["ann", "20.0", "1"]]
    assert sql(f"SELECT * FROM {schema}.large_orders") == [["1", "ann"]]
    assert sql(f"SELECT customer, id FROM {schema}.latest WHERE customer IS NOT NULL") == [
        ["ann", "4"]
    ]
    table = dev.tables.get(f"{schema}.orders")
    assert (table.comment, table.properties["quality"]) == ("as they come", "bronze")
    assert progress_of(dev, one, f"{schema}.orders") == {
        "status": "COMPLETED",
        "metrics": {"num_output_rows": 4},
        "data_quality": {
            "dropped_records": 0,
            "expectations": [
                {
                    "name": "has amount",
                    "dataset": "orders",
                    "passed_records": 3,
                    "failed_records": 1,
                }
            ],
        },
    }
    assert progress_of(dev, one, f"{schema}.good")["data_quality"]["dropped_records"] == 2

    sql(f"INSERT INTO {schema}.raw VALUES (5, 'bob', 7)")
    assert run(dev, one) is UpdateInfoState.COMPLETED, failures(dev, one)
    assert progress_of(dev, one, f"{schema}.good")["metrics"] == {"num_output_rows": 1}
    assert [row[0] for row in sql(good)] == ["1", "3", "5"]
    assert sql(f"SELECT n FROM {schema}.totals WHERE customer = 'bob'") == [["1"]]
    assert sql(f"SELECT id FROM {schema}.latest WHERE customer = 'bob'") == [["5"]]

    sql(f"DELETE FROM {schema}.raw WHERE id = 1")
    assert run(dev, one) is UpdateInfoState.FAILED
    fault = failures(dev, one)[-1]
    assert fault.origin.flow_name == f"{schema}.orders"
    assert "full refresh" in fault.error.exceptions[0].message
    assert run(dev, one, full_refresh=True) is UpdateInfoState.COMPLETED, failures(dev, one)
    assert [row[0] for row in sql(good)] == ["3", "5"]
    dev.pipelines.delete(one)
    assert [str(t.name) for t in dev.tables.list(catalog, name)] == ["raw"]


@pytest.mark.slow
def test_failures_are_told_and_stop_only_what_depends_on_them(
    dev: WorkspaceClient, make: Make, sql: Sql, schema: str, put: Callable[..., str]
) -> None:
    text = """
from pyspark import pipelines as dp

@dp.materialized_view
def fine():
    return spark.range(3)

@dp.materialized_view
@dp.expect_or_fail("small", "id < 2")
def broken():
    return spark.read.table("fine")

@dp.materialized_view
def after():
    return spark.sql("SELECT id FROM broken")
"""
    path = f"{put(source_dot_py=text)}/source.py"
    catalog, name = schema.split(".")
    library = [PipelineLibrary(file=FileLibrary(path))]
    one = make(catalog=catalog, schema=name, libraries=library)
    assert run(dev, one) is UpdateInfoState.FAILED
    assert sql(f"SELECT count(*) FROM {schema}.fine") == [["3"]]
    assert {str(t.name) for t in dev.tables.list(catalog, name)} == {"fine"}
    last, first = failures(dev, one)
    assert (first.event_type, last.event_type) == ("flow_progress", "update_progress")
    assert "Violated expectations: 'small'; 1 of 3" in first.error.exceptions[0].message
    skipped = list(dev.pipelines.list_pipeline_events(one, filter="level in ('WARN')"))
    assert [event.origin.flow_name for event in skipped] == [f"{schema}.after"]
    assert dev.pipelines.get(one).state is PipelineState.IDLE

    path = put(source_dot_py=text.replace("SELECT id", "SELECT nope"))
    assert run(dev, one, validate_only=True) is UpdateInfoState.FAILED
    newest = failures(dev, one)[1]
    assert (newest.origin.flow_name, "nope" in newest.error.exceptions[0].message) == (
        f"{schema}.after",
        True,
    )
    sql(f"CREATE TABLE {schema}.taken (id INT)")
    put(
        source_dot_py="from pyspark import pipelines as dp\n\n@dp.table\ndef taken():\n"
        "    return spark.range(1)\n"
    )
    assert run(dev, one) is UpdateInfoState.FAILED
    assert "table already exists" in failures(dev, one)[1].error.exceptions[0].message


@pytest.mark.slow
def test_one_update_at_a_time_and_stopping_it(
    dev: WorkspaceClient, make: Make, put: Callable[..., str]
) -> None:
    folder = put(slow_dot_py="import time\ntime.sleep(300)\n")
    one = make(catalog="dev", libraries=[PipelineLibrary(file=FileLibrary(f"{folder}/slow.py"))])
    begun = str(dev.pipelines.start_update(one).update_id)
    with pytest.raises(ResourceConflict, match="An active update"):
        dev.pipelines.start_update(one)
    assert dev.pipelines.get(one).state in (PipelineState.STARTING, PipelineState.RUNNING)
    dev.pipelines.stop_and_wait(one)
    assert settle(dev, one, begun) is UpdateInfoState.CANCELED
    assert [u.update_id for u in dev.pipelines.list_updates(one).updates] == [begun]
    pages = dev.pipelines.list_pipeline_events(one, max_results=1, order_by=["timestamp asc"])
    kinds = [(event.event_type, event.level) for event in pages]
    assert kinds[0] == ("create_update", EventLevel.INFO)
    assert len(kinds) == len(list(dev.pipelines.list_pipeline_events(one)))
    with pytest.raises(NotFound, match="The specified update other was not found"):
        dev.pipelines.get_update(one, "other")
    with pytest.raises(InvalidParameterValue, match="cannot be filtered by"):
        list(dev.pipelines.list_pipeline_events(one, filter="colour = 'red'"))


def test_what_cannot_run_is_refused_by_name(dev: WorkspaceClient, make: Make) -> None:
    ingestion = make(
        catalog="dev",
        schema="default",
        ingestion_definition=IngestionPipelineDefinition(connection_name="crm"),
    )
    with pytest.raises(InvalidParameterValue, match="ingestion_definition"):
        dev.pipelines.start_update(ingestion)
    with pytest.raises(InvalidParameterValue, match="no libraries"):
        dev.pipelines.start_update(make())


@pytest.mark.slow
def test_a_killed_workspace_shows_no_update_that_runs_forever(
    own_workspace: EmbeddedServer,
) -> None:
    client = own_workspace.client("dev")
    text = io.BytesIO(b"import time\ntime.sleep(300)\n")
    client.workspace.upload("/Shared/slow.py", text, format=ImportFormat.RAW)
    library = PipelineLibrary(file=FileLibrary("/Workspace/Shared/slow.py"))
    one = str(client.pipelines.create(name="slow", libraries=[library]).pipeline_id)
    begun = str(client.pipelines.start_update(one).update_id)
    own_workspace.kill()
    own_workspace.start()
    client = own_workspace.client("dev")
    assert client.pipelines.get_update(one, begun).update.state is UpdateInfoState.FAILED
    assert client.pipelines.get(one).state is PipelineState.IDLE
    assert "while the update was under way" in failures(client, one)[0].error.exceptions[0].message
