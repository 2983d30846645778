"""Reading tables through a SQL warehouse, with the SQL statement execution API.

A model that is served has no Spark, so the agent needs none anywhere: in a notebook, a job and an
endpoint it reads in the same way, with the credentials of whoever runs it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Row = dict[str, Any]
# What this solution writes beside the data: no table refers to it.
OWN = re.compile(r"knowledge(_index)?|\w+_payload|\w+_(profile|drift)_metrics")


class TableError(RuntimeError):
    """A query failed; the message is the engine's."""


class Tables(Protocol):
    def columns(self, table: str) -> Mapping[str, str]:
        """Column names and types, in the table's order."""

    def siblings(self, table: str) -> tuple[str, ...]:
        """Full names of the other tables of data in the table's schema."""

    def query(self, statement: str) -> list[Row]:
        """The rows of one SELECT."""


class WarehouseTables:
    """Through `warehouse_id`, else DATABRICKS_WAREHOUSE_ID, else a warehouse that may be used."""

    def __init__(self, client: WorkspaceClient, warehouse_id: str | None = None) -> None:
        self._client = client
        self._warehouse_id = warehouse_id or os.environ.get("DATABRICKS_WAREHOUSE_ID")

    def columns(self, table: str) -> Mapping[str, str]:
        statement = self._run(f"SELECT * FROM {table} LIMIT 0")
        return {
            str(column.name): str(column.type_text or column.type_name).lower()
            for column in statement.manifest.schema.columns
        }

    def siblings(self, table: str) -> tuple[str, ...]:
        catalog, schema, _ = table.split(".")
        found = self._client.tables.list(catalog, schema, omit_columns=True, omit_properties=True)
        names = sorted(str(one.name) for one in found if not OWN.fullmatch(str(one.name)))
        full = (f"{catalog}.{schema}.{name}" for name in names)
        return tuple(name for name in full if name != table)

    def query(self, statement: str) -> list[Row]:
        answer = self._run(statement)
        columns = answer.manifest.schema.columns
        readers = [(str(c.name), _reader(str(c.type_text or c.type_name))) for c in columns]
        rows: list[Row] = []
        chunk = answer.result
        while chunk is not None:
            for values in chunk.data_array or []:
                pairs = zip(readers, values, strict=True)
                rows.append({n: None if v is None else read(v) for (n, read), v in pairs})
            if chunk.next_chunk_index is None:
                break
            chunk = self._client.statement_execution.get_statement_result_chunk_n(
                answer.statement_id, chunk.next_chunk_index
            )
        return rows

    def _run(self, statement: str, *, longest_s: float = 120) -> Any:
        from databricks.sdk.service.sql import StatementState as State

        api = self._client.statement_execution
        answer = api.execute_statement(statement, self._warehouse(), wait_timeout="30s")
        deadline = time.monotonic() + longest_s
        while answer.status.state in (State.PENDING, State.RUNNING):
            if time.monotonic() > deadline:
                api.cancel_execution(answer.statement_id)
                raise TableError(f"no answer within {longest_s:.0f} s: {statement[:200]}")
            time.sleep(0.2)
            answer = api.get_statement(answer.statement_id)
        if answer.status.state is not State.SUCCEEDED:
            error = answer.status.error
            raise TableError(error.message if error else f"statement {answer.status.state.value}")
        return answer

    def _warehouse(self) -> str:
        if self._warehouse_id is None:
            self._warehouse_id = find_warehouse(self._client)
        return self._warehouse_id


def find_warehouse(client: WorkspaceClient) -> str:
    """The id of a SQL warehouse, a running one if there is one."""
    found = list(client.warehouses.list())
    if not found:
        raise TableError("no SQL warehouse may be used here: set DATABRICKS_WAREHOUSE_ID")
    running = [one for one in found if one.state is not None and one.state.value == "RUNNING"]
    return str((running or found)[0].id)


def _reader(kind: str) -> Any:
    """What turns the API's text into a value; JSON results carry every value as text."""
    kind = kind.lower()
    if kind.startswith(("tinyint", "smallint", "int", "bigint", "long", "short", "byte")):
        return int
    if kind.startswith(("float", "double", "dec")):
        return float
    return str
