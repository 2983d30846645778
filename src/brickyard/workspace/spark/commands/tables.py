"""Tables and views: DROP, TRUNCATE, ALTER, COMMENT ON, and the making of views."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark import datatypes
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.answers import NOTHING, Answer
from brickyard.workspace.spark.commands.namespaces import pairs, quietly
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.refusals import Refusal, unsupported
from brickyard.workspace.spark.setup import VIEW
from brickyard.workspace.spark.turn import Turn


def drop_table(turn: Turn, cursor: Cursor) -> Answer | None:
    return _drop(turn, cursor, view=False)


def drop_view(turn: Turn, cursor: Cursor) -> Answer | None:
    return _drop(turn, cursor, view=True)


def _drop(turn: Turn, cursor: Cursor, *, view: bool) -> Answer | None:
    quiet = cursor.take("IF", "EXISTS")
    parts = cursor.name()
    cursor.take("PURGE")
    cursor.end()
    if len(parts) == 1 and turn.session.temp_views.pop(parts[0].lower(), None) is not None:
        turn.run_sql(f"DROP VIEW IF EXISTS `{parts[0]}`")
        turn.session.setup.forget(VIEW, parts[0])
        return NOTHING
    name = turn.session.qualified(parts)
    with quietly(quiet, "TABLE_DOES_NOT_EXIST"), quietly(quiet, "SCHEMA_DOES_NOT_EXIST"):
        turn.lake.catalog.authorize(turn.principal, turn.workspace, "MANAGE", "table", name)
        is_view = turn.lake.view_text(name) is not None
        if is_view != view:
            kind, other = ("view", "VIEW") if is_view else ("table", "TABLE")
            raise Refusal(
                "WRONG_COMMAND_FOR_OBJECT_TYPE",
                f"'{name}' is a {kind}: use DROP {other}.",
                sql_state="42809",
            )
        turn.lake.catalog.drop_table(turn.principal, turn.workspace, name)
        turn.wrote(name)
    return NOTHING


def truncate(turn: Turn, cursor: Cursor) -> Answer:
    _, folder = modifiable(turn, cursor)
    cursor.end()
    from deltalake import DeltaTable

    DeltaTable(str(folder)).delete()
    turn.record()
    return NOTHING


def alter_table(turn: Turn, cursor: Cursor) -> Answer:
    name = turn.session.qualified(cursor.name())
    tables = turn.lake.catalog.tables
    if cursor.take("RENAME", "TO"):
        new = turn.session.qualified(cursor.name())
        if new.rpartition(".")[0] != name.rpartition(".")[0]:
            raise unsupported("Renaming a table into another schema")
        tables.change(turn.principal, turn.workspace, name, new_name=new.rpartition(".")[2])
    elif cursor.take("SET", "TBLPROPERTIES"):
        _set_properties(turn, name, pairs(cursor))
    elif cursor.take("SET", "OWNER", "TO") or cursor.take("OWNER", "TO"):
        tables.change(turn.principal, turn.workspace, name, owner=cursor.value())
    elif cursor.take("CLUSTER", "BY"):
        _folder(turn, name)  # a layout hint: nothing changes but MODIFY is needed
    elif cursor.take_any("ADD COLUMNS", "ADD COLUMN"):
        _add_columns(turn, name, cursor.rest())
    elif cursor.take_any("ALTER COLUMN", "CHANGE COLUMN"):
        _alter_column(turn, name, cursor)
    else:
        raise unsupported(f"ALTER TABLE … {cursor.rest()}")
    turn.record()
    return NOTHING


def _add_columns(turn: Turn, name: str, definitions: str) -> None:
    from deltalake import DeltaTable, Schema

    folder = _folder(turn, name)
    text = definitions.strip()
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    added = datatypes.columns(turn.parsed(text))
    had = {one["name"].lower() for one in turn.lake.catalog.tables.table(name).columns}
    for one in added:
        if one["name"].lower() in had:
            raise Refusal(
                "FIELD_ALREADY_EXISTS",
                f"Cannot add column '{one['name']}': {name} has one of this name.",
                sql_state="42710",
            )
    schema = Schema.from_json(json.dumps({"type": "struct", "fields": added}))
    DeltaTable(str(folder)).alter.add_columns(list(schema.fields))


def _alter_column(turn: Turn, name: str, cursor: Cursor) -> None:
    column = cursor.name()[-1]
    if not cursor.take("COMMENT"):
        raise unsupported(f"ALTER COLUMN {column} {cursor.rest()}")
    comment_on_column(turn, name, column, cursor.string())


def comment_on_column(turn: Turn, name: str, column: str, comment: str) -> None:
    tables = turn.lake.catalog.tables
    columns = [dict(one) for one in tables.get(turn.principal, turn.workspace, name).columns]
    found = [one for one in columns if one["name"].lower() == column.lower()]
    if not found:
        raise Refusal("UNRESOLVED_COLUMN", f"{name} has no column '{column}'.", sql_state="42703")
    found[0]["comment"] = comment
    tables.change(turn.principal, turn.workspace, name, columns=columns)


def _set_properties(turn: Turn, name: str, given: Mapping[str, str]) -> None:
    from deltalake import DeltaTable

    folder = _folder(turn, name)
    tables = turn.lake.catalog.tables
    delta = {key: value for key, value in given.items() if key.startswith("delta.")}
    if delta:
        DeltaTable(str(folder)).alter.set_table_properties(delta, raise_if_not_exists=False)
    had = dict(tables.table(name).properties)
    tables.change(turn.principal, turn.workspace, name, properties=had | dict(given))


def alter_schema(turn: Turn, cursor: Cursor) -> Answer:
    name = turn.session.qualified_schema(cursor.name())
    if not (cursor.take("SET", "OWNER", "TO") or cursor.take("OWNER", "TO")):
        raise unsupported(f"ALTER SCHEMA … {cursor.rest()}")
    turn.lake.catalog.schemas.change(turn.principal, turn.workspace, name, owner=cursor.value())
    return NOTHING


def comment_on(turn: Turn, cursor: Cursor) -> Answer:
    kind = cursor.take_any("TABLE", "VIEW", "SCHEMA", "DATABASE", "VOLUME", "CATALOG", "COLUMN")
    parts = cursor.name()
    cursor.need("IS")
    text = "" if cursor.take("NULL") else cursor.string()
    cursor.end()
    catalog = turn.lake.catalog
    who = (turn.principal, turn.workspace)
    if kind in ("TABLE", "VIEW"):
        catalog.tables.change(*who, turn.session.qualified(parts), comment=text)
    elif kind in ("SCHEMA", "DATABASE"):
        catalog.schemas.change(*who, turn.session.qualified_schema(parts), comment=text)
    elif kind == "VOLUME":
        catalog.volumes.change(*who, turn.session.qualified(parts), comment=text)
    elif kind == "CATALOG":
        catalog.catalogs.change(*who, parts[0].lower(), comment=text)
    elif kind == "COLUMN":
        comment_on_column(turn, turn.session.qualified(parts[:-1]), parts[-1], text)
    else:
        raise cursor.fault("what the comment is on")
    return NOTHING


def create_view(turn: Turn, statement: Any) -> Answer:
    """CREATE VIEW, from its parsed statement. The text is kept with its names made full."""
    tree = statement.tree
    from sqlglot import exp

    from brickyard.workspace.spark.tables import query_text

    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    name = turn.session.qualified(tuple(part.name for part in target.parts))
    turn.allow(statement.touched)
    as_written = statement.calling or statement.sql  # functions are called by whoever reads it
    original = type(statement)(kind=statement.kind, sql=as_written, tree=tree)
    text = turn.reader.functions(Touched()).qualified(_qualified(turn, query_text(original)))
    if isinstance(tree.this, exp.Schema):
        names = ", ".join(f"`{one.name}`" for one in tree.this.expressions)
        text = f"SELECT * FROM ({text}) AS v({names})"
    comment = None
    for one in tree.args["properties"].expressions if tree.args.get("properties") else ():
        if isinstance(one, exp.SchemaCommentProperty):
            comment = one.this.name
    columns = _view_columns(turn, text)
    catalog = turn.lake.catalog
    found = turn.lake.find(name)
    if found is not None and tree.args.get("exists"):
        return NOTHING
    if found is not None and tree.args.get("replace"):
        if turn.lake.view_text(name) is None:
            raise Refusal(
                "WRONG_COMMAND_FOR_OBJECT_TYPE", f"'{name}' is a table.", sql_state="42809"
            )
        catalog.tables.change(
            turn.principal,
            turn.workspace,
            name,
            view_definition=text,
            columns=columns,
            comment=comment,
        )
    else:
        catalog.create_table(
            turn.principal,
            turn.workspace,
            name,
            table_type="VIEW",
            view_definition=text,
            columns=columns,
            comment=comment,
        )
    return NOTHING


def _view_columns(turn: Turn, text: str) -> list[Mapping[str, Any]]:
    """Also proves that the query can be analysed at all."""
    from brickyard.workspace.catalog.delta import type_name, type_text
    from brickyard.workspace.spark.protocol import Relation

    understood = turn.reader.understand(text)
    turn.allow(understood.touched)
    relation = Relation()
    relation.sql.query = understood.sql
    return [
        {
            "name": one["name"],
            "type_text": type_text(one["type"]),
            "type_name": type_name(one["type"]),
            "position": at,
            "nullable": True,
        }
        for at, one in enumerate(datatypes.columns(turn.schema_of(relation)))
    ]


def _qualified(turn: Turn, text: str) -> str:
    """The view's query with every table name in full: it must mean the same from anywhere."""
    from sqlglot import exp, parse_one

    from brickyard.workspace.spark.statements import DIALECT, is_cte, is_path

    changes = []
    for table in parse_one(text, read=DIALECT).find_all(exp.Table):
        parts = tuple(part.name for part in table.parts)
        if isinstance(table.this, exp.Func) or is_path(parts):
            continue
        if len(parts) == 1 and is_cte(table):
            continue
        if len(parts) == 1 and parts[0].lower() in turn.session.temp_views:
            raise Refusal(
                "INVALID_TEMP_OBJ_REFERENCE",
                f"A view cannot be made on the temporary view '{parts[0]}'.",
                sql_state="42K0F",
            )
        full = ".".join(f"`{part}`" for part in turn.session.qualified(parts).split("."))
        alias = "" if table.alias else f" AS `{table.name}`"
        first, last = table.parts[0].meta["start"], table.parts[-1].meta["end"] + 1
        changes.append((first, last, full + (alias if len(parts) < 3 else "")))
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def modifiable(turn: Turn, cursor: Cursor) -> tuple[str, Path]:
    cursor.take("TABLE")
    name = turn.session.qualified(cursor.name())
    return name, _folder(turn, name)


def _folder(turn: Turn, name: str) -> Path:
    """The folder of a table that the caller may modify."""
    touched = Touched()
    touched.write(name)
    turn.allow(touched)
    folder = turn.lake.location(name)
    if folder is None:
        raise ApiError("TABLE_DOES_NOT_EXIST", f"'{name}' is a view and cannot be changed so.")
    return folder


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "DROP TABLE": drop_table,
    "DROP VIEW": drop_view,
    "TRUNCATE TABLE": truncate,
    "ALTER TABLE": alter_table,
    "ALTER SCHEMA": alter_schema,
    "COMMENT ON": comment_on,
}
