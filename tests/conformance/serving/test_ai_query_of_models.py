"""`ai_query` of custom models: columns and structures in, the signature's type or `returnType` out.

Follows the page of `ai_query`, its examples for custom and traditional models.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from serving_models import Served

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.documented]

PRICES = """
import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

class Prices(PythonModel):
    def predict(self, context, model_input, params=None):
        if (model_input["rooms"] < 0).any():
            raise ValueError("no house has so few rooms")
        factor = float((params or {}).get("factor", 1.0))
        price = (model_input["rooms"] * 100.0 + model_input["area"]) * factor
        return pd.DataFrame({"price": price, "label": model_input["city"].str.upper()})

mlflow.models.set_model(Prices())
"""

Rows = Callable[[str], Any]


@pytest.fixture(scope="module")
def endpoint(served: Served) -> str:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    signature = ModelSignature(
        inputs=Schema(
            [ColSpec("double", "rooms"), ColSpec("double", "area"), ColSpec("string", "city")]
        ),
        outputs=Schema([ColSpec("double", "price"), ColSpec("string", "label")]),
        params=ParamSchema([ParamSpec("factor", "double", 1.0)]),
    )
    model = served.register("prices", PRICES, signature=signature)
    return served.create({"name": "it", "entity_name": model, "entity_version": "1"})


@pytest.fixture(scope="module")
def rows(workspace: Any) -> Rows:
    """Runs a statement on the starter warehouse; its rows, or the error as text."""
    client = workspace.client("dev")
    warehouse = str(next(iter(client.warehouses.list())).id)

    def run(sql: str) -> Any:
        api = client.statement_execution
        done = api.execute_statement(sql, warehouse, wait_timeout="50s")
        while done.status.state.value in ("PENDING", "RUNNING"):
            done = api.get_statement(done.statement_id)
        return done.status.error.message if done.status.error else done.result.data_array

    return run


HOUSES = "VALUES (1, 2D, 50D, 'rome'), (2, 3D, 70D, 'oslo'), (3, {bad}D, 1D, 'void')"
ASKED = "named_struct('rooms', rooms, 'area', area, 'city', city)"


def houses(bad: int = 1) -> str:
    return HOUSES.format(bad=bad) + " AS h(id, rooms, area, city)"


def test_structures_in_the_signatures_type_out(endpoint: str, rows: Rows) -> None:
    found = rows(
        f"SELECT answer.price, answer.label FROM (SELECT id, ai_query('{endpoint}',"
        f" request => {ASKED}) AS answer FROM {houses()}) ORDER BY id"
    )
    assert found == [["250.0", "ROME"], ["370.0", "OSLO"], ["101.0", "VOID"]]


def test_a_return_type_and_parameters(endpoint: str, rows: Rows) -> None:
    found = rows(
        f"SELECT to_json(ai_query('{endpoint}', {ASKED}, returnType => 'STRUCT<price: DOUBLE>',"
        f" modelParameters => named_struct('factor', 2D))) FROM {houses()} ORDER BY id"
    )
    assert [json.loads(one) for (one,) in found] == [
        {"price": 500.0},
        {"price": 740.0},
        {"price": 202.0},
    ]


def test_a_row_that_fails_fails_the_statement_or_itself(endpoint: str, rows: Rows) -> None:
    asked = f"ai_query('{endpoint}', {ASKED}"
    assert "AI_FUNCTION_HTTP_REQUEST_ERROR" in rows(f"SELECT {asked}) FROM {houses(-1)}")
    found = rows(
        f"SELECT a.result.price, a.errorMessage FROM (SELECT id, {asked}, failOnError => false)"
        f" AS a FROM {houses(-1)}) ORDER BY id"
    )
    assert [one[0] for one in found] == ["250.0", "370.0", None]
    assert [one[1] is None for one in found[:2]] == [True, True]
    assert "BAD_REQUEST" in found[2][1]
    assert "does not exist" in rows(f"SELECT ai_query('nowhere', {ASKED}) FROM {houses()}")


def test_the_same_from_spark(workspace: Any, endpoint: str, rows: Rows) -> None:
    from pyspark.sql.connect.session import SparkSession

    assert rows("SELECT 1") == [["1"]]
    port = json.loads((workspace.home / "run" / "spark-connect.json").read_text())["port"]
    url = f"sc://localhost:{port}/;token={workspace.token('dev')}"
    session = SparkSession.builder.remote(url).create()
    try:
        frame = session.createDataFrame(
            [(2.0, 50.0, "rome")], "rooms DOUBLE, area DOUBLE, city STRING"
        )
        asked = frame.selectExpr(f"ai_query('{endpoint}', {ASKED}) AS answer")
        assert asked.select("answer.price", "answer.label").collect() == [(250.0, "ROME")]
    finally:
        session.stop()
