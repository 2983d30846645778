"""Cells as the statement API writes them."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from brickyard.workspace.sql.connect import arrow_type_text
from brickyard.workspace.sql.rendering import arrow_bytes, cell, csv_bytes, rows


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (None, "INT", None),
        (True, "BOOLEAN", "true"),
        (12, "BIGINT", "12"),
        (1.0, "DOUBLE", "1.0"),
        (0.1, "DOUBLE", "0.1"),
        (12345678.9, "DOUBLE", "1.23456789E7"),
        (1e-5, "DOUBLE", "1.0E-5"),
        (float("nan"), "DOUBLE", "NaN"),
        (float("-inf"), "DOUBLE", "-Infinity"),
        (Decimal("1.50"), "DECIMAL(10,2)", "1.50"),
        (Decimal("1E+3"), "DECIMAL(10,0)", "1000"),
        (date(2024, 1, 2), "DATE", "2024-01-02"),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "TIMESTAMP", "2024-01-02T03:04:05.000Z"),
        (datetime(2024, 1, 2, 3, 4, 5, 6), "TIMESTAMP_NTZ", "2024-01-02T03:04:05.000006"),
        (b"\x00\x01", "BINARY", "AAE="),
        (["a", None], "ARRAY<STRING>", '["a",null]'),
        ([("k", 1)], "MAP<STRING, INT>", '{"k":1}'),
        ({"a": 1, "b": date(2024, 1, 2)}, "STRUCT<a: INT>", '{"a":1,"b":"2024-01-02"}'),
        ("ü", "STRING", "ü"),
    ],
)
def test_every_cell_is_text_or_null(value: Any, kind: str, expected: str | None) -> None:
    assert cell(value, kind) == expected


def test_tables_become_rows_csv_and_arrow() -> None:
    table = pa.table({"a": [1, None], "b": ["x,y", "z"]})
    assert rows(table, ["INT", "STRING"]) == [["1", "x,y"], [None, "z"]]
    assert csv_bytes(table, ["INT", "STRING"]) == b'a,b\r\n1,"x,y"\r\n,z\r\n'
    with pa.ipc.open_stream(arrow_bytes(table)) as reader:
        assert reader.read_all().equals(table)


def test_moments_are_shown_by_their_zones_clock() -> None:
    at = [datetime(2024, 7, 2, 3, 4, 5, 6000, tzinfo=UTC), None, datetime(1969, 1, 1, tzinfo=UTC)]
    for zone, hour in (("UTC", "03"), ("Europe/Berlin", "05"), ("-05:00", "22")):
        table = pa.table({"at": pa.array(at, pa.timestamp("us", zone))})
        [first], nothing, _ = rows(table, ["TIMESTAMP"])
        assert first is not None
        assert first[11:] == f"{hour}:04:05.006Z"
        assert nothing == [None]


WITHOUT_PANDAS = """
import sys
from base64 import b64decode
import pyarrow as pa
from brickyard.workspace.sql.rendering import rows
with pa.ipc.open_stream(b64decode(sys.argv[1])) as reader:
    print(rows(reader.read_all(), ["TIMESTAMP"])[0][0], "pandas" in sys.modules)
"""


def test_moments_are_shown_without_loading_pandas() -> None:
    table = pa.table(
        {"at": pa.array([datetime(2024, 7, 2, tzinfo=UTC)], pa.timestamp("us", "UTC"))}
    )
    sent = b64encode(arrow_bytes(table)).decode()
    command = [sys.executable, "-c", WITHOUT_PANDAS, sent]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told == "2024-07-02T00:00:00.000Z False\n"


def test_arrow_types_have_sql_names() -> None:
    assert arrow_type_text(pa.decimal128(10, 2)) == "DECIMAL(10,2)"
    assert arrow_type_text(pa.list_(pa.int64())) == "ARRAY<BIGINT>"
    assert arrow_type_text(pa.timestamp("us", "UTC")) == "TIMESTAMP"
    assert arrow_type_text(pa.struct([("a", pa.string())])) == "STRUCT<a: STRING>"
