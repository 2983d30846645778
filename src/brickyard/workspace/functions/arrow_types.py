"""Spark's types, in their JSON form, as Arrow has them: what the engine expects of a column."""

from __future__ import annotations

import re
from typing import Any, Final

from brickyard.workspace.kernel import invalid

_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
_PLAIN: Final = {
    "string": "string",
    "variant": "string",
    "binary": "binary",
    "boolean": "bool_",
    "byte": "int8",
    "short": "int16",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "date": "date32",
}


def arrow_type(kind: Any) -> Any:
    """Raises INVALID_PARAMETER_VALUE for a type that no function can return."""
    import pyarrow as pa

    if isinstance(kind, str):
        if kind in _PLAIN:
            return getattr(pa, _PLAIN[kind])()
        if kind == "timestamp":
            return pa.timestamp("us", tz="UTC")
        if kind == "timestamp_ntz":
            return pa.timestamp("us")
        if found := _DECIMAL.fullmatch(kind):
            return pa.decimal128(int(found[1]), int(found[2]))
    elif kind.get("type") == "array":
        return pa.list_(pa.field("element", arrow_type(kind["elementType"])))
    elif kind.get("type") == "map":
        return pa.map_(arrow_type(kind["keyType"]), arrow_type(kind["valueType"]))
    elif kind.get("type") == "struct":
        return pa.struct([(one["name"], arrow_type(one["type"])) for one in kind["fields"]])
    raise invalid(f"A function cannot return the type {kind}")
