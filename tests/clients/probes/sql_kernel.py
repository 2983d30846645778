"""Databricks SQL Connector for Python by `use_kernel`: its native client of the statements API."""

from __future__ import annotations

import time
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from databricks import sql
from place import HOST, SCHEMA, TLS_BUNDLE, TLS_HOST, TOKEN, refusal, rest, unique

CLIENT = "databricks-sql-kernel"
QUICK = False


def connect(**options: Any) -> Any:
    """It takes the scheme and the port with the host's name."""
    path = rest("GET", "/api/2.0/sql/warehouses")["warehouses"][0]["odbc_params"]["path"]
    given = {"server_hostname": HOST, "http_path": path, "access_token": TOKEN}
    return sql.connect(**{**given, "use_kernel": True, "enable_telemetry": False, **options})


def probe_rows() -> None:
    """use_kernel: rows of all plain types, description, fetchmany"""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 AS i, 'text' AS s, CAST(2.50 AS DECIMAL(10, 2)) AS d, true AS b,"
            " DATE'2026-01-02' AS day, TIMESTAMP_NTZ'2026-01-02 03:04:05.678' AS moment,"
            " CAST(1.5 AS DOUBLE) AS f, CAST(NULL AS STRING) AS none, X'0102' AS raw,"
            " array(1, 2) AS list"
        )
        assert cursor.description[2][4:6] == (10, 2), cursor.description[2]
        row = cursor.fetchone()
        assert (row.i, row.s, row.d, row.b) == (1, "text", Decimal("2.50"), True), row
        assert (row.day, row.f, row.none) == (date(2026, 1, 2), 1.5, None), row
        assert row.moment == datetime(2026, 1, 2, 3, 4, 5, 678000), row
        assert (bytes(row.raw), list(row.list)) == (b"\x01\x02", [1, 2]), row
        assert cursor.fetchone() is None
        cursor.execute("SELECT id FROM range(10) ORDER BY id")
        assert [one.id for one in cursor.fetchmany(4)] == [0, 1, 2, 3]
        assert [one[0] for one in cursor.fetchall()] == list(range(4, 10))
        cursor.execute("SELECT id FROM range(10) WHERE id > 99")
        assert cursor.fetchall() == []


def probe_large() -> None:
    """use_kernel: 300,000 rows by links, as rows and as Arrow"""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, id * 2 AS twice FROM range(300000)")
        found = cursor.fetchall()
        assert len(found) == 300_000
        assert sum(one.twice for one in found) == 300_000 * 299_999
        cursor.execute("SELECT id, CAST(id AS STRING) AS text FROM range(300000)")
        table = cursor.fetchall_arrow()
        assert {one.as_py() for one in table.column("text")} == {str(n) for n in range(300_000)}


def probe_sessions() -> None:
    """use_kernel: catalog, schema and what statements set stay in the session; parameters"""
    catalog, schema = SCHEMA.split(".")
    name = unique("kernel")
    with connect(catalog=catalog, schema=schema) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_catalog(), current_schema()")
        assert tuple(cursor.fetchone()) == (catalog, schema)
        cursor.execute(f"CREATE TEMPORARY VIEW {name} AS SELECT 7 AS x")
        cursor.execute(f"SELECT x + :more FROM {name}", {"more": 3})
        assert cursor.fetchone()[0] == 10
        cursor.execute("SELECT ? + 1", [4])
        assert cursor.fetchone()[0] == 5
        with connect() as other, other.cursor() as second:
            assert "SQLSTATE" in refusal(lambda: second.execute(f"SELECT x FROM {name}"))


def probe_writes() -> None:
    """use_kernel: CREATE, INSERT with parameters, MERGE, DROP"""
    table = f"{SCHEMA}.{unique('k')}"
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (a INT, b STRING)")
        cursor.execute(f"INSERT INTO {table} VALUES (:a, :b)", {"a": 1, "b": "it's"})
        cursor.execute(
            f"MERGE INTO {table} t USING (SELECT 1 AS a) s ON t.a = s.a"
            " WHEN MATCHED THEN UPDATE SET b = 'done'"
        )
        cursor.execute(f"SELECT a, b FROM {table}")
        assert [tuple(one) for one in cursor.fetchall()] == [(1, "done")]
        cursor.execute(f"DROP TABLE {table}")


def probe_metadata() -> None:
    """use_kernel: catalogs, schemas, tables, columns"""
    catalog, schema = SCHEMA.split(".")
    table = unique("t")
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {SCHEMA}.{table} (a INT, b DECIMAL(8, 3) COMMENT 'price')")
        cursor.catalogs()
        assert catalog in [one[0] for one in cursor.fetchall()]
        cursor.schemas(catalog_name=catalog, schema_name=schema)
        assert [one[0] for one in cursor.fetchall()] == [schema]
        cursor.tables(catalog_name=catalog, schema_name=schema)
        assert table in [one.TABLE_NAME for one in cursor.fetchall()]
        cursor.columns(catalog_name=catalog, schema_name=schema, table_name=table)
        rows = [(one.COLUMN_NAME, one.TYPE_NAME, one.REMARKS) for one in cursor.fetchall()]
        assert [one[0] for one in rows] == ["a", "b"], rows
        assert rows[1][1:] == ("DECIMAL(8,3)", "price"), rows


def probe_errors() -> None:
    """use_kernel: errors of statements and of a wrong token, cancel, execute_async"""
    with connect() as connection, connection.cursor() as cursor:
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
    assert refusal(lambda: connect(access_token="dapi" + "0" * 40))


def probe_tls() -> None:
    """use_kernel: by TLS, as against Databricks"""
    given = {
        "server_hostname": TLS_HOST.removeprefix("https://"),
        "_tls_trusted_ca_file": TLS_BUNDLE,
    }
    with connect(**given) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM range(3) ORDER BY id")
        assert [one.id for one in cursor.fetchall()] == [0, 1, 2]
