"""What catalogs, schemas, tables, columns and functions there are, as drivers ask for it.

Columns and their names are those that Spark's Thrift server gives, which are JDBC's. Patterns are
SQL's, with `\\` before a `%` or `_` that is meant. Everybody sees what he may see.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo

if TYPE_CHECKING:
    import pyarrow

    from brickyard.workspace.catalog.engine import CatalogEngine

Columns = Sequence[tuple[str, str]]  # name and SQL type
Rows = list[tuple[Any, ...]]

CATALOGS: Final[Columns] = (("TABLE_CAT", "STRING"),)
SCHEMAS: Final[Columns] = (("TABLE_SCHEM", "STRING"), ("TABLE_CATALOG", "STRING"))
TABLES: Final[Columns] = tuple(
    (name, "STRING")
    for name in (
        *("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS", "TYPE_CAT"),
        *("TYPE_SCHEM", "TYPE_NAME", "SELF_REFERENCING_COL_NAME", "REF_GENERATION"),
    )
)
COLUMNS: Final[Columns] = (
    *((name, "STRING") for name in ("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME")),
    ("DATA_TYPE", "INT"),
    ("TYPE_NAME", "STRING"),
    ("COLUMN_SIZE", "INT"),
    ("BUFFER_LENGTH", "TINYINT"),
    ("DECIMAL_DIGITS", "INT"),
    ("NUM_PREC_RADIX", "INT"),
    ("NULLABLE", "INT"),
    ("REMARKS", "STRING"),
    ("COLUMN_DEF", "STRING"),
    ("SQL_DATA_TYPE", "INT"),
    ("SQL_DATETIME_SUB", "INT"),
    ("CHAR_OCTET_LENGTH", "INT"),
    ("ORDINAL_POSITION", "INT"),
    ("IS_NULLABLE", "STRING"),
    ("SCOPE_CATALOG", "STRING"),
    ("SCOPE_SCHEMA", "STRING"),
    ("SCOPE_TABLE", "STRING"),
    ("SOURCE_DATA_TYPE", "SMALLINT"),
    ("IS_AUTO_INCREMENT", "STRING"),
)
TABLE_TYPES: Final[Columns] = (("TABLE_TYPE", "STRING"),)
FUNCTIONS: Final[Columns] = (
    *((name, "STRING") for name in ("FUNCTION_CAT", "FUNCTION_SCHEM", "FUNCTION_NAME", "REMARKS")),
    ("FUNCTION_TYPE", "INT"),
    ("SPECIFIC_NAME", "STRING"),
)
TYPE_INFO: Final[Columns] = (
    ("TYPE_NAME", "STRING"),
    ("DATA_TYPE", "INT"),
    ("PRECISION", "INT"),
    *((name, "STRING") for name in ("LITERAL_PREFIX", "LITERAL_SUFFIX", "CREATE_PARAMS")),
    ("NULLABLE", "SMALLINT"),
    ("CASE_SENSITIVE", "BOOLEAN"),
    ("SEARCHABLE", "SMALLINT"),
    ("UNSIGNED_ATTRIBUTE", "BOOLEAN"),
    ("FIXED_PREC_SCALE", "BOOLEAN"),
    ("AUTO_INCREMENT", "BOOLEAN"),
    ("LOCAL_TYPE_NAME", "STRING"),
    ("MINIMUM_SCALE", "SMALLINT"),
    ("MAXIMUM_SCALE", "SMALLINT"),
    ("SQL_DATA_TYPE", "INT"),
    ("SQL_DATETIME_SUB", "INT"),
    ("NUM_PREC_RADIX", "INT"),
)
KEYS: Final[Columns] = (
    *((name, "STRING") for name in ("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME")),
    ("KEY_SEQ", "INT"),
    ("PK_NAME", "STRING"),
)
REFERENCES: Final[Columns] = (
    *(
        (f"PK{name}", "STRING")
        for name in ("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME")
    ),
    *(
        (f"FK{name}", "STRING")
        for name in ("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME")
    ),
    ("KEY_SEQ", "INT"),
    ("UPDATE_RULE", "INT"),
    ("DELETE_RULE", "INT"),
    ("FK_NAME", "STRING"),
    ("PK_NAME", "STRING"),
    ("DEFERRABILITY", "INT"),
)

# JDBC's type, size, and whether it is a number in base 10; of the SQL types.
_JDBC: Final[Mapping[str, tuple[int, int | None, bool]]] = {
    "BOOLEAN": (16, 1, False),
    "TINYINT": (-6, 3, True),
    "BYTE": (-6, 3, True),
    "SMALLINT": (5, 5, True),
    "SHORT": (5, 5, True),
    "INT": (4, 10, True),
    "INTEGER": (4, 10, True),
    "BIGINT": (-5, 19, True),
    "LONG": (-5, 19, True),
    "FLOAT": (6, 7, True),
    "DOUBLE": (8, 15, True),
    "DECIMAL": (3, 38, True),
    "STRING": (12, None, False),
    "BINARY": (-2, None, False),
    "DATE": (91, 4, False),
    "TIMESTAMP": (93, 8, False),
    "TIMESTAMP_NTZ": (93, 8, False),
    "ARRAY": (2003, None, False),
    "MAP": (2000, None, False),
    "STRUCT": (2002, None, False),
    "VARIANT": (1111, None, False),
}
_DIGITS: Final = re.compile(r"\((\d+)(?:\s*,\s*(\d+))?\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The catalog, as one principal sees it."""

    catalog: CatalogEngine
    principal: Principal
    workspace: WorkspaceInfo

    def catalogs(self, pattern: str | None = None) -> Iterator[str]:
        for one in self.catalog.catalogs.visible(self.principal, self.workspace):
            if like(one.name, pattern):
                yield one.name

    def schemas(self, catalog: str | None, schema: str | None) -> Iterator[tuple[str, str]]:
        for name in self.catalogs(catalog):
            for one in self._below(self.catalog.schemas.visible, name):
                if like(one.name, schema):
                    yield name, one.name

    def tables(
        self, catalog: str | None, schema: str | None, table: str | None, kinds: Sequence[str] = ()
    ) -> Iterator[Any]:
        """Securables of tables and views, each with its kind as drivers name it."""
        wanted = {kind.upper() for kind in kinds}
        for name, inner in self.schemas(catalog, schema):
            for one in self._below(self.catalog.tables.visible, f"{name}.{inner}"):
                kind = "VIEW" if one.details.get("view_definition") else "TABLE"
                if like(one.name, table) and (not wanted or kind in wanted):
                    yield one, kind

    def functions(
        self, catalog: str | None, schema: str | None, function: str | None
    ) -> Iterator[Any]:
        for name, inner in self.schemas(catalog, schema):
            for one in self._below(self.catalog.functions.visible, f"{name}.{inner}"):
                if like(one.name, function):
                    yield one

    def _below(self, visible: Callable[..., list[Any]], parent: str) -> list[Any]:
        with contextlib.suppress(ApiError):
            return visible(self.principal, self.workspace, parent)
        return []

    def table_rows(self, *asked: Any) -> Rows:
        return [
            (*one.full_name.split("."), kind, one.comment or "", None, None, None, None, None)
            for one, kind in self.tables(*asked)
        ]

    def column_rows(
        self, catalog: str | None, schema: str | None, table: str | None, column: str | None
    ) -> Rows:
        found: Rows = []
        for one, _ in self.tables(catalog, schema, table):
            for at, told in enumerate(self.catalog.table(one.full_name).columns):
                if like(str(told["name"]), column):
                    found.append(_column(one.full_name, at, told))
        return found

    def function_rows(self, *asked: Any) -> Rows:
        return [
            (*one.full_name.split("."), one.comment or "", 1, one.full_name)
            for one in self.functions(*asked)
        ]


