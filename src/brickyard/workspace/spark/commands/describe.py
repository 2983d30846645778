"""DESCRIBE and SHOW of one object: columns, details, history, properties, its CREATE statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.answers import Answer
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.refusals import unsupported
from brickyard.workspace.spark.turn import Turn

_COLUMNS: Final = {"col_name": "string", "data_type": "string", "comment": "string"}


def describe_table(turn: Turn, cursor: Cursor) -> Answer | None:
    extended = bool(cursor.take_any("EXTENDED", "FORMATTED"))
    parts = cursor.name()
    if _is_temporary(turn, parts):
        return _of_temporary(turn, parts)
    extended = bool(cursor.take_any("EXTENDED", "FORMATTED")) or extended
    if cursor.take("AS", "JSON"):
        raise unsupported("DESCRIBE … AS JSON", "Use the tables API.")
    cursor.end()
    table = turn.lake.catalog.tables.get(
        turn.principal, turn.workspace, turn.session.qualified(parts)
    )
    rows: list[Sequence[Any]] = [
        (one["name"], one["type_text"], one.get("comment")) for one in _columns(turn, table)
    ]
    split = sorted(
        (one for one in table.columns if one.get("partition_index") is not None),
        key=lambda one: int(one["partition_index"]),
    )
    if split:
        rows += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
        rows += [(one["name"], one["type_text"], one.get("comment")) for one in split]
    if extended:
        shown = {
            "Catalog": table.catalog_name,
            "Database": table.schema_name,
            "Table": table.name,
            "Created Time": _time(table.created_at),
            "Created By": table.created_by,
            "Type": table.table_type,
            "Comment": table.comment or "",
            "Location": table.storage_location.as_uri() if table.storage_location else "",
            "Provider": table.data_source_format.lower(),
            "Owner": table.owner,
            "View Text": table.view_definition or "",
            "Table Properties": "["
            + ",".join(f"{k}={v}" for k, v in table.properties.items())
            + "]",
        }
        rows += [("", "", ""), ("# Detailed Table Information", "", "")]
        rows += [(key, value, "") for key, value in shown.items() if value not in ("", "[]")]
    return Answer(columns=_COLUMNS, rows=rows)


def _columns(turn: Turn, table: Any) -> Sequence[Mapping[str, Any]]:
    if table.view_definition is None:
        found: Sequence[Mapping[str, Any]] = table.columns
        return found
    return _of_query(turn, f"SELECT * FROM {_quoted(table.full_name)}")


def _of_temporary(turn: Turn, parts: tuple[str, ...]) -> Answer:
    rows = [
        (one["name"], one["type_text"], None)
        for one in _of_query(turn, f"SELECT * FROM {_quoted('.'.join(parts))}")
    ]
    return Answer(columns=_COLUMNS, rows=rows)


def _of_query(turn: Turn, sql: str) -> Sequence[Mapping[str, Any]]:
    """The columns of a query, as the engine analyses it."""
    from brickyard.workspace.catalog.delta import type_text
    from brickyard.workspace.spark import datatypes
    from brickyard.workspace.spark.protocol import Relation

    statement = turn.reader.understand(sql)
    turn.allow(statement.touched)
    relation = Relation()
    relation.sql.query = statement.sql
    return [
        {"name": one["name"], "type_text": type_text(one["type"])}
        for one in datatypes.columns(turn.schema_of(relation))
    ]


def describe_schema(turn: Turn, cursor: Cursor) -> Answer:
    cursor.take("EXTENDED")
    full_name = turn.session.qualified_schema(cursor.name())
    found = turn.lake.catalog.schemas.get(turn.principal, turn.workspace, full_name)
    rows = [
        ("Catalog Name", found.catalog_name),
        ("Namespace Name", found.name),
        ("Comment", found.comment or ""),
        ("Location", ""),
        ("Owner", found.owner),
    ]
    columns = {"database_description_item": "string", "database_description_value": "string"}
    return Answer(columns=columns, rows=rows)


def describe_catalog(turn: Turn, cursor: Cursor) -> Answer:
    cursor.take("EXTENDED")
    found = turn.lake.catalog.catalogs.get(turn.principal, turn.workspace, cursor.name()[0].lower())
    rows = [
        ("Catalog Name", found.full_name),
        ("Comment", found.comment or ""),
        ("Owner", found.owner),
    ]
    return Answer(columns={"info_name": "string", "info_value": "string"}, rows=rows)


def describe_history(turn: Turn, cursor: Cursor) -> Answer:
    _name, table = _delta(turn, cursor)
    limit = int(cursor.value()) if cursor.take("LIMIT") else None
    cursor.end()
    rows = []
    for one in table.history(limit):
        parameters = one.get("operationParameters") or {}
        metrics = one.get("operationMetrics") or {}
        rows.append(
            (
                one.get("version"),
                one["timestamp"] * 1000 if one.get("timestamp") else None,
                one.get("userId"),
                one.get("userName"),
                one.get("operation"),
                [(str(k), str(v)) for k, v in parameters.items()],
                [(str(k), str(v)) for k, v in metrics.items()],
                one.get("engineInfo") or one.get("clientVersion"),
            )
        )
    columns = {
        "version": "int64",
        "timestamp": "timestamp",
        "userId": "string",
        "userName": "string",
        "operation": "string",
        "operationParameters": "map",
        "operationMetrics": "map",
        "engineInfo": "string",
    }
    return Answer(columns=columns, rows=rows)


def describe_detail(turn: Turn, cursor: Cursor) -> Answer:
    import pyarrow as pa

    name, table = _delta(turn, cursor)
    cursor.end()
    metadata = table.metadata()
    adds = pa.table(table.get_add_actions(flatten=True))
    sizes = adds.column("size_bytes").to_pylist()
    protocol = table.protocol()
    columns = {
        "format": "string",
        "id": "string",
        "name": "string",
        "description": "string",
        "location": "string",
        "createdAt": "timestamp",
        "partitionColumns": "strings",
        "numFiles": "int64",
        "sizeInBytes": "int64",
        "properties": "map",
        "minReaderVersion": "int32",
        "minWriterVersion": "int32",
    }
    row = (
        "delta",
        str(metadata.id),
        name,
        metadata.description,
        str(turn.lake.location(name)),
        metadata.created_time * 1000 if metadata.created_time else None,
        list(metadata.partition_columns),
        len(sizes),
        sum(sizes),
        [(str(k), str(v)) for k, v in metadata.configuration.items()],
        protocol.min_reader_version,
        protocol.min_writer_version,
    )
    return Answer(columns=columns, rows=[row])


def describe_query(turn: Turn, cursor: Cursor) -> Answer:
    rows = [(one["name"], one["type_text"], None) for one in _of_query(turn, cursor.rest())]
    return Answer(columns=_COLUMNS, rows=rows)


def describe_volume(turn: Turn, cursor: Cursor) -> Answer:
    found = turn.lake.catalog.volumes.get(
        turn.principal, turn.workspace, turn.session.qualified(cursor.name())
    )
    columns = {
        "name": "string",
        "catalog": "string",
        "database": "string",
        "owner": "string",
        "volumeType": "string",
        "comment": "string",
    }
    row = (found.name, found.catalog_name, found.schema_name, found.owner, "MANAGED", found.comment)
    return Answer(columns=columns, rows=[row])


def show_columns(turn: Turn, cursor: Cursor) -> Answer:
    cursor.take_any("IN", "FROM")
    parts = cursor.name()
    if cursor.take_any("IN", "FROM"):
        parts = (*cursor.name(), parts[-1])
    table = turn.lake.catalog.tables.get(
        turn.principal, turn.workspace, turn.session.qualified(parts)
    )
    return Answer(
        columns={"col_name": "string"}, rows=[(one["name"],) for one in _columns(turn, table)]
    )


def show_properties(turn: Turn, cursor: Cursor) -> Answer:
    name, table = _delta(turn, cursor)
    recorded = turn.lake.catalog.tables.table(name).properties
    found = {**table.metadata().configuration, **recorded}
    return Answer(columns={"key": "string", "value": "string"}, rows=sorted(found.items()))


def show_create_table(turn: Turn, cursor: Cursor) -> Answer:
    name = turn.session.qualified(cursor.name())
    table = turn.lake.catalog.tables.get(turn.principal, turn.workspace, name)
    if table.view_definition is not None:
        text = f"CREATE VIEW {name} AS {table.view_definition}"
    else:
        lines = []
        for one in table.columns:
            line = f"  {one['name']} {one['type_text'].upper()}"
            line += "" if one.get("nullable", True) else " NOT NULL"
            line += f" COMMENT {_literal(one['comment'])}" if one.get("comment") else ""
            lines.append(line)
        text = f"CREATE TABLE {name} (\n" + ",\n".join(lines) + ")\nUSING delta"
        split = [one["name"] for one in table.columns if one.get("partition_index") is not None]
        text += f"\nPARTITIONED BY ({', '.join(split)})" if split else ""
        text += f"\nCOMMENT {_literal(table.comment)}" if table.comment else ""
    return Answer(columns={"createtab_stmt": "string"}, rows=[(text,)])


def show_partitions(turn: Turn, cursor: Cursor) -> Answer:
    _, table = _delta(turn, cursor)
    names = table.metadata().partition_columns
    rows = [tuple(str(one[name]) for name in names) for one in table.partitions()]
    return Answer(columns=dict.fromkeys(names, "string"), rows=sorted(rows))


def show_functions(turn: Turn, cursor: Cursor) -> None:
    """The engine knows its own."""


def _delta(turn: Turn, cursor: Cursor) -> tuple[str, Any]:
    """The named table, for somebody who may read it, as delta-rs opens it."""
    from deltalake import DeltaTable

    name = turn.session.qualified(cursor.name())
    touched = Touched()
    touched.read(name)
    turn.allow(touched)
    folder = turn.lake.location(name)
    if folder is None:
        raise ApiError("TABLE_DOES_NOT_EXIST", f"'{name}' is a view and has no files.")
    return name, DeltaTable(str(folder))


def _is_temporary(turn: Turn, parts: tuple[str, ...]) -> bool:
    return len(parts) == 1 and parts[0].lower() in turn.session.temp_views


def _quoted(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split("."))


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _time(ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%a %b %d %H:%M:%S UTC %Y") if ms else ""


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "DESCRIBE": describe_table,
    "DESC": describe_table,
    "DESCRIBE TABLE": describe_table,
    "DESC TABLE": describe_table,
    "DESCRIBE SCHEMA": describe_schema,
    "DESCRIBE DATABASE": describe_schema,
    "DESC SCHEMA": describe_schema,
    "DESCRIBE CATALOG": describe_catalog,
    "DESCRIBE HISTORY": describe_history,
    "DESC HISTORY": describe_history,
    "DESCRIBE DETAIL": describe_detail,
    "DESC DETAIL": describe_detail,
    "DESCRIBE QUERY": describe_query,
    "DESCRIBE VOLUME": describe_volume,
    "SHOW COLUMNS": show_columns,
    "SHOW TBLPROPERTIES": show_properties,
    "SHOW CREATE TABLE": show_create_table,
    "SHOW PARTITIONS": show_partitions,
    "SHOW FUNCTIONS": show_functions,
}
