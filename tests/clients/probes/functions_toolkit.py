"""Functions of Unity Catalog as tools, with unitycatalog-ai and unitycatalog-openai."""

from __future__ import annotations

from databricks.sdk import WorkspaceClient
from place import SCHEMA, refusal
from unitycatalog.ai.core.databricks import DatabricksFunctionClient
from unitycatalog.ai.core.utils.callable_utils import generate_sql_function_body
from unitycatalog.ai.openai.toolkit import UCFunctionToolkit

CLIENT = "unitycatalog-ai"

CATALOG, NAME = SCHEMA.split(".")
workspace = WorkspaceClient()
WAREHOUSE = next(iter(workspace.warehouses.list())).id
client = DatabricksFunctionClient(client=workspace, warehouse_id=WAREHOUSE)


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
