"""Databricks SQL Connector for Python over Thrift, at the HTTP path of a warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from databricks import sql
from databricks.sql import exc
from place import HOST, SCHEMA, TLS_BUNDLE, TLS_HOST, TOKEN, USER, refusal, rest, unique

CLIENT = "databricks-sql-connector"
QUICK = True


def connect(**options: Any) -> Any:
    """To the starter warehouse. The connector takes plain HTTP by `_connection_uri` only."""
    path = rest("GET", "/api/2.0/sql/warehouses")["warehouses"][0]["odbc_params"]["path"]
    given = {
        "server_hostname": HOST.removeprefix("http://"),
        "http_path": path,
        "access_token": TOKEN,
        "_connection_uri": HOST + path,
        "enable_telemetry": False,
    }
    return sql.connect(**{**given, **options})


def probe_rows() -> None:
    """connect, execute, fetchone, fetchmany, fetchall, description, all plain types"""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 AS i, 'text' AS s, CAST(2.50 AS DECIMAL(10, 2)) AS d, true AS b,"
            " DATE'2026-01-02' AS day, TIMESTAMP_NTZ'2026-01-02 03:04:05.678' AS moment,"
            " CAST(1.5 AS DOUBLE) AS f, CAST(NULL AS STRING) AS none, X'0102' AS raw,"
            " array(1, 2) AS list, named_struct('a', 1) AS struct, map('k', 1) AS map"
        )
        names = [one[0] for one in cursor.description]
        kinds = [one[1] for one in cursor.description]
        assert names[:4] == ["i", "s", "d", "b"], names
        assert kinds[:6] == ["int", "string", "decimal", "boolean", "date", "timestamp"], kinds
        assert cursor.description[2][4:6] == (10, 2), cursor.description[2]
        row = cursor.fetchone()
        assert (row.i, row["s"], row[2]) == (1, "text", Decimal("2.50")), row
        assert (row.b, row.day, row.f, row.none) == (True, date(2026, 1, 2), 1.5, None), row
        assert row.moment == datetime(2026, 1, 2, 3, 4, 5, 678000), row
        assert (bytes(row.raw), list(row.list)) == (b"\x01\x02", [1, 2]), row
        assert cursor.fetchone() is None
        cursor.execute("SELECT id FROM range(10) ORDER BY id")
        assert [one.id for one in cursor.fetchmany(4)] == [0, 1, 2, 3]
        assert [one[0] for one in cursor.fetchall()] == list(range(4, 10))


def probe_arrow() -> None:
    """fetchall_arrow and fetchmany_arrow of 300,000 rows, in several answers"""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, concat('row ', id) AS name FROM range(300000)")
        first = cursor.fetchmany_arrow(10)
        others = cursor.fetchall_arrow()
        assert (first.num_rows, others.num_rows) == (10, 299_990)
        ids = first["id"].to_pylist() + others["id"].to_pylist()
        assert sorted(ids) == list(range(300_000))
        cursor.execute("SELECT 1 AS a WHERE false")
        assert cursor.fetchall_arrow().num_rows == 0


WITHOUT_ARROW = """
import sys
sys.modules["pyarrow"] = None
from sql_connector import connect
with connect() as connection, connection.cursor() as cursor:
    cursor.execute("SELECT id, id / 2 AS half, IF(id = 1, NULL, concat('n', id)) AS n,"
                   " id > 1 AS big FROM range(3) ORDER BY id")
    rows = [tuple(one) for one in cursor.fetchall()]
    assert rows == [(0, 0.0, "n0", False), (1, 0.5, None, False), (2, 1.0, "n2", True)], rows
