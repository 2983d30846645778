"""Arrow rows as the statement API writes them: cells are strings or null, nesting is JSON.

Follows the result format of the Statement Execution API (JSON_ARRAY and CSV).
"""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

LARGEST_EXACT = 10_000_000  # doubles at or beyond are written with an exponent, as Java does
SMALLEST_PLAIN = 1e-3


def rows(table: pyarrow.Table, types: Iterable[str]) -> list[list[str | None]]:
    """`data_array` of JSON_ARRAY."""
    kinds = list(types)
    columns = [
        [cell(value, kind) for value in _local(column).to_pylist()]
        for column, kind in zip(table.columns, kinds, strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)] if columns else []


def _local(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """A column of moments as their zone's clock shows them: pyarrow would load pandas for zones."""
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        return column
    import pyarrow.compute as pc

    return pc.local_timestamp(column)


def csv_bytes(table: pyarrow.Table, types: Iterable[str]) -> bytes:
    """CSV with a header line; null is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.column_names)
    for row in rows(table, types):
        writer.writerow(["" if value is None else value for value in row])
    return text.getvalue().encode()


def arrow_bytes(table: pyarrow.Table) -> bytes:
    """An Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def lz4_frame(data: Any) -> bytes:
    """The same bytes as one LZ4 frame."""
    import pyarrow as pa

    return bytes(pa.compress(data, codec="lz4", asbytes=True))


def cell(value: Any, kind: str) -> str | None:
    """One value as text."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, datetime):
        return _moment(value, zoned=kind == "TIMESTAMP")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | dict | tuple):
        return json.dumps(_nested(value, kind), ensure_ascii=False, separators=(",", ":"))
    return _plain(value)


def _nested(value: Any, kind: str) -> Any:
    """Lists, maps and structs as JSON; what JSON can't hold as text."""
    if isinstance(value, dict):
        return {key: _nested(one, "") for key, one in value.items()}
    if isinstance(value, list | tuple):
        if kind.startswith("MAP<"):
            return {str(cell(key, "")): _nested(one, "") for key, one in value}
        return [_nested(one, "") for one in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return cell(value, "")


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _float(value: float) -> str:
    """As Java prints a double: `1.0`, `1.0E10`, `NaN`, `Infinity`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or SMALLEST_PLAIN <= abs(value) < LARGEST_EXACT:
        text = repr(value)
        return text if "e" not in text else format(Decimal(text), "f")
    mantissa, exponent = f"{Decimal(repr(value)).normalize():E}".split("E")
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{mantissa}E{int(exponent)}"


def _moment(value: datetime, *, zoned: bool) -> str:
    text = value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if value.microsecond % 1000:
        text = value.strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text + ("Z" if zoned else "")
