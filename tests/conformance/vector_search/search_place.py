"""Where a module's tests of vector search take place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

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
