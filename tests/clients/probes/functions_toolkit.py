"""Functions of Unity Catalog as tools, with unitycatalog-ai and unitycatalog-openai."""

from __future__ import annotations

import os

from databricks.sdk import WorkspaceClient
from place import SCHEMA, TLS_BUNDLE, TLS_HOST, TOKEN, refusal
from unitycatalog.ai.core.databricks import DatabricksFunctionClient
from unitycatalog.ai.core.utils.callable_utils import generate_sql_function_body
from unitycatalog.ai.openai.toolkit import UCFunctionToolkit

CLIENT = "unitycatalog-ai"

CATALOG, NAME = SCHEMA.split(".")
workspace = WorkspaceClient()
WAREHOUSE = next(iter(workspace.warehouses.list())).id
client = DatabricksFunctionClient(client=workspace, warehouse_id=WAREHOUSE)
# What `brickyard env --tls` exports; gRPC reads its own when the first channel is made.
os.environ |= dict.fromkeys(
    ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"), TLS_BUNDLE
)


def sql(text: str) -> None:
    done = workspace.statement_execution.execute_statement(text, WAREHOUSE, wait_timeout="50s")
    assert done.status.error is None, done.status.error


def add_up(numbers: list[int], factor: float = 2.0) -> float:
    """
    Adds numbers and multiplies their sum.

    Args:
        numbers (list[int]): what to add
        factor (float): what to multiply by

    Returns:
        float: the product
    """
    return sum(numbers) * factor


def probe_create() -> None:
    """the statement that create_python_function makes of a Python function"""
    sql(generate_sql_function_body(add_up, CATALOG, NAME, True))
    found = client.get_function(f"{SCHEMA}.add_up")
    assert [one.name for one in found.input_params.parameters] == ["numbers", "factor"]
    assert found.input_params.parameters[1].parameter_default == "2.0"
    assert "Adds numbers" in found.comment


def probe_execute() -> None:
    """execute_function: Python and SQL, scalars, defaults, lists, tables, errors"""
    sql(f"CREATE FUNCTION {SCHEMA}.half(x DOUBLE) RETURNS DOUBLE RETURN x / 2")
    sql(
        f"CREATE FUNCTION {SCHEMA}.upto(n BIGINT) RETURNS TABLE (id BIGINT) RETURN "
        "SELECT id FROM range(10) WHERE id < n"
    )
    added = client.execute_function(f"{SCHEMA}.add_up", {"numbers": [1, 2]})
    assert added.value == "6.0", added
    asked = {"numbers": [1, 2], "factor": 0.5}
    assert client.execute_function(f"{SCHEMA}.add_up", asked).value == "1.5"
    assert client.execute_function(f"{SCHEMA}.half", {"x": 5.0}).value == "2.5"
    table = client.execute_function(f"{SCHEMA}.upto", {"n": 2})
    assert (table.format, table.value) == ("CSV", "id\n0\n1\n")
    sql(f"CREATE FUNCTION {SCHEMA}.boom(x INT) RETURNS INT LANGUAGE PYTHON AS $$ return x / 0 $$")
    assert "ZeroDivisionError" in client.execute_function(f"{SCHEMA}.boom", {"x": 1}).error


def probe_toolkit() -> None:
    """UCFunctionToolkit: the tools of functions for a model"""
    toolkit = UCFunctionToolkit(function_names=[f"{SCHEMA}.add_up"], client=client)
    (tool,) = toolkit.tools
    shown = tool["function"]
    assert shown["name"] == f"{SCHEMA.replace('.', '__')}__add_up"
    assert set(shown["parameters"]["properties"]) == {"numbers", "factor"}


def probe_delete() -> None:
    """list_functions and delete_function"""
    listed = {one.name for one in client.list_functions(catalog=CATALOG, schema=NAME)}
    assert {"add_up", "half", "upto"} <= listed
    client.delete_function(f"{SCHEMA}.half")
    assert "does not exist" in refusal(lambda: client.get_function(f"{SCHEMA}.half"))


def serverless() -> DatabricksFunctionClient:
    """As most code makes one: its default is serverless compute, by Databricks Connect."""
    return DatabricksFunctionClient(client=WorkspaceClient(host=TLS_HOST, token=TOKEN))


def squared(x: int, note: str = "none") -> str:
    """
    Squares a number.

    Args:
        x (int): the number
        note (str): what to say with it

    Returns:
        str: both
    """
    return f"{x * x} {note}"


def probe_connect_create() -> None:
    """create_python_function by Databricks Connect over TLS, replace, wrapped functions"""
    made = serverless().create_python_function(func=squared, catalog=CATALOG, schema=NAME)
    assert made.full_name == f"{SCHEMA}.squared"
    assert [one.comment for one in made.input_params.parameters] == [
        "the number",
        "what to say with it",
    ]
    assert "already exists" in refusal(
        lambda: serverless().create_python_function(func=squared, catalog=CATALOG, schema=NAME)
    )
    again = serverless().create_python_function(
        func=squared, catalog=CATALOG, schema=NAME, replace=True
    )
    assert again.full_name == made.full_name
    wrapped = serverless().create_wrapped_function(
        primary_func=add_up, functions=[squared], catalog=CATALOG, schema=NAME, replace=True
    )
    assert wrapped.full_name == f"{SCHEMA}.add_up"


def probe_connect_execute() -> None:
    """create_function(sql_function_body) and execute_function in serverless mode"""
    client = serverless()
    made = client.create_function(
        sql_function_body=f"CREATE FUNCTION {SCHEMA}.thrice(x BIGINT) RETURNS BIGINT RETURN x * 3"
    )
    assert made.full_name == f"{SCHEMA}.thrice"
    assert client.execute_function(f"{SCHEMA}.thrice", {"x": 5}).value == "15"
    assert client.execute_function(f"{SCHEMA}.squared", {"x": 3}).value == "9 none"
    asked = {"x": 3, "note": "it's"}
    assert client.execute_function(f"{SCHEMA}.squared", asked).value == "9 it's"


def probe_connect_frames() -> None:
    """Databricks Connect itself, serverless: frames, tables, errors, a wrong token"""
    from databricks.connect import DatabricksSession

    config = WorkspaceClient(host=TLS_HOST, token=TOKEN).config
    config.serverless_compute_id = "auto"
    spark = DatabricksSession.builder.sdkConfig(config).getOrCreate()
    frame = spark.range(1000).selectExpr("id", "id % 3 AS part")
    counts = {row["part"]: row["count"] for row in frame.groupBy("part").count().collect()}
    assert counts == {0: 334, 1: 333, 2: 333}
    frame.write.mode("overwrite").saveAsTable(f"{SCHEMA}.frames")
    assert spark.table(f"{SCHEMA}.frames").count() == 1000
    assert "TABLE_OR_VIEW_NOT_FOUND" in refusal(lambda: spark.table(f"{SCHEMA}.gone").collect())
    wrong = WorkspaceClient(host=TLS_HOST, token="dapi0123").config
    wrong.serverless_compute_id = "auto"
    assert refusal(lambda: DatabricksSession.builder.sdkConfig(wrong).create().range(1).collect())
