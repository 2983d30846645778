"""Statement execution through the official SDK: results, parameters, errors, waiting, rights."""

from __future__ import annotations

import csv
import io
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
)
from databricks.sdk.service.sql import (
    Disposition,
    ExecuteStatementRequestOnWaitTimeout,
    Format,
    StatementParameterListItem,
    StatementState,
)

pytestmark = pytest.mark.slow

ENDLESS = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id + b.id = 7"
EVERY_TYPE = """
SELECT CAST(1 AS TINYINT) AS a, CAST(1 AS SMALLINT) AS b, 1 AS c, 1L AS d, CAST(1.5 AS FLOAT) AS e,
  1.5D AS f, 1.25 AS g, true AS h, 'x' AS i, CAST('hi' AS BINARY) AS j, DATE'2024-02-29' AS k,
  TIMESTAMP'2024-02-29 10:00:00' AS l, ARRAY(1, 2) AS m, MAP('a', 1) AS n,
  NAMED_STRUCT('a', 1, 'b', 'x') AS o, NULL AS p
"""


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def warehouse(client: WorkspaceClient) -> str:
    return str(next(iter(client.warehouses.list())).id)


@pytest.fixture
def run(client: WorkspaceClient, warehouse: str) -> Callable[..., Any]:
    def execute(text: str, **options: Any) -> Any:
        options = {"wait_timeout": "50s"} | options
        return client.statement_execution.execute_statement(text, warehouse, **options)

    return execute


def ended(client: WorkspaceClient, id: str, within_s: float = 120) -> Any:
    give_up_at = time.monotonic() + within_s
    while True:
        found = client.statement_execution.get_statement(id)
        if found.status.state not in (StatementState.PENDING, StatementState.RUNNING):
            return found
        assert time.monotonic() < give_up_at, found.status
        time.sleep(0.1)


