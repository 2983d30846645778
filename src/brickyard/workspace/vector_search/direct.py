"""Rows that are written to a direct access index through the API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from brickyard.workspace.kernel import invalid

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of some rows; `failed` are primary keys."""

    done: int
    failed: Sequence[str] = ()

    @property
    def status(self) -> str:
        if not self.failed:
            return "SUCCESS"
        return "PARTIAL_SUCCESS" if self.done else "FAILURE"


def given_rows(inputs_json: str) -> list[Row]:
    try:
        rows = json.loads(inputs_json)
    except (ValueError, RecursionError):
        raise invalid("inputs_json is not JSON") from None
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise invalid("inputs_json must be a list of objects")
    return rows


def arranged(rows: Sequence[Row], schema: Any, key: str) -> tuple[Any, list[str]]:
    """The rows that fit, as an Arrow table, and the primary keys of those that do not.

    Of rows with the same key the last one counts.
    """
    import pyarrow as pa

    fitting: dict[Any, dict[str, Any]] = {}
    failed = []
    for row in rows:
        values = _fitted(row, schema, key)
        if values is None:
            failed.append(str(row.get(key)))
        else:
            fitting[values[key]] = values
    return pa.Table.from_pylist(list(fitting.values()), schema=schema), failed


def keys(given: Sequence[Any], schema: Any, key: str) -> list[Any]:
    """Primary keys in the type that the index has them in. Raises for others."""
    kind = schema.field(key).type
    try:
        return [str(one) if str(kind) == "string" else int(one) for one in given]
    except (ValueError, TypeError):
        raise invalid(f"primary_keys must be of type {kind}") from None


def _fitted(row: Row, schema: Any, key: str) -> dict[str, Any] | None:
    """The values of a row in the types of the schema; None when they do not fit."""
    import pyarrow as pa

    if row.get(key) is None or set(row) - set(schema.names):
        return None
    values = {}
    try:
        for field in schema:
            value = _timed(row.get(field.name), field.type)
            values[field.name] = pa.array([value], type=field.type)[0].as_py()
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
    return values


def _timed(value: Any, kind: Any) -> Any:
    """Texts into dates and times, where the column has them."""
    import pyarrow as pa

    if isinstance(value, str) and pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and pa.types.is_date(kind):
        return date.fromisoformat(value)
    return value
