"""Rows as the Thrift service sends them: Arrow batches, or columns for clients without Arrow.

Types follow TCLIService: what it has no name for (complex types, intervals) is described by the
kind the drivers know and comes as Arrow has it, or as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.sql import rendering
from brickyard.workspace.sql.rendering import cell
from brickyard.workspace.sql.thrift.binary import (
    BOOL,
    BYTE,
    DOUBLE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    STRING,
    STRUCT,
    Fields,
)

if TYPE_CHECKING:
    import pyarrow

ARROW_SET, COLUMN_SET = 0, 1
STRING_TYPE: Final = 7
TYPES: Final[Mapping[str, int]] = {
    "BOOLEAN": 0,
    "TINYINT": 1,
    "SMALLINT": 2,
    "INT": 3,
    "BIGINT": 4,
    "FLOAT": 5,
    "DOUBLE": 6,
    "STRING": STRING_TYPE,
    "TIMESTAMP": 8,
    "TIMESTAMP_NTZ": 8,
    "BINARY": 9,
    "ARRAY": 10,
    "MAP": 11,
    "STRUCT": 12,
    "DECIMAL": 15,
    "VOID": 16,
    "DATE": 17,
}
_DECIMAL: Final = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)", re.IGNORECASE)
# Of a TColumn: field number, element kind, how a value is written. The rest is text.
_COLUMNS: Final[Mapping[str, tuple[int, int, Any]]] = {
    "BOOLEAN": (1, BOOL, False),
    "TINYINT": (2, BYTE, 0),
    "SMALLINT": (3, I16, 0),
    "INT": (4, I32, 0),
    "BIGINT": (5, I64, 0),
    "FLOAT": (6, DOUBLE, 0.0),
    "DOUBLE": (6, DOUBLE, 0.0),
    "BINARY": (8, STRING, b""),
}


def metadata(
    names: Sequence[str], types: Sequence[str], schema: Any, *, arrow: bool, lz4: bool
) -> Fields:
    """TGetResultSetMetadataResp. `schema` is that of the Arrow table."""
    columns = [
        ((1, STRING, name), (2, STRUCT, _described(kind)), (3, I32, at))
        for at, (name, kind) in enumerate(zip(names, types, strict=True), 1)
    ]
    return (
        (1, STRUCT, OK),
        (2, STRUCT, ((1, LIST, (STRUCT, columns)),)),
        (1281, I32, ARROW_SET if arrow else COLUMN_SET),
        (1282, BOOL, lz4),
        (1283, STRING, bytes(schema.serialize()) if arrow else None),
        (1287, BOOL, False),
    )


def row_set(
    table: pyarrow.Table, types: Sequence[str], start: int, *, arrow: bool, lz4: bool
) -> Fields:
    """TRowSet of all rows of the table, which begins at row `start` of the result."""
    if not arrow:
        columns = [_column(one, kind) for one, kind in zip(table.columns, types, strict=True)]
        return ((1, I64, start), (2, LIST, (STRUCT, [])), (3, LIST, (STRUCT, columns)))
    batches = [
        ((1, STRING, _batch(one, lz4=lz4)), (2, I64, one.num_rows))
        for one in table.to_batches()
        if one.num_rows
    ]
    return ((1, I64, start), (2, LIST, (STRUCT, [])), (1281, LIST, (STRUCT, batches)))


def _batch(one: Any, *, lz4: bool) -> bytes:
    serialized = one.serialize()
    return rendering.lz4_frame(serialized) if lz4 else bytes(serialized)


def _described(kind: str) -> Fields:
    """TTypeDesc."""
    base = re.split(r"[<(]", kind, maxsplit=1)[0].strip().upper()
    qualifiers = None
    if found := _DECIMAL.match(kind):
        pairs = {"precision": int(found[1]), "scale": int(found[2])}
        values = {name: ((1, I32, value),) for name, value in pairs.items()}
        qualifiers = ((1, MAP, (STRING, STRUCT, values)),)
    entry = ((1, I32, TYPES.get(base, STRING_TYPE)), (2, STRUCT, qualifiers))
    return ((1, LIST, (STRUCT, [((1, STRUCT, entry),)])),)


def _column(column: Any, kind: str) -> Fields:
    """TColumn: values, and a bit for each that is null."""
    base = re.split(r"[<(]", kind, maxsplit=1)[0].strip().upper()
    number, inner, empty = _COLUMNS.get(base, (7, STRING, ""))
    values: list[Any] = column.to_pylist()
    if number == 7:
        values = [cell(one, kind) for one in values]
    nulls = bytearray((len(values) + 7) // 8)
    for at, one in enumerate(values):
        if one is None:
            nulls[at // 8] |= 1 << (at % 8)
            values[at] = empty
    return ((number, STRUCT, ((1, LIST, (inner, values)), (2, STRING, bytes(nulls)))),)


OK: Final[Fields] = ((1, I32, 0),)