def type_rows() -> Rows:
    return [
        (
            *(name, jdbc, size, None, None, None, 1, name == "STRING", 3, not is_number, False),
            *(False, None, 0, 0, None, None, 10 if is_number else None),
        )
        for name, (jdbc, size, is_number) in _JDBC.items()
        if name not in ("BYTE", "SHORT", "INTEGER", "LONG")
    ]


def table(columns: Columns, rows: Rows) -> tuple[pyarrow.Table, list[str]]:
    """As Arrow, with the SQL type of each column."""
    import pyarrow as pa

    arrow = {
        "STRING": pa.string(),
        "INT": pa.int32(),
        "SMALLINT": pa.int16(),
        "TINYINT": pa.int8(),
        "BOOLEAN": pa.bool_(),
    }
    turned = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = [
        pa.array(values, type=arrow[kind])
        for values, (_, kind) in zip(turned, columns, strict=True)
    ]
    names = [name for name, _ in columns]
    return pa.Table.from_arrays(arrays, names=names), [kind for _, kind in columns]


def like(name: str, pattern: str | None) -> bool:
    """Whether a name fits; no pattern fits all."""
    if pattern in (None, "", "%", "*"):
        return True
    parts = re.split(r"(\\.|%|_)", str(pattern))
    shapes = {"%": ".*", "_": "."}
    shape = "".join(
        shapes.get(part) or re.escape(part[1:] if part.startswith("\\") else part) for part in parts
    )
    return re.fullmatch(shape, name, re.IGNORECASE | re.DOTALL) is not None


def _column(full_name: str, at: int, told: Mapping[str, Any]) -> tuple[Any, ...]:
    kind = str(told.get("type_text") or told.get("type_name") or "STRING").upper()
    base = re.split(r"[<(]", kind, maxsplit=1)[0].strip()
    jdbc, size, is_number = _JDBC.get(base, (1111, None, False))
    digits = _DIGITS.search(kind) if base == "DECIMAL" else None
    size = int(digits[1]) if digits else size
    scale = int(digits[2] or 0) if digits else (0 if is_number else None)
    nullable = told.get("nullable") is not False
    return (
        *(*full_name.split("."), told["name"], jdbc, kind, size, None, scale),
        *(10 if is_number else None, int(nullable), told.get("comment") or "", None, None, None),
        *(None, at, "YES" if nullable else "NO", None, None, None, None, "NO"),
    )
