"""`responseFormat` of `ai_query`: JSON as a chat model takes it, or a SQL type in its place.

A type is a STRUCT with one field, whose own type the answer has; the field's name is only a name.
Types become a JSON schema in which every field is required, as strict schemas want it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.kernel import ApiError

KINDS: Final = ("text", "json_object", "json_schema")
PLAIN: Final[Mapping[str, str]] = {
    "BOOLEAN": "boolean",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INT": "integer",
    "BIGINT": "integer",
    "FLOAT": "number",
    "DOUBLE": "number",
    "DECIMAL": "number",
}
TEXTS: Final = frozenset({"TEXT", "VARCHAR", "CHAR", "DATE", "TIMESTAMP", "TIMESTAMPTZ"})


def response_format(text: str) -> Mapping[str, Any]:
    """The request's `response_format`. Raises AI_FUNCTION_UNSUPPORTED_RESPONSE_FORMAT."""
    if text.lstrip().upper().startswith("STRUCT"):
        return _from_type(text)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("type") not in KINDS:
        raise _unsupported(
            f"it is JSON with a type of {', '.join(KINDS)}, or a STRUCT type with one field"
        )
    return found


def _from_type(text: str) -> Mapping[str, Any]:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        whole = exp.DataType.build(text, dialect="databricks")
    except SqlglotError as fault:
        raise _unsupported(f"{text!r} is no SQL type: {fault}") from None
    if not whole.is_type("struct") or len(whole.expressions) != 1:
        raise _unsupported("a STRUCT has exactly one field, whose type the answer has")
    (field,) = whole.expressions
    form = {"name": field.name, "schema": _schema(field.args.get("kind"), text), "strict": True}
    return {"type": "json_schema", "json_schema": form}


def _schema(kind: Any, text: str) -> dict[str, Any]:
    name = kind.this.name if kind is not None else ""
    if name == "STRUCT":
        fields = {one.name: _schema(one.args.get("kind"), text) for one in kind.expressions}
        return {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
    if name in ("ARRAY", "LIST"):
        return {"type": "array", "items": _schema(kind.expressions[0], text)}
    if name in PLAIN:
        return {"type": PLAIN[name]}
    if name in TEXTS:
        return {"type": "string"}
    raise _unsupported(f"{text!r} holds a type that JSON schemas lack: {kind or 'none'}")


def _unsupported(why: str) -> ApiError:
    return ApiError("AI_FUNCTION_UNSUPPORTED_RESPONSE_FORMAT", f"responseFormat: {why}", status=400)
