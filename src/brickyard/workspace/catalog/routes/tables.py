"""Tables and views, as catalog.TablesAPI of the SDK and Spark engines call them.

A table that an engine registers EXTERNAL at a place the catalog gave it is shown MANAGED, because
the catalog owns its data. Not emulated: constraints, row filters, masks.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.catalog.metastore import ID
from brickyard.workspace.catalog.routes import sail, shown
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.catalog.tables import TableInfo
from brickyard.workspace.kernel import Call, Json, Route

BASE = "/api/2.1/unity-catalog/tables"
SUMMARIES = "/api/2.1/unity-catalog/table-summaries"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable:
    catalog_name: str
    schema_name: str
    name: str
    table_type: str = "MANAGED"
    data_source_format: str = "DELTA"
    storage_location: str | None = None
    columns: list[dict[str, Any]] = field(default_factory=list)
    comment: str | None = None
    properties: dict[str, str] | None = None
    view_definition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateTable:
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    properties: dict[str, str] | None = None


def create(call: Call) -> Json:
    want = call.read(CreateTable)
    made = call.engines.catalog.tables.create(
        call.principal,
        call.workspace,
        f"{want.catalog_name}.{want.schema_name}.{want.name}",
        table_type=want.table_type,
        data_source_format=want.data_source_format,
        storage_location=want.storage_location or None,
        columns=want.columns,
        comment=want.comment,
        properties=want.properties,
        view_definition=want.view_definition,
    )
    return sail.told(show(made)) if sail.asks(call) else show(made)


def fetch(call: Call) -> Json:
    tables = call.engines.catalog.tables
    found = show(tables.get(call.principal, call.workspace, call.path["full_name"]))
    return sail.told(found) if sail.asks(call) else found


def exists(call: Call) -> Json:
    tables = call.engines.catalog.tables
    found = tables.exists(call.principal, call.workspace, call.path["full_name"])
    return {"table_exists": found}


def browse(call: Call) -> Json:
    tables = call.engines.catalog.tables
    schema = f"{call.query('catalog_name')}.{call.query('schema_name')}"
    without = {"columns"} if call.flag("omit_columns") else set()
    without |= {"properties"} if call.flag("omit_properties") else set()

    def shown_row(one: Securable) -> Any:
        row = show(tables.show(one))
        row = sail.told(row) if sail.asks(call) else row
        return {key: value for key, value in row.items() if key not in without}

    found = tables.visible(call.principal, call.workspace, schema)
    return call.page("tables", found, shown_row)


def summaries(call: Call) -> Json:
    """Names and types of the tables whose schema and name match SQL LIKE patterns."""
    catalog = call.engines.catalog
    schemas = catalog.schemas.visible(call.principal, call.workspace, call.query("catalog_name"))
    found = [
        table
        for schema in schemas
        if _like(schema.name, call.query("schema_name_pattern"))
        for table in catalog.tables.visible(call.principal, call.workspace, schema.full_name)
        if _like(table.name, call.query("table_name_pattern"))
    ]
    return call.page("tables", found, _summary)


def update(call: Call) -> Json:
    want = call.read(UpdateTable)
    changed = call.engines.catalog.tables.change(
        call.principal,
        call.workspace,
        call.path["full_name"],
        new_name=want.new_name,
        owner=want.owner,
        comment=want.comment,
        properties=want.properties,
    )
    return show(changed)


def drop(call: Call) -> Json:
    call.engines.catalog.tables.drop(call.principal, call.workspace, call.path["full_name"])
    return {}


def show(table: TableInfo) -> dict[str, Any]:
    return shown.present(
        {
            "name": table.name,
            "catalog_name": table.catalog_name,
            "schema_name": table.schema_name,
            "full_name": table.full_name,
            "table_type": table.table_type,
            "data_source_format": table.data_source_format or None,
            "columns": list(table.columns),
            "storage_location": table.storage_location.as_uri() if table.storage_location else None,
            "view_definition": table.view_definition,
            "comment": table.comment,
            "properties": dict(table.properties),
            "owner": table.owner,
            "metastore_id": ID,
            "table_id": table.id,
            "created_at": table.created_at,
            "created_by": table.created_by,
            "updated_at": table.updated_at,
            "updated_by": table.updated_by,
        }
    )


def _summary(found: Securable) -> dict[str, Any]:
    return {"full_name": found.full_name, "table_type": found.details["table_type"]}


def _like(name: str, pattern: str) -> bool:
    """SQL LIKE as far as names need it: `%` for any text, `_` for one character."""
    if not pattern:
        return True
    plain = pattern.lower().replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
    return fnmatch.fnmatchcase(name, plain.replace("%", "*").replace("_", "?"))


ROUTES = (
    Route("POST", BASE, create),
    Route("GET", BASE, browse),
    Route("GET", BASE + "/{full_name}", fetch),
    Route("GET", BASE + "/{full_name}/exists", exists),
    Route("PATCH", BASE + "/{full_name}", update),
    Route("DELETE", BASE + "/{full_name}", drop),
    Route("GET", SUMMARIES, summaries),
)