"""


def probe_without_arrow() -> None:
    """rows without pyarrow: columns instead of batches"""
    here = Path(__file__).resolve().parent
    paths = os.pathsep.join([str(here), str(here.parent)])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ARROW],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def probe_parameters() -> None:
    """parameters: named, positional, typed, NULL, lists; executemany"""
    table = f"{SCHEMA}.{unique('p')}"
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT :a + 1 AS a, :b AS b, :c AS c", {"a": 41, "b": "it's", "c": None})
        assert tuple(cursor.fetchone()) == (42, "it's", None)
        cursor.execute("SELECT ? AS a, ? AS b, '?' AS c", [date(2026, 1, 2), Decimal("1.50")])
        assert tuple(cursor.fetchone()) == (date(2026, 1, 2), Decimal("1.50"), "?")
        cursor.execute("SELECT array_contains(:them, 2) AS found", {"them": [1, 2, 3]})
        assert cursor.fetchone().found is True
        cursor.execute(f"CREATE TABLE {table} (id INT, name STRING)")
        cursor.executemany(f"INSERT INTO {table} VALUES (?, ?)", [[1, "a"], [2, "b"]])
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        assert [tuple(one) for one in cursor.fetchall()] == [(1, "a"), (2, "b")]


def probe_session() -> None:
    """sessions: catalog, schema, settings and temporary views are kept, and are nobody else's"""
    catalog, _, schema = SCHEMA.partition(".")
    table = unique("s")
    settings = {"ansi_mode": "true"}
    with (
        connect(catalog=catalog, schema=schema, session_configuration=settings) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"CREATE TABLE {table} AS SELECT 7 AS seven")
        cursor.execute("CREATE TEMPORARY VIEW only_here AS SELECT 1 AS one")
        cursor.execute("SELECT current_schema(), seven, one FROM only_here, " + table)
        assert tuple(cursor.fetchone()) == (schema, 7, 1)
    with connect() as other, other.cursor() as cursor:
        assert "only_here" in refusal(lambda: cursor.execute("SELECT * FROM only_here"))


def probe_metadata() -> None:
    """metadata: catalogs, schemas, tables, columns, with patterns"""
    catalog, _, schema = SCHEMA.partition(".")
    table = unique("m")
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {SCHEMA}.{table} (id BIGINT COMMENT 'key', x DECIMAL(9, 3))")
        cursor.catalogs()
        names = {one.TABLE_CAT for one in cursor.fetchall()}
        assert catalog in names
        cursor.schemas(catalog_name=catalog, schema_name=schema[:-1] + "%")
        assert schema in {one.TABLE_SCHEM for one in cursor.fetchall()}
        cursor.tables(catalog_name=catalog, schema_name=schema, table_name=table)
        (found,) = cursor.fetchall()
        assert (table, "TABLE") == (found.TABLE_NAME, found.TABLE_TYPE), found
        cursor.columns(catalog_name=catalog, schema_name=schema, table_name=table)
        rows = [(one.COLUMN_NAME, one.TYPE_NAME, one.REMARKS) for one in cursor.fetchall()]
        assert rows == [("id", "BIGINT", "key"), ("x", "DECIMAL(9,3)", "")], rows
        cursor.tables(catalog_name=catalog, schema_name=schema, table_types=["VIEW"])
        assert table not in {one.TABLE_NAME for one in cursor.fetchall()}


def probe_errors() -> None:
    """errors: of statements, of a wrong token, of a warehouse that is not there"""
    with connect() as connection:
        cursor = connection.cursor()
        for text, said in (
            ("SELEC 1", "parse_syntax_error"),
            ("SELECT * FROM nowhere.at.all", "catalog"),
            ("SELECT nothing FROM range(1)", "nothing"),
        ):
            try:
                cursor.execute(text)
            except exc.ServerOperationError as fault:
                told = str(fault).lower()
            else:
                told = "it went through"
            assert said in told, (text, told)
        cursor.execute("SELECT 1 AS still")
        assert cursor.fetchone().still == 1
        cursor.close()
    elsewhere = HOST + "/sql/1.0/warehouses/0000000000000000"
    for options in ({"access_token": "dapi" + "0" * 40}, {"_connection_uri": elsewhere}):
        try:
            connect(**options)
        except exc.Error:
            continue
        raise AssertionError(f"connected with {list(options)}")


def probe_cancel() -> None:
    """cancel of a running statement from another thread"""
    text = "SELECT sum(sqrt(a.id * b.id)) FROM range(400000) a CROSS JOIN range(400000) b"
    with connect() as connection, connection.cursor() as cursor:
        seen: list[str] = []

        def run() -> None:
            try:
                cursor.execute(text)
                cursor.fetchall()
                seen.append("done")
            except exc.Error as fault:
                seen.append(str(fault))

        worker = threading.Thread(target=run)
        worker.start()
        deadline = time.monotonic() + 60
        while cursor.active_command_id is None and time.monotonic() < deadline:
            time.sleep(0.1)
        cursor.cancel()
        worker.join(60)
        assert not worker.is_alive()
        assert seen != ["done"], seen
        cursor.execute("SELECT 1 AS again")
        assert cursor.fetchone().again == 1


