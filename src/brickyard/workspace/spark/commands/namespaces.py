"""Catalogs, schemas and volumes: CREATE, DROP, SHOW, USE."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark.answers import NOTHING, Answer
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.turn import Turn


def show_catalogs(turn: Turn, cursor: Cursor) -> Answer:
    pattern = _pattern(cursor)
    found = turn.lake.catalog.catalogs.visible(turn.principal, turn.workspace)
    return _names("catalog", [one.full_name for one in found], pattern)


def show_schemas(turn: Turn, cursor: Cursor) -> Answer:
    catalog = turn.session.catalog
    if cursor.take_any("IN", "FROM"):
        catalog = cursor.name()[-1].lower()
    pattern = _pattern(cursor)
    found = turn.lake.catalog.schemas.visible(turn.principal, turn.workspace, catalog)
    return _names("databaseName", [one.name for one in found], pattern)


def show_tables(turn: Turn, cursor: Cursor) -> Answer:
    schema = _schema(turn, cursor)
    pattern = _pattern(cursor)
    found = turn.lake.catalog.tables.visible(turn.principal, turn.workspace, schema)
    rows: list[Sequence[object]] = [
        (schema.partition(".")[2], one.name, False) for one in found if like(one.name, pattern)
    ]
    rows += [("", name, True) for name in turn.session.temp_views if like(name, pattern)]
    columns = {"database": "string", "tableName": "string", "isTemporary": "bool"}
    return Answer(columns=columns, rows=rows)


def show_views(turn: Turn, cursor: Cursor) -> Answer:
    schema = _schema(turn, cursor)
    pattern = _pattern(cursor)
    found = turn.lake.catalog.tables.visible(turn.principal, turn.workspace, schema)
    rows: list[Sequence[object]] = [
        (schema.partition(".")[2], one.name, False)
        for one in found
        if one.details.get("view_definition") and like(one.name, pattern)
    ]
    rows += [("", name, True) for name in turn.session.temp_views if like(name, pattern)]
    columns = {"namespace": "string", "viewName": "string", "isTemporary": "bool"}
    return Answer(columns=columns, rows=rows)


def show_volumes(turn: Turn, cursor: Cursor) -> Answer:
    schema = _schema(turn, cursor)
    pattern = _pattern(cursor)
    found = turn.lake.catalog.volumes.visible(turn.principal, turn.workspace, schema)
    rows = [(schema.partition(".")[2], one.name) for one in found if like(one.name, pattern)]
    return Answer(columns={"database": "string", "volume_name": "string"}, rows=rows)


def use_catalog(turn: Turn, cursor: Cursor) -> Answer:
    (name,) = _one(cursor)
    cursor.end()
    return _use(turn, name, "default")


def use_schema(turn: Turn, cursor: Cursor) -> Answer:
    parts = cursor.name()
    cursor.end()
    catalog, schema = parts if len(parts) == 2 else (turn.session.catalog, parts[0])
    return _use(turn, catalog, schema)


def _use(turn: Turn, catalog: str, schema: str) -> Answer:
    catalog, schema = catalog.lower(), schema.lower()
    turn.lake.catalog.catalogs.get(turn.principal, turn.workspace, catalog)
    try:
        turn.lake.catalog.schemas.get(turn.principal, turn.workspace, f"{catalog}.{schema}")
    except ApiError:
        if schema != "default":
            raise
        use_engine(turn, catalog, None)
    else:
        use_engine(turn, catalog, schema)
    turn.session.catalog, turn.session.schema = catalog, schema
    return NOTHING


def use_engine(turn: Turn, catalog: str, schema: str | None) -> None:
    """The engine has no `USE a.b`: one after the other."""
    turn.run_sql(f"USE CATALOG `{catalog}`")
    if schema is not None:
        turn.run_sql(f"USE SCHEMA `{schema}`")


def create_schema(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "NOT", "EXISTS")
    full_name = turn.session.qualified_schema(cursor.name())
    comment = None
    properties: Mapping[str, str] = {}
    while not cursor.done:
        if cursor.take("COMMENT"):
            comment = cursor.string()
        elif cursor.take("WITH", "DBPROPERTIES"):
            properties = pairs(cursor)
        elif cursor.take("MANAGED", "LOCATION") or cursor.take("LOCATION"):
            raise cursor.fault("no location: the catalog places what a schema holds")
        else:
            cursor.end()
    catalog, _, name = full_name.partition(".")
    with quietly(quiet, "SCHEMA_ALREADY_EXISTS"):
        turn.lake.catalog.schemas.create(
            turn.principal, turn.workspace, catalog, name, comment=comment, properties=properties
        )
    return NOTHING


def drop_schema(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "EXISTS")
    full_name = turn.session.qualified_schema(cursor.name())
    force = cursor.take_any("CASCADE", "RESTRICT") == "CASCADE"
    cursor.end()
    with quietly(quiet, "SCHEMA_DOES_NOT_EXIST"):
        turn.lake.catalog.schemas.drop(turn.principal, turn.workspace, full_name, force=force)
    return NOTHING


def create_catalog(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "NOT", "EXISTS")
    (name,) = _one(cursor)
    comment = cursor.string() if cursor.take("COMMENT") else None
    cursor.end()
    with quietly(quiet, "CATALOG_ALREADY_EXISTS"):
        turn.lake.catalog.catalogs.create(
            turn.principal, turn.workspace, name.lower(), comment=comment
        )
    return NOTHING


def drop_catalog(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "EXISTS")
    (name,) = _one(cursor)
    force = cursor.take_any("CASCADE", "RESTRICT") == "CASCADE"
    cursor.end()
    with quietly(quiet, "CATALOG_DOES_NOT_EXIST"):
        turn.lake.catalog.catalogs.drop(turn.principal, turn.workspace, name.lower(), force=force)
    return NOTHING


def create_volume(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "NOT", "EXISTS")
    full_name = turn.session.qualified(cursor.name())
    comment = cursor.string() if cursor.take("COMMENT") else None
    cursor.end()
    schema, _, name = full_name.rpartition(".")
    with quietly(quiet, "VOLUME_ALREADY_EXISTS"):
        turn.lake.catalog.volumes.create(
            turn.principal, turn.workspace, schema, name, comment=comment
        )
    return NOTHING


def create_external_volume(turn: Turn, cursor: Cursor) -> Answer:
    raise cursor.fault("CREATE VOLUME: there are no external locations here")


def drop_volume(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "EXISTS")
    full_name = turn.session.qualified(cursor.name())
    cursor.end()
    with quietly(quiet, "VOLUME_DOES_NOT_EXIST"):
        turn.lake.catalog.volumes.drop(turn.principal, turn.workspace, full_name)
    return NOTHING


def pairs(cursor: Cursor) -> Mapping[str, str]:
    """`('a' = 'b', c.d = 1)`."""
    found: dict[str, str] = {}
    cursor.need("(")
    while not cursor.take(")"):
        key = cursor.maybe_string() or ".".join(cursor.name())
        cursor.take("=")
        found[key] = cursor.value()
        cursor.take(",")
        if cursor.done:
            raise cursor.fault("')'")
    return found


class quietly:
    """IF EXISTS and IF NOT EXISTS: the catalog's error of this code is no error."""

    def __init__(self, quiet: bool, code: str) -> None:
        self._quiet, self._code = quiet, code

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, fault: object, _trace: object) -> bool:
        return self._quiet and isinstance(fault, ApiError) and fault.code == self._code


