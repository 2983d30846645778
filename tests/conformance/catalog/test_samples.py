"""The catalog that tutorials and the official templates read."""

from __future__ import annotations

import time
from typing import Any

import pytest
from databricks.sdk.errors import PermissionDenied

pytestmark = [pytest.mark.slow]


def run_sql(client: Any, text: str) -> Any:
    warehouse = next(iter(client.warehouses.list())).id
    return client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")


@pytest.fixture
def samples(workspace: Any) -> str:
    """There, a moment after the first start."""
    client = workspace.client()
    deadline = time.monotonic() + 120

    def is_there() -> bool:
        if "samples" not in {one.name for one in client.catalogs.list()}:
            return False
        return "wanderbricks" in {one.name for one in client.schemas.list("samples")}

    while not is_there():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return "samples"


@pytest.mark.recorded
@pytest.mark.parametrize("at", ["dev", "staging", "prod"])
def test_trips_are_read_everywhere(workspace: Any, samples: str, at: str) -> None:
    client = workspace.client(at)
    found = client.tables.get(f"{samples}.nyctaxi.trips")
    assert [(one.name, one.type_name.value) for one in found.columns] == [
        ("tpep_pickup_datetime", "TIMESTAMP"),
        ("tpep_dropoff_datetime", "TIMESTAMP"),
        ("trip_distance", "DOUBLE"),
        ("fare_amount", "DOUBLE"),
        ("pickup_zip", "INT"),
        ("dropoff_zip", "INT"),
    ]
    facts = (
        "count(*), min(tpep_pickup_datetime) >= '2016-01-01', max(fare_amount) < 500,"
        " bool_and(tpep_dropoff_datetime > tpep_pickup_datetime)"
    )
    told = run_sql(client, f"SELECT {facts} FROM {samples}.nyctaxi.trips")
    assert told.result.data_array == [["21932", "true", "true", "true"]]


@pytest.mark.recorded
def test_the_benchmark_and_the_bakery_answer(workspace: Any, samples: str) -> None:
    client = workspace.client()
    tables = {
        schema: {one.name for one in client.tables.list(samples, schema)}
        for schema in ("tpch", "bakehouse")
    }
    assert tables["tpch"] == {
        *("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"),
    }
    assert {"sales_transactions", "media_customer_reviews"} < tables["bakehouse"]
    columns = client.tables.get(f"{samples}.tpch.orders").columns
    assert [(one.name, one.type_text) for one in columns][:4] == [
        ("o_orderkey", "bigint"),
        ("o_custkey", "bigint"),
        ("o_orderstatus", "string"),
        ("o_totalprice", "decimal(18,2)"),
    ]
    # What an order costs, whether it is open, and who has which part.
    orders = run_sql(
        client,
        """SELECT count(*), bool_and(abs(o_totalprice - charge) < 1),
          bool_and(o_orderstatus = CASE open WHEN 0 THEN 'F' WHEN lines THEN 'O' ELSE 'P' END)
        FROM samples.tpch.orders JOIN (
          SELECT l_orderkey, count(*) AS lines, count_if(l_linestatus = 'O') AS open,
            sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS charge
          FROM samples.tpch.lineitem
          JOIN samples.tpch.partsupp ON l_partkey = ps_partkey AND l_suppkey = ps_suppkey
          GROUP BY l_orderkey) ON o_orderkey = l_orderkey""",
    )
    assert orders.result.data_array == [["15000", "true", "true"]]
    sold = run_sql(
        client,
        """SELECT count(*), bool_and(totalPrice = quantity * unitPrice),
          count(DISTINCT f.country) > 3
        FROM samples.bakehouse.sales_transactions t
        JOIN samples.bakehouse.sales_franchises f USING (franchiseID)
        JOIN samples.bakehouse.sales_customers c USING (customerID)
        JOIN samples.bakehouse.sales_suppliers s ON s.supplierID = f.supplierID""",
    )
    assert sold.result.data_array == [["3333", "true", "true"]]


@pytest.mark.belief
def test_the_holiday_homes_answer(workspace: Any, samples: str) -> None:
    client = workspace.client()
    tables = {one.name for one in client.tables.list(samples, "wanderbricks")}
    assert len(tables) == 16
    assert {"bookings", "booking_updates", "customer_support_logs", "page_views"} < tables
    whole = run_sql(
        client,
        """SELECT count(*), bool_and(b.check_out > b.check_in), bool_and(b.total_amount > 0),
          count(DISTINCT c.continent) > 3, count(DISTINCT h.host_id) > 100
        FROM samples.wanderbricks.bookings b
        JOIN samples.wanderbricks.users u USING (user_id)
        JOIN samples.wanderbricks.properties p ON p.property_id = b.property_id
        JOIN samples.wanderbricks.hosts h ON h.host_id = p.host_id
        JOIN samples.wanderbricks.destinations d ON d.destination_id = p.destination_id
        JOIN samples.wanderbricks.countries c ON c.country = d.country""",
    )
    assert whole.result.data_array == [["4000", "true", "true", "true", "true"]]
    nested = run_sql(
        client,
        """SELECT count(DISTINCT metadata.device),
          (SELECT count(DISTINCT m.sender) FROM samples.wanderbricks.customer_support_logs
            LATERAL VIEW explode(messages) t AS m),
          (SELECT count(*) FROM samples.wanderbricks.booking_updates
            JOIN samples.wanderbricks.payments USING (booking_id)) > 0
        FROM samples.wanderbricks.clickstream""",
    )
    assert nested.result.data_array == [["3", "2", "true"]]


@pytest.mark.recorded
def test_nobody_writes_them(workspace: Any, samples: str) -> None:
    for client in (workspace.client("dev"), workspace.client("prod")):
        told = run_sql(client, f"DELETE FROM {samples}.nyctaxi.trips")
        assert "PERMISSION_DENIED" in told.status.error.message
        with pytest.raises(PermissionDenied):
            client.schemas.create(name="mine", catalog_name=samples)