def probe_async() -> None:
    """execute_async, is_query_pending, get_async_execution_result"""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute_async("SELECT count(*) AS n FROM range(1000)")
        deadline = time.monotonic() + 60
        while cursor.is_query_pending() and time.monotonic() < deadline:
            time.sleep(0.1)
        cursor.get_async_execution_result()
        assert cursor.fetchone().n == 1000


def probe_credentials() -> None:
    """a credentials provider instead of a token"""

    def provider() -> Any:
        return lambda: {"Authorization": f"Bearer {TOKEN}"}

    with (
        connect(access_token=None, credentials_provider=provider) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT current_user() AS me")
        assert cursor.fetchone().me == USER


def probe_cluster() -> None:
    """a cluster's HTTP path, for who may attach to it"""
    settings = {
        "cluster_name": unique("c"),
        "spark_version": "15.4.x-scala2.12",
        "node_type_id": "i3.xlarge",
        "num_workers": 1,
    }
    id = rest("POST", "/api/2.1/clusters/create", settings)["cluster_id"]
    for cluster, answers in ((id, True), ("nowhere", False)):
        uri = f"{HOST}/sql/protocolv1/o/0/{cluster}"
        try:
            with connect(_connection_uri=uri) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1 AS one")
                found = cursor.fetchone().one == 1
        except exc.Error:
            found = False
        assert found is answers, cluster


def sea(**options: Any) -> Any:
    """By the Statement Execution API: host with scheme, and the port apart."""
    path = rest("GET", "/api/2.0/sql/warehouses")["warehouses"][0]["odbc_params"]["path"]
    host, _, port = HOST.rpartition(":")
    given = {"server_hostname": host, "_port": int(port), "http_path": path, "access_token": TOKEN}
    return sql.connect(**{**given, "use_sea": True, "enable_telemetry": False, **options})


def probe_sea_rows() -> None:
    """use_sea: rows of all plain types, by links with and without LZ4, and inline"""
    text = (
        "SELECT 1 AS i, 'text' AS s, CAST(2.50 AS DECIMAL(10, 2)) AS d, true AS b,"
        " DATE'2026-01-02' AS day, CAST(1.5 AS DOUBLE) AS f, CAST(NULL AS STRING) AS none"
    )
    expected = (1, "text", Decimal("2.50"), True, date(2026, 1, 2), 1.5, None)
    for options in ({}, {"enable_query_result_lz4_compression": False}, {"use_cloud_fetch": False}):
        with sea(**options) as connection, connection.cursor() as cursor:
            cursor.execute(text)
            assert [one[0] for one in cursor.description] == [
                "i",
                "s",
                "d",
                "b",
                "day",
                "f",
                "none",
            ]
            assert tuple(cursor.fetchone()) == expected, options
            assert cursor.fetchone() is None
            cursor.execute("SELECT id FROM range(10) WHERE id > 99")
            assert cursor.fetchall() == [], options
    with sea(use_hybrid_disposition=True) as connection, connection.cursor() as cursor:
        cursor.execute(text)
        assert tuple(cursor.fetchone()) == expected


def probe_sea_large() -> None:
    """use_sea: 300,000 rows in several pieces by links, 120,000 inline"""
    for options, count in (({}, 300_000), ({"use_cloud_fetch": False}, 120_000)):
        with sea(**options) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT id, id * 2 AS twice FROM range({count})")
            found = cursor.fetchall()
            assert len(found) == count, (options, len(found))
            assert sum(one.twice for one in found) == count * (count - 1)


def probe_sea_sessions() -> None:
    """use_sea: catalog, schema and what statements set stay in the session; parameters"""
    catalog, schema = SCHEMA.split(".")
    name = unique("sea")
    with sea(catalog=catalog, schema=schema) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_catalog(), current_schema()")
        assert tuple(cursor.fetchone()) == (catalog, schema)
        cursor.execute(f"CREATE TEMPORARY VIEW {name} AS SELECT 7 AS x")
        cursor.execute(f"SELECT x + :more FROM {name}", {"more": 3})
        assert cursor.fetchone()[0] == 10
        with sea() as other, other.cursor() as second:
            assert "SQLSTATE" in refusal(lambda: second.execute(f"SELECT x FROM {name}"))
    assert "closed" in refusal(lambda: cursor.execute("SELECT 1")).lower()
    said = refusal(lambda: sea(catalog=catalog, schema="nowhere_at_all"))
    assert "status 4" in said, said  # the client keeps the reason to itself


def probe_sea_metadata() -> None:
    """use_sea: catalogs, schemas, tables by type, columns"""
    catalog, schema = SCHEMA.split(".")
    table, view = unique("t"), unique("v")
    with sea() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {SCHEMA}.{table} (a INT, b DECIMAL(8, 3) COMMENT 'price')")
        cursor.execute(f"CREATE VIEW {SCHEMA}.{view} AS SELECT a FROM {SCHEMA}.{table}")
        cursor.catalogs()
        assert catalog in [one[0] for one in cursor.fetchall()]
        cursor.schemas(catalog_name=catalog, schema_name=schema)
        assert [one[0] for one in cursor.fetchall()] == [schema]
        for kinds, names in ((None, {table, view}), (["VIEW"], {view}), (["TABLE"], {table})):
            cursor.tables(catalog_name=catalog, schema_name=schema, table_types=kinds)
            found = {one.tableName: one.tableType for one in cursor.fetchall()}
            assert {table, view} & set(found) == names, (kinds, found)
        cursor.columns(catalog_name=catalog, schema_name=schema, table_name=table)
        rows = [(one.col_name, one.columnType, one.remarks) for one in cursor.fetchall()]
        assert rows == [("a", "INT", ""), ("b", "DECIMAL(8,3)", "price")], rows


def probe_sea_errors() -> None:
    """use_sea: errors of statements, cancel, execute_async"""
    with sea() as connection, connection.cursor() as cursor:
        assert "TABLE_OR_VIEW_NOT_FOUND" in refusal(
            lambda: cursor.execute(f"SELECT * FROM {SCHEMA}.missing")
        )
        cursor.execute_async("SELECT count(*) AS n FROM range(1000)")
        while cursor.is_query_pending():
            time.sleep(0.1)
        cursor.get_async_execution_result()
        assert cursor.fetchone().n == 1000
        cursor.execute_async("SELECT sum(a.id * b.id) FROM range(300000) a, range(300000) b")
        cursor.cancel()
        while cursor.is_query_pending():
            time.sleep(0.1)
        assert "CANCEL" in str(cursor.get_query_state()).upper()


def probe_without_cloud_fetch() -> None:
    """Thrift without cloud fetch, with and without LZ4: the same 300,000 rows"""
    wanted = {str(one) for one in range(300_000)}
    for cloud in (True, False):
        for lz4 in (True, False):
            options = {"use_cloud_fetch": cloud, "enable_query_result_lz4_compression": lz4}
            with connect(**options) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT id, CAST(id AS STRING) AS text FROM range(300000)")
                assert cursor.active_result_set.lz4_compressed is lz4, options
                found = cursor.fetchall_arrow()
                assert found.num_rows == 300_000
                assert {one.as_py() for one in found.column("text")} == wanted, options
                cursor.execute("SELECT 1 AS one WHERE 1 = 2")
                assert cursor.fetchall() == []


def probe_tls() -> None:
    """by TLS, as against Databricks: Thrift and use_sea with a host name and a port"""
    path = rest("GET", "/api/2.0/sql/warehouses")["warehouses"][0]["odbc_params"]["path"]
    name, _, port = TLS_HOST.removeprefix("https://").partition(":")
    given = {
        "server_hostname": name,
        "_port": int(port),
        "http_path": path,
        "access_token": TOKEN,
        "_tls_trusted_ca_file": TLS_BUNDLE,
        "enable_telemetry": False,
    }
    for options in ({}, {"use_sea": True, "use_cloud_fetch": False}):
        with sql.connect(**given, **options) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(3) ORDER BY id")
            assert [one.id for one in cursor.fetchall()] == [0, 1, 2], options