def _schema(turn: Turn, cursor: Cursor) -> str:
    if cursor.take_any("IN", "FROM"):
        return turn.session.qualified_schema(cursor.name())
    return f"{turn.session.catalog}.{turn.session.schema}"


def _one(cursor: Cursor) -> tuple[str]:
    parts = (text,) if (text := cursor.maybe_string()) else cursor.name()
    if len(parts) != 1:
        raise cursor.fault("a name of one part")
    return (parts[0],)


def _pattern(cursor: Cursor) -> str:
    cursor.take("LIKE")
    pattern = cursor.maybe_string() or ""
    cursor.end()
    return pattern


def like(name: str, pattern: str) -> bool:
    """SHOW's own patterns: `*` for anything, `.` for a character, `|` for "or", any case.

    Spark takes the rest for a regular expression; here it stands for itself.
    """
    if not pattern:
        return True
    options = (re.escape(one.strip()) for one in pattern.replace("%", "*").split("|"))
    return any(
        re.fullmatch(one.replace(r"\*", ".*").replace(r"\.", "."), name, re.IGNORECASE)
        for one in options
    )


def _names(column: str, names: Sequence[str], pattern: str) -> Answer:
    return Answer(
        columns={column: "string"}, rows=[(name,) for name in names if like(name, pattern)]
    )


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "SHOW CATALOGS": show_catalogs,
    "SHOW SCHEMAS": show_schemas,
    "SHOW DATABASES": show_schemas,
    "SHOW TABLES": show_tables,
    "SHOW VIEWS": show_views,
    "SHOW VOLUMES": show_volumes,
    "USE CATALOG": use_catalog,
    "USE SCHEMA": use_schema,
    "USE DATABASE": use_schema,
    "USE": use_schema,
    "CREATE SCHEMA": create_schema,
    "CREATE DATABASE": create_schema,
    "DROP SCHEMA": drop_schema,
    "DROP DATABASE": drop_schema,
    "CREATE CATALOG": create_catalog,
    "DROP CATALOG": drop_catalog,
    "CREATE VOLUME": create_volume,
    "CREATE EXTERNAL VOLUME": create_external_volume,
    "DROP VOLUME": drop_volume,
}