def children_cpu(server: int) -> float:
    """How many processors the processes below a server use; 0 without /proc."""

    def used() -> float:
        parents, ticks = {}, {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                numbers = (folder / "stat").read_text().rsplit(")", 1)[-1].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(numbers[1])
            ticks[int(folder.name)] = int(numbers[11]) + int(numbers[12])
        total = 0
        for process, above in parents.items():
            while above not in (0, 1, server):
                above = parents.get(above, 0)
            total += ticks[process] if above == server else 0
        return total / os.sysconf("SC_CLK_TCK")

    before = used()
    assert before > 0 or not Path("/proc").exists()
    time.sleep(1)
    return used() - before


# -- results --------------------------------------------------------------------------------------


@pytest.mark.documented
def test_cells_are_strings_or_null_and_columns_have_their_types(run: Callable[..., Any]) -> None:
    answer = run(EVERY_TYPE)
    assert answer.status.state is StatementState.SUCCEEDED
    columns = answer.manifest.schema.columns
    assert [one.type_name.value for one in columns] == [
        *("BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN", "STRING"),
        *("BINARY", "DATE", "TIMESTAMP", "ARRAY", "MAP", "STRUCT", "NULL"),
    ]
    assert columns[3].type_text == "BIGINT"
    assert (columns[6].type_precision, columns[6].type_scale) == (3, 2)
    assert (columns[12].type_text, columns[12].position) == ("ARRAY<INT>", 12)
    assert answer.result.data_array == [
        [
            *("1", "1", "1", "1", "1.5", "1.5", "1.25", "true", "x", "aGk=", "2024-02-29"),
            *("2024-02-29T10:00:00.000Z", "[1,2]", '{"a":1}', '{"a":1,"b":"x"}', None),
        ]
    ]
    assert (answer.manifest.total_row_count, answer.manifest.truncated) == (1, False)
    assert answer.manifest.format is Format.JSON_ARRAY


@pytest.mark.documented
def test_a_result_without_rows_still_has_its_columns(run: Callable[..., Any]) -> None:
    answer = run("SELECT id AS n FROM range(3) WHERE id > 5")
    assert [one.name for one in answer.manifest.schema.columns] == ["n"]
    assert answer.manifest.total_row_count == 0
    assert not answer.result.data_array


@pytest.mark.documented
def test_rows_are_limited_as_asked_and_it_is_said(run: Callable[..., Any]) -> None:
    limited = run("SELECT id FROM range(100)", row_limit=10)
    assert (len(limited.result.data_array), limited.manifest.truncated) == (10, True)
    whole = run("SELECT id FROM range(10)", row_limit=10)
    assert (len(whole.result.data_array), whole.manifest.truncated) == (10, False)
    small = run("SELECT id FROM range(100000)", byte_limit=8_000)
    assert small.manifest.truncated
    assert 0 < small.manifest.total_row_count < 100_000


@pytest.mark.documented
def test_a_large_result_comes_in_chunks(client: WorkspaceClient, run: Callable[..., Any]) -> None:
    answer = run("SELECT id FROM range(250000)")
    assert answer.manifest.total_row_count == 250_000
    assert answer.manifest.total_chunk_count == len(answer.manifest.chunks) > 1
    found, part = [], answer.result
    while True:
        assert part.row_offset == len(found)
        found += [int(row[0]) for row in part.data_array]
        if part.next_chunk_index is None:
            break
        part = client.statement_execution.get_statement_result_chunk_n(
            answer.statement_id, part.next_chunk_index
        )
    assert sorted(found) == list(range(250_000))
    with pytest.raises(NotFound):
        client.statement_execution.get_statement_result_chunk_n(answer.statement_id, 99)


@pytest.mark.documented
def test_more_than_the_inline_limit_is_refused_with_the_way_out(run: Callable[..., Any]) -> None:
    text = "SELECT repeat('x', 1000) AS text FROM range(40000)"
    answer = run(text)
    assert answer.status.state is StatementState.FAILED
    assert "EXTERNAL_LINKS" in answer.status.error.message
    external = run(text, disposition=Disposition.EXTERNAL_LINKS, format=Format.ARROW_STREAM)
    assert external.status.state is StatementState.SUCCEEDED


@pytest.mark.documented
@pytest.mark.parametrize("format", [Format.ARROW_STREAM, Format.CSV, Format.JSON_ARRAY])
def test_external_links_need_no_token_and_give_the_format_asked_for(
    run: Callable[..., Any], format: Format
) -> None:
    answer = run(
        "SELECT id, concat('n', id) AS name FROM range(3) ORDER BY id",
        disposition=Disposition.EXTERNAL_LINKS,
        format=format,
    )
    assert answer.manifest.format is format
    (link,) = answer.result.external_links
    assert (link.row_count, link.row_offset, link.chunk_index) == (3, 0, 0)
    assert datetime.fromisoformat(link.expiration.replace("Z", "+00:00"))
    with urllib.request.urlopen(link.external_link) as reply:
        body = reply.read()
    if format is Format.ARROW_STREAM:
        import pyarrow as pa

        with pa.ipc.open_stream(body) as reader:
            assert reader.read_all().to_pydict() == {"id": [0, 1, 2], "name": ["n0", "n1", "n2"]}
    elif format is Format.CSV:
        rows = list(csv.reader(io.StringIO(body.decode())))
        assert rows == [["id", "name"], ["0", "n0"], ["1", "n1"], ["2", "n2"]]
    else:
        assert json.loads(body) == [["0", "n0"], ["1", "n1"], ["2", "n2"]]
    forged = link.external_link.replace("signature=", "signature=0")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(forged)


@pytest.mark.documented
def test_external_links_lead_from_chunk_to_chunk(
    client: WorkspaceClient, run: Callable[..., Any]
) -> None:
    import pyarrow as pa

    answer = run(
        "SELECT id FROM range(250000)",
        disposition=Disposition.EXTERNAL_LINKS,
        format=Format.ARROW_STREAM,
    )
    rows, (link,) = 0, answer.result.external_links
    while True:
        with urllib.request.urlopen(link.external_link) as reply:
            rows += pa.ipc.open_stream(reply.read()).read_all().num_rows
        if link.next_chunk_index is None:
            break
        (link,) = client.statement_execution.get_statement_result_chunk_n(
            answer.statement_id, link.next_chunk_index
        ).external_links
    assert rows == 250_000


# -- parameters -----------------------------------------------------------------------------------


@pytest.mark.documented
@pytest.mark.parametrize(
    ("type", "value", "shown", "sql_type"),
    [
        (None, "it's", "it's", "string"),
        ("STRING", "ünï", "ünï", "string"),
        ("TINYINT", "-128", "-128", "tinyint"),
        ("SMALLINT", "300", "300", "smallint"),
        ("INT", "7", "7", "int"),
        ("BIGINT", "9000000000", "9000000000", "bigint"),
        ("FLOAT", "1.5", "1.5", "float"),
        ("DOUBLE", "2.5", "2.5", "double"),
        ("DECIMAL(10,2)", "12.30", "12.30", "decimal(10,2)"),
        ("BOOLEAN", "true", "true", "boolean"),
        ("DATE", "2024-02-29", "2024-02-29", "date"),
        ("TIMESTAMP", "2024-02-29T12:30:00Z", "2024-02-29T12:30:00.000Z", "timestamp"),
        ("TIMESTAMP_NTZ", "2024-02-29 12:30:00", "2024-02-29T12:30:00.000", "timestamp_ntz"),
        ("INT", None, None, "int"),
        ("STRING", None, None, "string"),
        ("DATE", None, None, "date"),
    ],
)
def test_a_parameter_has_the_type_it_is_given(
    run: Callable[..., Any], type: str | None, value: str | None, shown: str | None, sql_type: str
) -> None:
    given = StatementParameterListItem(name="p", value=value, type=type)
    answer = run("SELECT :p, typeof(:p)", parameters=[given])
    assert answer.status.error is None
    assert answer.result.data_array == [[shown, sql_type]]


@pytest.mark.documented
def test_parameters_are_values_never_text_of_the_statement(run: Callable[..., Any]) -> None:
    evil = StatementParameterListItem(name="name", value="x' OR '1'='1")
    limit = StatementParameterListItem(name="low", value="1", type="INT")
    answer = run(
        "SELECT count(*) FROM range(3) WHERE id > :low AND concat('n', id) = :name",
        parameters=[evil, limit],
    )
    assert answer.result.data_array == [["0"]]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("text", "type", "value"),
    [
        ("SELECT :p", "INT", "seven"),
        ("SELECT :p", "TINYINT", "128"),
        ("SELECT :p", "DATE", "2023-02-29"),
        ("SELECT :p", "ARRAY<INT>", "[1]"),
        ("SELECT :q", "INT", "1"),
    ],
)
def test_a_parameter_that_does_not_fit_fails_the_statement_by_name(
    run: Callable[..., Any], text: str, type: str, value: str
) -> None:
    given = StatementParameterListItem(name="p", value=value, type=type)
    answer = run(text, parameters=[given])
    assert answer.status.state is StatementState.FAILED
    assert text.split(":")[1] in answer.status.error.message


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT ? || '?', ? + :n", [["it's?", "5"]]),
        ("INSERT INTO dev.default.marks VALUES (?, ?)", [["1", "1"]]),
    ],
)
def test_parameters_have_an_ordinal_where_the_marker_has_no_name(
    client: WorkspaceClient, warehouse: str, run: Callable[..., Any], text: str, rows: Any
) -> None:
    """What the native client of the SQL connector sends."""
    run("CREATE TABLE IF NOT EXISTS dev.default.marks (a STRING, b INT)")
    given = [
        {"ordinal": 2, "type": "INT", "value": "2"},
        {"ordinal": 1, "value": "it's"},
        {"name": "n", "type": "INT", "value": "3"},
    ]
    body = {"warehouse_id": warehouse, "statement": text, "wait_timeout": "50s"}
    asked = partial(client.api_client.do, "POST", "/api/2.0/sql/statements")
    answer = asked(body={**body, "parameters": given})
    assert answer["result"]["data_array"] == rows, answer
    for odd in ([{"value": "1"}], [{"ordinal": 2, "value": "1"}], [{"ordinal": 1, "value": "1"}]):
        with pytest.raises(InvalidParameterValue, match=r"ordinal|more markers"):
            asked(body={**body, "parameters": odd})


