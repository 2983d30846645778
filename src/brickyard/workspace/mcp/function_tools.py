"""Functions of Unity Catalog as tools: `catalog__schema__function`, called on a SQL warehouse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Call
from brickyard.workspace.mcp import statements
from brickyard.workspace.mcp.protocol import Tool

SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "boolean": {"type": "boolean"},
    "byte": {"type": "integer"},
    "short": {"type": "integer"},
    "integer": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "decimal": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "timestamp_ntz": {"type": "string", "format": "date-time"},
    "variant": {},
}


def tools(call: Call, schema: str, only: str = "") -> Sequence[Tool]:
    """Those that the caller may execute."""
    catalog = call.engines.catalog
    found = catalog.functions.visible(call.principal, call.workspace, schema)
    return [
        tool(call, one)
        for one in found
        if (not only or one.name == only.lower())
        and catalog.can(call.principal, call.workspace, "EXECUTE", "function", one.full_name)
    ]


def tool(call: Call, function: Securable) -> Tool:
    parameters = (function.details.get("input_params") or {}).get("parameters") or []
    properties = {
        one["name"]: {
            **json_schema(_kind(one)),
            **({"description": one["comment"]} if one.get("comment") else {}),
        }
        for one in parameters
    }
    required = [one["name"] for one in parameters if one.get("parameter_default") is None]
    return Tool(
        name=function.full_name.replace(".", "__"),
        description=function.comment or f"The function {function.full_name}",
        schema={"type": "object", "properties": properties, "required": required},
        run=partial(_run, call, function, parameters),
    )


def _run(
    call: Call,
    function: Securable,
    parameters: Sequence[Mapping[str, Any]],
    given: Mapping[str, Any],
    meta: Mapping[str, Any],
) -> str:
    texts, values = [], []
    for at, one in enumerate(parameters):
        if one["name"] not in given:
            continue
        value, marker = given[one["name"]], f":p{at}"
        kind = str(one.get("type_text") or one.get("type_name"))
        if isinstance(value, list | dict):
            marker = f"from_json({marker}, '{kind}')"
            value = json.dumps(value)
        texts.append(f"`{one['name']}` => {marker}")
        text = None if value is None else _text(value)
        values.append({"name": f"p{at}", "value": text, "type": "STRING"})
    name = ".".join(f"`{part}`" for part in function.full_name.split("."))
    called = f"{name}({', '.join(texts)})"
    is_table = function.details.get("data_type") == "TABLE_TYPE"
    sql = f"SELECT * FROM {called}" if is_table else f"SELECT {called} AS output"
    return statements.table(statements.run(call, sql, values))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def json_schema(kind: Any) -> dict[str, Any]:
    """A type in Spark's JSON form as JSON Schema."""
    if isinstance(kind, str):
        return dict(SCHEMAS.get(kind.partition("(")[0], {"type": "string"}))
    if kind.get("type") == "array":
        return {"type": "array", "items": json_schema(kind["elementType"])}
    if kind.get("type") == "map":
        return {"type": "object", "additionalProperties": json_schema(kind["valueType"])}
    fields = kind.get("fields") or ()
    return {
        "type": "object",
        "properties": {one["name"]: json_schema(one["type"]) for one in fields},
    }


_NAMES: Final = {"int": "integer", "bigint": "long", "smallint": "short", "tinyint": "byte"}


def _kind(parameter: Mapping[str, Any]) -> Any:
    try:
        kind = json.loads(str(parameter.get("type_json")))
    except ValueError:
        plain = str(parameter.get("type_text") or "string").lower()
        return _NAMES.get(plain, plain)
    return kind["type"] if isinstance(kind, dict) and "name" in kind else kind
