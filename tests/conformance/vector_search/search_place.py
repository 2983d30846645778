"""Where a module's tests of vector search take place."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import ColumnInfo, DataSourceFormat, TableType


@dataclass(frozen=True, slots=True)
class Place:
    """A schema of its own and an endpoint, for one module."""

    client: WorkspaceClient
    schema: str
    endpoint: str

    def table(self, name: str, *columns: tuple[str, Any]) -> str:
        """An empty Delta table; its columns as (name, Delta type)."""
        catalog, schema = self.schema.split(".")
        self.client.tables.create(
            name,
            catalog,
            schema,
            TableType.MANAGED,
            DataSourceFormat.DELTA,
            "",
            columns=[
                ColumnInfo(name=column, type_json=json.dumps(kind)) for column, kind in columns
            ],
        )
        return f"{self.schema}.{name}"


FLOATS = {"type": "array", "elementType": "float", "containsNull": True}


def folder(client: WorkspaceClient, table: str) -> str:
    return unquote(urlsplit(str(client.tables.get(table).storage_location)).path)


def state(client: WorkspaceClient, name: str) -> dict[str, Any]:
    """The status as it is sent: the SDK drops `detailed_state`."""
    got: Any = client.api_client.do("GET", f"/api/2.0/vector-search/indexes/{name}")
    found: dict[str, Any] = got["status"]
    return found


def wait(client: WorkspaceClient, name: str, done: Callable[[dict[str, Any]], bool]) -> Any:
    for _ in range(300):
        found = state(client, name)
        if done(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{name} stays {found}")


def online(status: dict[str, Any]) -> bool:
    return bool(status["detailed_state"] == "ONLINE_NO_PENDING_UPDATE")
