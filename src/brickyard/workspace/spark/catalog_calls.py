"""`spark.catalog` listings and look-ups, answered from the catalog in Spark's own shapes.

The engine would name schemas `dev.default` and show a catalog of its own. Everything not here
(settings of the session, functions) is the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark.answers import Answer
from brickyard.workspace.spark.commands.namespaces import like
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.turn import Turn

_TABLE: Final = {
    "name": "string",
    "catalog": "string",
    "namespace": "strings",
    "description": "string",
    "tableType": "string",
    "isTemporary": "bool",
}
_SCHEMA: Final = {
    "name": "string",
    "catalog": "string",
    "description": "string",
    "locationUri": "string",
}


def answer(turn: Turn, catalog: Any) -> Answer | None:
    """The table that answers this call; None leaves it to the engine."""
    kind = catalog.WhichOneof("cat_type")
    run = _CALLS.get(kind)
    return run(turn, getattr(catalog, kind)) if run else None


def list_catalogs(turn: Turn, call: Any) -> Answer:
    found = turn.lake.catalog.catalogs.visible(turn.principal, turn.workspace)
    rows = [(one.full_name, one.comment) for one in found if like(one.full_name, call.pattern)]
    return Answer(columns={"name": "string", "description": "string"}, rows=rows)


def list_schemas(turn: Turn, call: Any) -> Answer:
    catalog = turn.session.catalog
    found = turn.lake.catalog.schemas.visible(turn.principal, turn.workspace, catalog)
    rows = [(one.name, catalog, one.comment, "") for one in found if like(one.name, call.pattern)]
    return Answer(columns=_SCHEMA, rows=rows)


def list_tables(turn: Turn, call: Any) -> Answer:
    schema = f"{turn.session.catalog}.{turn.session.schema}"
    if call.db_name:
        schema = turn.session.qualified_schema(Cursor(call.db_name).name())
    found = turn.lake.catalog.tables.visible(turn.principal, turn.workspace, schema)
    rows: list[Sequence[Any]] = [_table(one) for one in found if like(one.name, call.pattern)]
    rows += [_temporary(name) for name in turn.session.temp_views if like(name, call.pattern)]
    return Answer(columns=_TABLE, rows=rows)


def get_table(turn: Turn, call: Any) -> Answer:
    parts = _parts(call)
    if len(parts) == 1 and parts[0].lower() in turn.session.temp_views:
        return Answer(columns=_TABLE, rows=[_temporary(parts[0].lower())])
    name = turn.session.qualified(parts)
    turn.lake.catalog.tables.get(turn.principal, turn.workspace, name)
    return Answer(columns=_TABLE, rows=[_table(turn.lake.find(name))])


def table_exists(turn: Turn, call: Any) -> Answer:
    parts = _parts(call)
    if len(parts) == 1 and parts[0].lower() in turn.session.temp_views:
        return _truth(True)
    try:
        name = turn.session.qualified(parts)
        return _truth(turn.lake.catalog.tables.exists(turn.principal, turn.workspace, name))
    except ApiError as fault:
        if fault.code.endswith("_DOES_NOT_EXIST"):
            return _truth(False)
        raise


def schema_exists(turn: Turn, call: Any) -> Answer:
    try:
        name = turn.session.qualified_schema(Cursor(call.db_name).name())
        turn.lake.catalog.schemas.get(turn.principal, turn.workspace, name)
    except ApiError as fault:
        if fault.code.endswith("_DOES_NOT_EXIST"):
            return _truth(False)
        raise
    return _truth(True)


def get_schema(turn: Turn, call: Any) -> Answer:
    name = turn.session.qualified_schema(Cursor(call.db_name).name())
    found = turn.lake.catalog.schemas.get(turn.principal, turn.workspace, name)
    return Answer(columns=_SCHEMA, rows=[(found.name, found.catalog_name, found.comment, "")])


def _table(found: Any) -> Sequence[Any]:
    kind = "VIEW" if found.details.get("view_definition") else "MANAGED"
    catalog, schema, name = found.full_name.split(".")
    return (name, catalog, [schema], found.comment, kind, False)


def _temporary(name: str) -> Sequence[Any]:
    return (name, None, [], None, "TEMPORARY", True)


def _truth(value: bool) -> Answer:
    return Answer(columns={"value": "bool"}, rows=[(value,)])


def _parts(call: Any) -> tuple[str, ...]:
    parts = Cursor(call.table_name).name()
    if call.db_name and len(parts) == 1:
        parts = (*Cursor(call.db_name).name(), *parts)
    return parts


_CALLS: Final[Mapping[str, Callable[[Turn, Any], Answer]]] = {
    "list_catalogs": list_catalogs,
    "list_databases": list_schemas,
    "list_tables": list_tables,
    "get_table": get_table,
    "table_exists": table_exists,
    "database_exists": schema_exists,
    "get_database": get_schema,
}
