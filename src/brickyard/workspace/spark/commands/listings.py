"""SHOW TABLES and SHOW COLUMNS over a whole catalog, as drivers ask what there is.

    SHOW TABLES IN ALL CATALOGS | IN CATALOG c  [SCHEMA LIKE 'p'] [LIKE 'p']
    SHOW COLUMNS IN CATALOG c  [SCHEMA LIKE 'p'] [TABLE LIKE 'p'] [LIKE 'p']

The official drivers send these over the Statement Execution API; they are in no public reference.
Columns are named as those drivers read them. Patterns are those of SHOW.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark.answers import Answer
from brickyard.workspace.spark.commands.namespaces import like
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.turn import Turn

TABLES: Final[Mapping[str, str]] = {
    "namespace": "string",
    "tableName": "string",
    "isTemporary": "bool",
    "information": "string",
    "catalogName": "string",
    "tableType": "string",
    "remarks": "string",
}
COLUMNS: Final[Mapping[str, str]] = {
    "col_name": "string",
    "catalogName": "string",
    "namespace": "string",
    "tableName": "string",
    "columnType": "string",
    "columnSize": "string",
    "decimalDigits": "string",
    "radix": "string",
    "isNullable": "string",
    "remarks": "string",
    "ordinalPosition": "string",
}
DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(\d+)\)", re.IGNORECASE)


def show_tables_anywhere(turn: Turn, cursor: Cursor) -> Answer:
    visible = turn.lake.catalog.catalogs.visible(turn.principal, turn.workspace)
    return _tables(turn, cursor, [one.name for one in visible])


def show_tables_of_catalog(turn: Turn, cursor: Cursor) -> Answer:
    return _tables(turn, cursor, [_catalog(turn, cursor)])


def show_columns_of_catalog(turn: Turn, cursor: Cursor) -> Answer:
    catalog = _catalog(turn, cursor)
    schema, table = _pattern(cursor, "SCHEMA"), _pattern(cursor, "TABLE")
    column = _pattern(cursor)
    cursor.end()
    rows: list[Sequence[object]] = []
    for one in _listed(turn, [catalog], schema, table):
        for at, told in enumerate(turn.lake.catalog.table(one.full_name).columns):
            if like(str(told["name"]), column):
                rows.append(_column(one.full_name, at, told))
    return Answer(columns=COLUMNS, rows=rows)


def _tables(turn: Turn, cursor: Cursor, catalogs: Sequence[str]) -> Answer:
    schema, table = _pattern(cursor, "SCHEMA"), _pattern(cursor)
    cursor.end()
    rows = []
    for one in _listed(turn, catalogs, schema, table):
        catalog, namespace, name = one.full_name.split(".")
        kind = "VIEW" if one.details.get("view_definition") else "TABLE"
        rows.append((namespace, name, False, None, catalog, kind, one.comment or ""))
    return Answer(columns=TABLES, rows=rows)


def _listed(turn: Turn, catalogs: Sequence[str], schema: str, table: str) -> Iterator[Any]:
    catalog = turn.lake.catalog
    for name in catalogs:
        for inner in _below(turn, catalog.schemas.visible, name):
            if like(inner.name, schema):
                found = _below(turn, catalog.tables.visible, inner.full_name)
                yield from (one for one in found if like(one.name, table))


def _below(turn: Turn, visible: Callable[..., list[Any]], parent: str) -> list[Any]:
    """What the caller sees there: nothing, where not even the parent is for him."""
    with contextlib.suppress(ApiError):
        return visible(turn.principal, turn.workspace, parent)
    return []


def _catalog(turn: Turn, cursor: Cursor) -> str:
    """The catalog named. Raises CATALOG_DOES_NOT_EXIST."""
    name = ".".join(cursor.name()).lower()
    turn.lake.catalog.catalogs.get(turn.principal, turn.workspace, name)
    return name


def _pattern(cursor: Cursor, *before: str) -> str:
    return cursor.string() if cursor.take(*before, "LIKE") else ""


def _column(full_name: str, at: int, told: Mapping[str, Any]) -> tuple[str | None, ...]:
    catalog, namespace, name = full_name.split(".")
    kind = str(told.get("type_text") or told.get("type_name") or "string").upper()
    digits = DECIMAL.fullmatch(kind)
    return (
        *(str(told["name"]), catalog, namespace, name, kind),
        *((digits[1], digits[2], "10") if digits else (None, None, None)),
        str(told.get("nullable") is not False).lower(),
        str(told.get("comment") or ""),
        str(at),
    )


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "SHOW TABLES IN ALL CATALOGS": show_tables_anywhere,
    "SHOW TABLES IN CATALOG": show_tables_of_catalog,
    "SHOW COLUMNS IN CATALOG": show_columns_of_catalog,
}
