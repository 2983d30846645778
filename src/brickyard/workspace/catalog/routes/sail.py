"""What the Sail engine needs to be told differently about a table; it says who it is.

A MANAGED table makes it expect that the catalog coordinates commits, which delta-rs and every other
reader here do not: it is told EXTERNAL. Inside nested types it reads decimals as objects only. A
type that it has no name for would make it refuse the whole answer: it is given no columns then, and
takes them from the table's log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import Call

_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
_UNKNOWN: Final = frozenset({"VARIANT", "USER_DEFINED_TYPE"})


def asks(call: Call) -> bool:
    return call.header("user-agent").startswith("Sail/")


def told(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table as the API shows it, in Sail's terms."""
    columns = table.get("columns") or []
    if any(column.get("type_name") in _UNKNOWN for column in columns):
        columns = []
    adapted = [
        {**column, "type_json": json.dumps(_objects(json.loads(column["type_json"])))}
        if column.get("type_json")
        else column
        for column in columns
    ]
    return {**table, "table_type": "EXTERNAL", "columns": adapted}


def _objects(kind: Any) -> Any:
    """A type with its decimals as objects."""
    if isinstance(kind, dict):
        return {key: _objects(value) for key, value in kind.items() if key != "metadata"}
    if isinstance(kind, list):
        return [_objects(one) for one in kind]
    if isinstance(kind, str) and (found := _DECIMAL.fullmatch(kind)):
        precision, scale = int(found.group(1)), int(found.group(2))
        return {"type": "decimal", "precision": precision, "scale": scale}
    return kind
