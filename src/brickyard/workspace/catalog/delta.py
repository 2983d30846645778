"""The columns of a Delta table as its own log has them, in the catalog's words.

Engines change a table's schema by writing to it (merged schemas, overwrites); the log is the truth
and the catalog shows it. Read through delta-rs, remembered until the log grows.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel import invalid

Columns = Sequence[Mapping[str, Any]]
log = logging.getLogger("brickyard.catalog")

_NAMES: Final[Mapping[str, str]] = {
    "string": "STRING",
    "long": "LONG",
    "bigint": "LONG",
    "integer": "INT",
    "int": "INT",
    "short": "SHORT",
    "smallint": "SHORT",
    "byte": "BYTE",
    "tinyint": "BYTE",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "binary": "BINARY",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP_NTZ",
    "variant": "VARIANT",
}
_SQL: Final[Mapping[str, str]] = {
    "long": "bigint",
    "integer": "int",
    "short": "smallint",
    "byte": "tinyint",
}
_DELTA: Final[Mapping[str, str]] = {sql: delta for delta, sql in _SQL.items()}
_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")


class DeltaColumns:
    """Reads and remembers the columns of Delta tables. Safe to use from many threads."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, Columns]] = {}
        self._lock = threading.Lock()

    def columns(self, folder: Path, recorded: Columns) -> Columns:
        """What the log says; `recorded` while there is no log, with its comments after."""
        latest = _latest_commit(folder)
        if not latest:
            return recorded
        with self._lock:
            known = self._known.get(folder)
        if known is None or known[0] != latest:
            read = _read(folder)
            if read is None:
                return recorded
            known = (latest, read)
            with self._lock:
                self._known[folder] = known
        comments = {one["name"]: one["comment"] for one in recorded if one.get("comment")}
        return [
            {**one, "comment": comments[one["name"]]}
            if one["name"] in comments and not one.get("comment")
            else one
            for one in known[1]
        ]

    def create(self, folder: Path, name: str, columns: Columns) -> None:
        """An empty Delta table with these columns. Raises when a type is not understood."""
        from deltalake import DeltaTable, Schema

        fields = [_field(column) for column in columns]
        text = json.dumps({"type": "struct", "fields": fields})
        try:
            schema = Schema.from_json(text)
        except Exception as fault:
            raise invalid(f"The columns of '{name}' are no valid Delta schema: {fault}") from None
        by = [
            str(one["name"])
            for one in sorted(
                (one for one in columns if one.get("partition_index") is not None),
                key=lambda one: int(one["partition_index"]),
            )
        ]
        DeltaTable.create(str(folder), schema=schema, partition_by=by or None)


def _latest_commit(folder: Path) -> str:
    """The name of the newest commit file; '' without a log."""
    try:
        files = [path.name for path in (folder / "_delta_log").iterdir()]
    except OSError:
        return ""
    return max((name for name in files if name.endswith(".json")), default="")


def _read(folder: Path) -> Columns | None:
    """The columns in the log; None when delta-rs cannot read it (while it is being written)."""
    from deltalake import DeltaTable

    try:
        table = DeltaTable(str(folder))
        fields = json.loads(table.schema().to_json())["fields"]
        partitions = list(table.metadata().partition_columns)
    except Exception as fault:
        log.warning("the Delta log in %s could not be read: %s", folder, fault)
        return None
    return [_column(field, at, partitions) for at, field in enumerate(fields)]


def _column(field: Mapping[str, Any], at: int, partitions: Sequence[str]) -> Mapping[str, Any]:
    text = type_text(field["type"])
    shown: dict[str, Any] = {
        "name": field["name"],
        "type_text": text,
        "type_name": type_name(field["type"]),
        "type_json": json.dumps(field, separators=(",", ":")),
        "type_precision": 0,
        "type_scale": 0,
        "position": at,
        "nullable": bool(field.get("nullable", True)),
    }
    if found := _DECIMAL.fullmatch(text):
        shown |= {"type_precision": int(found.group(1)), "type_scale": int(found.group(2))}
    if field["name"] in partitions:
        shown["partition_index"] = partitions.index(field["name"])
    if comment := (field.get("metadata") or {}).get("comment"):
        shown["comment"] = comment
    return shown


def type_name(kind: Any) -> str:
    """The catalog's name of a Delta type: `LONG`, `DECIMAL`, `STRUCT`."""
    if isinstance(kind, Mapping):
        return str(kind["type"]).upper()
    plain = str(kind).lower()
    return "DECIMAL" if plain.startswith("decimal") else _NAMES.get(plain, "USER_DEFINED_TYPE")


def type_text(kind: Any) -> str:
    """A Delta type as SQL writes it: `array<struct<a:bigint>>`."""
    if not isinstance(kind, Mapping):
        return _SQL.get(str(kind), str(kind))
    if kind["type"] == "array":
        return f"array<{type_text(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{type_text(kind['keyType'])},{type_text(kind['valueType'])}>"
    inner = ",".join(f"{one['name']}:{type_text(one['type'])}" for one in kind["fields"])
    return f"struct<{inner}>"


def _field(column: Mapping[str, Any]) -> Mapping[str, Any]:
    """A column as a Delta field: from its `type_json`, or from a simple `type_text`."""
    name = column.get("name")
    if not name:
        raise invalid("every column needs a name")
    kind: Any = None
    metadata: dict[str, Any] = {}
    if given := column.get("type_json"):
        try:
            kind = json.loads(given)
        except ValueError:
            raise invalid(f"type_json of column {name!r} is not JSON") from None
        if isinstance(kind, dict) and "name" in kind:
            metadata = dict(kind.get("metadata") or {})
            kind = kind["type"]
    if kind is None:
        text = str(column.get("type_text") or column.get("type_name") or "").lower()
        kind = _DELTA.get(text, text)
        if not (kind in _NAMES or _DECIMAL.fullmatch(kind)):
            raise invalid(
                f"The type {text!r} of column {name!r} is not a simple type: give its type_json"
            )
    if column.get("comment"):
        metadata["comment"] = column["comment"]
    return {
        "name": name,
        "type": kind,
        "nullable": column.get("nullable", True) is not False,
        "metadata": metadata,
    }
