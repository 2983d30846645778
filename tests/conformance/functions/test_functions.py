"""Functions of Unity Catalog: made, described, called, refused; in warehouses and Spark sessions.

Follows "CREATE FUNCTION (SQL and Python)" and "User-defined functions in Unity Catalog".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.catalog import ColumnTypeName
from databricks.sdk.service.sql import StatementParameterListItem
from tests.conformance.functions.conftest import Run, runner

pytestmark = pytest.mark.slow

Somebody = Callable[..., Any]

MADE = (
    "twice(x INT) RETURNS INT RETURN x * 2",
    """below(lim BIGINT) RETURNS TABLE (id BIGINT, name STRING)
    RETURN SELECT id, name FROM t WHERE id < lim""",
    "most(lim BIGINT) RETURNS BIGINT RETURN SELECT max(id) FROM t WHERE id < lim",
    "inferred(a INT) RETURN a + 0.5",
    """py(a INT COMMENT 'first', b STRING DEFAULT 'zz') RETURNS STRING
    LANGUAGE PYTHON COMMENT 'joins' AS $$
      # it's a comment; with 'a quote
      import os
      tokens = [name for name in os.environ if "TOKEN" in name]
      return None if a is None else f"{a}-{b}-{len(tokens)}"
    $$""",
    "boom(a INT) RETURNS INT LANGUAGE PYTHON AS $$\nx = 1\nreturn a / 0\n$$",
    """parts(s STRING, n INT) RETURNS TABLE (i INT, part STRING)
    LANGUAGE PYTHON HANDLER 'Parts' AS $$
    class Parts:
        def eval(self, s, n):
            for i, one in enumerate(s.split(",")):
                yield i, one * n
    $$""",
    """types(a ARRAY<INT>, m MAP<STRING, DOUBLE>, s STRUCT<x: INT, y: STRING>, d DATE,
    n DECIMAL(10,2), b BINARY) RETURNS STRUCT<r: STRING, l: ARRAY<DOUBLE>> LANGUAGE PYTHON AS $$
    return repr((a, m, s.x, s["y"], d.year, n, b)), [1, 2.5]
    $$""",
)


@pytest.fixture(scope="module")
def made(run: Run, schema: str) -> str:
    """The schema, with functions of every kind."""
    for statement in MADE:
        answer = run(f"CREATE OR REPLACE FUNCTION {schema}.{statement}")
        assert answer == [], answer
    return schema


@pytest.mark.documented
def test_functions_run_wherever_an_expression_or_a_table_may_stand(run: Run, made: str) -> None:
    for sql, rows in {
        "SELECT {s}.twice(21), {s}.twice(x => 4), {s}.inferred(1)": [["42", "8", "1.5"]],
        "SELECT id FROM {s}.t WHERE {s}.twice(id) > 4 ORDER BY id": [["3"], ["4"]],
        "SELECT {s}.py(1), {s}.py(b => 'k', a => 3), {s}.py(NULL)": [["1-zz-0", "3-k-0", None]],
        "SELECT {s}.py({s}.twice(id), name) FROM {s}.t WHERE id < 2 ORDER BY id": [
            ["0-n0-0"],
            ["2-n1-0"],
        ],
        "SELECT substr({s}.py(id), 3) k, count(*) FROM {s}.t GROUP BY k": [["zz-0", "5"]],
        "SELECT {s}.most(3)": [["2"]],
        "SELECT below.id, u.name FROM {s}.below(lim => 2) JOIN {s}.t u ON u.id = below.id "
        "ORDER BY 1": [["0", "n0"], ["1", "n1"]],
        "SELECT * FROM {s}.parts('a,b', 2) p": [["0", "aa"], ["1", "bb"]],
        "SELECT t.id, p.part FROM {s}.t, LATERAL {s}.parts(concat(t.name, ',x'), 1) p "
        "WHERE t.id = 1 ORDER BY 2": [["1", "n1"], ["1", "x"]],
        "SELECT {s}.types(array(1), map('a', 1.5D), named_struct('x', 1, 'y', 'z'), "
        "date'2024-01-02', 1.25, X'01').r": [
            ["([1], {'a': 1.5}, 1, 'z', 2024, Decimal('1.25'), b'\\x01')"]
        ],
    }.items():
        assert run(sql.replace("{s}", made)) == rows, sql


@pytest.mark.documented
def test_a_name_may_come_as_a_parameter_and_lie_in_the_current_schema(run: Run, made: str) -> None:
    catalog, schema = made.split(".")
    parameters = [
        StatementParameterListItem(name="f", value=f"{made}.twice"),
        StatementParameterListItem(name="x", value="7", type="INT"),
    ]
    assert run("SELECT IDENTIFIER(:f)(:x)", parameters=parameters) == [["14"]]
    assert run("SELECT twice(2)", catalog=catalog, schema=schema) == [["4"]]


@pytest.mark.documented
def test_functions_stand_in_views_and_in_what_is_written(run: Run, made: str) -> None:
    catalog, schema = made.split(".")
    where = {"catalog": catalog, "schema": schema}
    assert run("CREATE OR REPLACE VIEW v AS SELECT py(id, name) AS k FROM t", **where) == []
    assert run(f"SELECT * FROM {made}.v ORDER BY k LIMIT 1") == [["0-n0-0"]]
    created = run(f"CREATE TABLE {made}.c AS SELECT {made}.twice(id) AS k FROM t", **where)
    assert created == []
    assert run(f"INSERT INTO {made}.c SELECT {made}.twice(50)") == [["1", "1"]]
    assert run(f"SELECT max(k) FROM {made}.c") == [["100"]]


@pytest.mark.documented
def test_what_is_wrong_is_said_when_it_is_known(run: Run, made: str) -> None:
    assert "the parameter `a` is required" in run(f"SELECT {made}.py()")
    assert "takes 2 arguments, but 3 were given" in run(f"SELECT {made}.py(1, 'a', 2)")
    assert "has no parameter `q`" in run(f"SELECT {made}.py(q => 1)")
    failed = run(f"SELECT {made}.boom(1)")
    assert "ZeroDivisionError: division by zero (line 2 of the function's body)" in failed
    assert "Traceback" not in failed
    create = f"CREATE FUNCTION {made}.bad(a INT) RETURNS INT"
    assert "cannot be compiled" in run(f"{create} LANGUAGE PYTHON AS $$ return a + $$")
    assert "nope" in run(f"{create} RETURN nope + a")
    assert "already exists" in run(f"CREATE FUNCTION {made}.twice(a INT) RETURNS INT RETURN a")
    assert run(f"CREATE FUNCTION IF NOT EXISTS {made}.twice(a INT) RETURNS INT RETURN a") == []


@pytest.mark.documented
def test_the_api_shows_a_function_as_sql_made_it(workspace: Any, run: Run, made: str) -> None:
    client = workspace.client()
    found = client.functions.get(f"{made}.py")
    assert (found.data_type, found.full_data_type) == (ColumnTypeName.STRING, "STRING")
    assert (found.external_language, found.comment) == ("PYTHON", "joins")
    assert [
        (one.name, one.type_text, one.type_json, one.parameter_default, one.comment)
        for one in found.input_params.parameters
    ] == [
        (
            "a",
            "int",
            '{"name": "a", "type": "integer", "nullable": true, "metadata": {}}',
            None,
            "first",
        ),
        (
            "b",
            "string",
            '{"name": "b", "type": "string", "nullable": true, "metadata": {}}',
            "'zz'",
            None,
        ),
    ]
    table = client.functions.get(f"{made}.below")
    assert table.data_type is ColumnTypeName.TABLE_TYPE
    assert [one.name for one in table.return_params.parameters] == ["id", "name"]
    assert {one.name for one in client.functions.list(*made.split("."))} >= {"py", "twice"}
    told = [row[0] for row in run(f"DESCRIBE FUNCTION EXTENDED {made}.py")]
    assert told[:2] == [f"Function:    {made}.py", "Type:        SCALAR"]
    assert any("b STRING DEFAULT 'zz'" in line for line in told)
    assert [f"{made}.twice"] in run(f"SHOW USER FUNCTIONS IN {made}")


@pytest.mark.documented
def test_a_function_made_by_the_api_runs_and_is_dropped(
    workspace: Any, run: Run, schema: str
) -> None:
    client = workspace.client()
    catalog, name = schema.split(".")
    described = {
        "name": "thrice",
        "catalog_name": catalog,
        "schema_name": name,
        "input_params": {"parameters": [{"name": "x", "type_text": "int", "type_name": "INT"}]},
        "data_type": "INT",
        "full_data_type": "INT",
        "routine_body": "EXTERNAL",
        "external_language": "PYTHON",
        "routine_definition": "return x * 3",
    }
    path = "/api/2.1/unity-catalog/functions"
    client.api_client.do("POST", path, body={"function_info": described})
    assert run(f"SELECT {schema}.thrice(2)") == [["6"]]
    assert run(f"DROP FUNCTION {schema}.thrice") == []
    with pytest.raises(NotFound):
        client.functions.get(f"{schema}.thrice")
    assert run(f"DROP FUNCTION IF EXISTS {schema}.thrice") == []


@pytest.mark.documented
def test_calling_takes_execute(workspace: Any, somebody: Somebody) -> None:
    robot, admin = somebody(), workspace.client()
    user, catalog = robot.current_user.me().user_name, f"fn_{uuid.uuid4().hex[:8]}"
    admin.catalogs.create(catalog)
    try:
        run = runner(admin)
        schema = f"{catalog}.default"
        run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        run(f"CREATE FUNCTION {schema}.one() RETURNS INT RETURN 1")
        run(f"CREATE FUNCTION {schema}.py() RETURNS INT LANGUAGE PYTHON AS $$ return 2 $$")
        run(f"GRANT USE CATALOG, USE SCHEMA ON CATALOG {catalog} TO `{user}`")
        asks = runner(robot)
        assert "EXECUTE" in asks(f"SELECT {schema}.one()")
        assert "EXECUTE" in asks(f"SELECT {schema}.py()")
        run(f"GRANT EXECUTE ON FUNCTION {schema}.py TO `{user}`")
        assert asks(f"SELECT {schema}.py()") == [["2"]]
        assert "EXECUTE" in asks(f"SELECT {schema}.one()")
        assert "CREATE FUNCTION" in asks(f"CREATE FUNCTION {schema}.x() RETURNS INT RETURN 1")
    finally:
        admin.catalogs.delete(catalog, force=True)


@pytest.mark.belief
def test_a_function_runs_apart_from_everything(workspace: Any, run: Run, schema: str) -> None:
    """No token, nothing of the data directory, and its memory is its own caller's."""
    made = run(
        f"""CREATE OR REPLACE FUNCTION {schema}.looks() RETURNS STRING NOT DETERMINISTIC
        LANGUAGE PYTHON AS $$
        import os
        global seen
        seen = globals().get("seen", 0) + 1
        return str((seen, os.listdir("{workspace.home}"), [k for k in os.environ if "TOKEN" in k]))
        $$"""
    )
    assert made == []
    assert run(f"SELECT {schema}.looks()") == [["(1, ['environments'], [])"]]
    run(
        f"CREATE OR REPLACE FUNCTION {schema}.dies() RETURNS INT LANGUAGE PYTHON AS "
        "$$\nimport os\nos._exit(3)\n$$"
    )
    assert "its process ended" in run(f"SELECT {schema}.dies()")
    assert run("SELECT 1") == [["1"]]


@pytest.mark.documented
@pytest.mark.filterwarnings("ignore")
def test_spark_sessions_call_them_too(workspace: Any, made: str) -> None:
    from pyspark.sql import functions as f
    from tests.conformance.spark.conftest import connect_to

    spark = connect_to(workspace, scope=f"test-{uuid.uuid4().hex[:8]}")
    try:
        spark.sql(
            f"CREATE OR REPLACE FUNCTION {made}.spark_made(x BIGINT) RETURNS BIGINT "
            "LANGUAGE PYTHON AS $$ return x + 1 $$"
        ).collect()
        rows = spark.sql(f"SELECT {made}.spark_made(id) AS k FROM range(20000)").agg({"k": "sum"})
        assert rows.collect()[0][0] == 20000 * 20001 // 2
        frame = spark.range(2).selectExpr(f"{made}.twice(id) AS k", f"{made}.py(id) AS p")
        assert [tuple(row) for row in frame.collect()] == [(0, "0-zz-0"), (2, "1-zz-0")]
        called = spark.range(1).select(f.call_function(f"{made}.spark_made", "id"))
        assert called.collect()[0][0] == 1
    finally:
        spark.stop()
