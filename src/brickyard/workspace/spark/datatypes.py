"""Spark Connect's data types as Delta and the catalog write them: Spark's JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.spark.refusals import unsupported

_PLAIN: Final[Mapping[str, str]] = {
    "binary": "binary",
    "boolean": "boolean",
    "byte": "byte",
    "short": "short",
    "integer": "integer",
    "long": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "char": "string",
    "var_char": "string",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ntz": "timestamp_ntz",
    "variant": "variant",
}


def to_json(kind: Any, *, nullable: bool = True) -> Any:
    """The JSON form of a `DataType` message; fields at every level nullable unless told not."""
    name = kind.WhichOneof("kind")
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "decimal":
        precision = kind.decimal.precision if kind.decimal.HasField("precision") else 10
        return f"decimal({precision},{kind.decimal.scale})"
    if name == "array":
        return {
            "type": "array",
            "elementType": to_json(kind.array.element_type, nullable=nullable),
            "containsNull": nullable or kind.array.contains_null,
        }
    if name == "map":
        return {
            "type": "map",
            "keyType": to_json(kind.map.key_type, nullable=nullable),
            "valueType": to_json(kind.map.value_type, nullable=nullable),
            "valueContainsNull": nullable or kind.map.value_contains_null,
        }
    if name == "struct":
        return {
            "type": "struct",
            "fields": [field(one, nullable=nullable) for one in kind.struct.fields],
        }
    if name == "null":
        raise unsupported(
            "A column of type VOID in a Delta table", "Cast it: CAST(NULL AS STRING)."
        )
    raise unsupported(f"A column of type {name} in a Delta table")


def field(one: Any, *, nullable: bool = True) -> dict[str, Any]:
    """One struct field. `nullable=False` keeps what the field itself says."""
    metadata = {}
    if one.HasField("metadata") and one.metadata:
        metadata = {k: v for k, v in json.loads(one.metadata).items() if k == "comment"}
    return {
        "name": one.name,
        "type": to_json(one.data_type, nullable=nullable),
        "nullable": True if nullable else one.nullable,
        "metadata": metadata,
    }


def columns(struct: Any, *, nullable: bool = True) -> list[dict[str, Any]]:
    """The fields of a struct type message, in Spark's JSON form."""
    return [field(one, nullable=nullable) for one in struct.struct.fields]
