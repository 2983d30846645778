"""Reading through a warehouse, with the real SDK over HTTP: types, chunks, waiting, failures."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from data_quality_agent.tables import TableError, WarehouseTables

COLUMNS = [
    {"name": "code", "type_text": "STRING", "type_name": "STRING", "position": 0},
    {"name": "n", "type_text": "BIGINT", "type_name": "LONG", "position": 1},
    {"name": "rate", "type_text": "DECIMAL(10,2)", "type_name": "DECIMAL", "position": 2},
]
DONE: dict[str, Any] = {
    "statement_id": "1",
    "status": {"state": "SUCCEEDED"},
    "manifest": {"schema": {"columns": COLUMNS}},
    "result": {"data_array": [["A1", "3", "0.50"]], "next_chunk_index": 1},
}
FAILED = {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": "no such table"}}
STATEMENTS = "/api/2.0/sql/statements"


class Workspace(BaseHTTPRequestHandler):
    statements: list[dict[str, Any]]

    def do_GET(self) -> None:
        path = self.path.split("?")[0].rstrip("/")
        answers: dict[str, Any] = {
            "/api/2.0/sql/warehouses": {
                "warehouses": [
                    {"id": "asleep", "state": "STOPPED"},
                    {"id": "w", "state": "RUNNING"},
                ]
            },
            f"{STATEMENTS}/1": DONE,
            f"{STATEMENTS}/1/result/chunks/1": {"data_array": [[None, None, None]]},
            "/api/2.1/unity-catalog/tables": {
                "tables": [{"name": "b"}, {"name": "a"}, {"name": "t"}]
            },
        }
        self._answer(answers.get(path, {}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).statements.append(body)
        if "missing" in body["statement"]:
            self._answer({"statement_id": "2", "status": FAILED})
        else:
            self._answer({"statement_id": "1", "status": {"state": "PENDING"}})

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def tables(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[WarehouseTables]:
    monkeypatch.delenv("DATABRICKS_WAREHOUSE_ID", raising=False)
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Fresh", (Workspace,), {"statements": asked})
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    yield WarehouseTables(WorkspaceClient(host=host, token="token", auth_type="pat"))
    server.shutdown()
    server.server_close()


def test_rows_come_with_their_types_from_every_chunk(
    tables: WarehouseTables, asked: list[dict[str, Any]]
) -> None:
    assert tables.query("SELECT 1") == [
        {"code": "A1", "n": 3, "rate": 0.5},
        {"code": None, "n": None, "rate": None},
    ]
    assert asked[0]["warehouse_id"] == "w"  # the one that runs


def test_columns_keep_their_order_and_types(tables: WarehouseTables) -> None:
    expected = [("code", "string"), ("n", "bigint"), ("rate", "decimal(10,2)")]
    assert list(tables.columns("c.s.t").items()) == expected


def test_siblings_are_the_other_tables_of_the_schema(tables: WarehouseTables) -> None:
    assert tables.siblings("c.s.t") == ("c.s.a", "c.s.b")


def test_a_failed_statement_says_what_the_engine_said(tables: WarehouseTables) -> None:
    with pytest.raises(TableError, match="no such table"):
        tables.query("SELECT * FROM missing")