@pytest.mark.documented
def test_catalog_and_schema_are_the_statements_own(
    client: WorkspaceClient, run: Callable[..., Any]
) -> None:
    name = f"s_{uuid.uuid4().hex[:8]}"
    client.schemas.create(name=name, catalog_name="dev")
    run("CREATE TABLE t AS SELECT 5 AS n", catalog="dev", schema=name)
    assert run("SELECT n FROM t", catalog="dev", schema=name).result.data_array == [["5"]]
    assert run(f"SELECT n FROM {name}.t", catalog="dev").result.data_array == [["5"]]
    missing = run("SELECT n FROM t")
    assert missing.status.state is StatementState.FAILED
    client.schemas.delete(f"dev.{name}", force=True)


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.documented
@pytest.mark.parametrize(
    ("text", "condition", "sql_state"),
    [
        ("SELEC 1", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT 1; SELECT 2", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT * FROM dev.default.nowhere", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELECT * FROM dev.nowhere.t", "SCHEMA_NOT_FOUND", "42704"),
        ("SELECT nowhere FROM range(3)", "UNRESOLVED_COLUMN", "42703"),
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT CAST('a' AS INT)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT :nothing", "UNBOUND_SQL_PARAMETER", "42P02"),
        ("CREATE SCHEMA dev.default", "SCHEMA_ALREADY_EXISTS", "42P06"),
        ("CREATE SCHEMA prod.from_dev", "INSUFFICIENT_PERMISSIONS", "42501"),
    ],
)
def test_a_failing_statement_tells_condition_and_state(
    run: Callable[..., Any], text: str, condition: str, sql_state: str
) -> None:
    answer = run(text)
    assert answer.status.state is StatementState.FAILED
    assert answer.status.sql_state == sql_state
    assert answer.status.error.message.startswith(f"[{condition}")
    assert answer.status.error.error_code.value == "BAD_REQUEST"
    assert answer.result is None


@pytest.mark.documented
def test_a_request_that_makes_no_sense_is_refused_at_once(
    client: WorkspaceClient, warehouse: str, run: Callable[..., Any]
) -> None:
    for options in (
        {"wait_timeout": "3s"},
        {"wait_timeout": "51s"},
        {"wait_timeout": "0s", "on_wait_timeout": ExecuteStatementRequestOnWaitTimeout.CANCEL},
        {"format": Format.CSV},
    ):
        with pytest.raises(InvalidParameterValue):
            run("SELECT 1", **options)
    with pytest.raises(InvalidParameterValue):
        run("  ")
    with pytest.raises(NotFound):
        client.statement_execution.execute_statement("SELECT 1", "no-such-warehouse")
    with pytest.raises(NotFound):
        client.statement_execution.get_statement("no-such-statement")


# -- waiting and cancelling -----------------------------------------------------------------------


@pytest.mark.documented
def test_a_statement_may_be_started_now_and_fetched_later(
    client: WorkspaceClient, run: Callable[..., Any]
) -> None:
    answer = run("SELECT 1", wait_timeout="0s")
    assert answer.status.state in (
        StatementState.PENDING,
        StatementState.RUNNING,
        StatementState.SUCCEEDED,
    )
    assert ended(client, answer.statement_id).result.data_array == [["1"]]


@pytest.mark.documented
def test_a_running_statement_is_cancelled(
    workspace: Any, client: WorkspaceClient, run: Callable[..., Any]
) -> None:
    answer = run(ENDLESS, wait_timeout="0s")
    time.sleep(0.5)
    assert client.statement_execution.get_statement(answer.statement_id).status.state in (
        StatementState.PENDING,
        StatementState.RUNNING,
    )
    assert children_cpu(workspace.process.pid) > 0.05
    client.statement_execution.cancel_execution(answer.statement_id)
    assert ended(client, answer.statement_id).status.state is StatementState.CANCELED
    client.statement_execution.cancel_execution(answer.statement_id)  # again: no harm
    assert run("SELECT 2").result.data_array == [["2"]]
    give_up_at = time.monotonic() + 60
    while children_cpu(workspace.process.pid) > 0.1:
        assert time.monotonic() < give_up_at, "the engine goes on with what nobody waits for"


@pytest.mark.documented
def test_a_statement_that_takes_too_long_cancels_itself_if_told_so(run: Callable[..., Any]) -> None:
    answer = run(
        ENDLESS, wait_timeout="5s", on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CANCEL
    )
    assert answer.status.state is StatementState.CANCELED


@pytest.mark.belief
def test_many_statements_at_once_get_their_own_answers(run: Callable[..., Any]) -> None:
    def ask(number: int) -> list[list[str]]:
        given = StatementParameterListItem(name="n", value=str(number), type="INT")
        return list(run("SELECT :n + sum(id) FROM range(10)", parameters=[given]).result.data_array)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
    assert answers == [[[str(number + 45)]] for number in range(40)]


@pytest.mark.belief
def test_what_one_statement_sets_does_not_leak_into_another(run: Callable[..., Any]) -> None:
    assert run("USE SCHEMA information_schema").status.state is not None
    assert run("CREATE TEMPORARY VIEW leaked AS SELECT 1").status.state is not None
    for _ in range(3):
        assert run("SELECT * FROM leaked").status.state is StatementState.FAILED


# -- rights ---------------------------------------------------------------------------------------


@pytest.mark.documented
def test_a_statement_belongs_to_who_submitted_it(
    client: WorkspaceClient,
    warehouse: str,
    run: Callable[..., Any],
    somebody: Callable[..., WorkspaceClient],
) -> None:
    robot = somebody()
    mine = run("SELECT 1").statement_id
    for reach in (
        robot.statement_execution.get_statement,
        robot.statement_execution.cancel_execution,
        lambda id: robot.statement_execution.get_statement_result_chunk_n(id, 0),
    ):
        with pytest.raises(PermissionDenied):
            reach(mine)
    theirs = robot.statement_execution.execute_statement("SELECT 3", warehouse)
    assert client.statement_execution.get_statement(theirs.statement_id).result.data_array == [
        ["3"]
    ]
    history = client.query_history.list(max_results=100).res
    assert {theirs.statement_id, mine} <= {one.query_id for one in history}
    seen = {one.query_id for one in robot.query_history.list(max_results=100).res}
    assert theirs.statement_id in seen
    assert mine not in seen


@pytest.mark.documented
def test_rights_on_tables_hold_in_statements(
    client: WorkspaceClient,
    warehouse: str,
    run: Callable[..., Any],
    somebody: Callable[..., WorkspaceClient],
) -> None:
    robot = somebody()
    who = robot.current_user.me().user_name
    catalog = f"c_{uuid.uuid4().hex[:8]}"
    client.catalogs.create(catalog)
    run(f"CREATE SCHEMA {catalog}.s")
    run(f"CREATE TABLE {catalog}.s.t AS SELECT 1 AS n")

    def ask(text: str) -> Any:
        return robot.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")

    refused = ask(f"SELECT * FROM {catalog}.s.t")
    assert refused.status.sql_state == "42501"
    for right, securable in (
        ("USE CATALOG", f"CATALOG {catalog}"),
        ("USE SCHEMA", f"SCHEMA {catalog}.s"),
        ("SELECT", f"TABLE {catalog}.s.t"),
    ):
        done = run(f"GRANT {right} ON {securable} TO `{who}`")
        assert done.status.state is StatementState.SUCCEEDED, done.status.error
    assert ask(f"SELECT * FROM {catalog}.s.t").result.data_array == [["1"]]
    assert ask(f"INSERT INTO {catalog}.s.t VALUES (2)").status.sql_state == "42501"
    run(f"REVOKE SELECT ON TABLE {catalog}.s.t FROM `{who}`")
    assert ask(f"SELECT * FROM {catalog}.s.t").status.sql_state == "42501"
    client.catalogs.delete(catalog, force=True)


@pytest.mark.belief
def test_a_new_catalog_does_not_end_what_runs(
    client: WorkspaceClient, warehouse: str, run: Callable[..., Any]
) -> None:
    statements = client.statement_execution
    slow = str(statements.execute_statement(ENDLESS, warehouse, wait_timeout="0s").statement_id)

    def state_of_slow() -> Any:
        return statements.get_statement(slow).status.state

    while state_of_slow() is StatementState.PENDING:
        time.sleep(0.05)
    assert run("SELECT 1").status.state is StatementState.SUCCEEDED  # in the engine of both
    catalog = f"c_{uuid.uuid4().hex[:8]}"
    client.catalogs.create(catalog)
    assert run(f"SHOW SCHEMAS IN {catalog}").status.state is StatementState.SUCCEEDED
    assert state_of_slow() is StatementState.RUNNING
    statements.cancel_execution(slow)
    client.catalogs.delete(catalog, force=True)


@pytest.mark.belief
def test_a_token_that_is_gone_ends_the_statements_too(
    workspace: Any, client: WorkspaceClient, warehouse: str
) -> None:
    token = client.tokens.create(comment="short", lifetime_seconds=600)
    other = workspace.client("dev", token=str(token.token_value))
    other.statement_execution.execute_statement("SELECT 1", warehouse)
    client.tokens.delete(str(token.token_info.token_id))
    with pytest.raises(DatabricksError):
        other.statement_execution.execute_statement("SELECT 1", warehouse)


@pytest.mark.belief
def test_a_command_has_no_rows(client: WorkspaceClient, warehouse: str) -> None:
    name = f"dev.nothing_{uuid.uuid4().hex[:8]}"
    for text in (f"CREATE SCHEMA {name}", f"DROP SCHEMA {name}"):
        done = client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")
        assert done.manifest is not None
        assert done.manifest.total_row_count == 0
        assert done.manifest.total_chunk_count == 0
