"""JSON-schema checks of what goes in and comes out, by `fastjsonschema`.

The schema of the input is that of the request's body; the schema of the output is that of what the
model says, which then must be JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from brickyard.workspace.gateway import guardrails
from brickyard.workspace.kernel import ApiError

Check = Callable[[Any], Any]


def check_input(schema: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Raises INVALID_PARAMETER_VALUE."""
    if why := _fault(schema, body):
        raise ApiError(
            "INVALID_PARAMETER_VALUE", f"The request is not as this endpoint takes it: {why}"
        )


def check_output(schema: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Raises the block of an output guardrail."""
    flags = {"categories": {"json_schema": True}}
    for choice in body.get("choices") or ():
        message = choice.get("message") or {}
        text = message.get("content")
        if text is None and message.get("tool_calls"):
            continue
        try:
            said = json.loads(text if text is not None else choice.get("text") or "")
        except (ValueError, TypeError):
            raise guardrails.blocked("output", flags, "it is not JSON") from None
        if why := _fault(schema, said):
            raise guardrails.blocked("output", flags, f"it is not valid under its schema: {why}")


def _fault(schema: Mapping[str, Any], value: Any) -> str:
    import fastjsonschema

    try:
        _compiled(json.dumps(schema, sort_keys=True))(value)
    except fastjsonschema.JsonSchemaValueException as fault:
        return str(fault.message)
    except fastjsonschema.JsonSchemaDefinitionException as fault:
        raise ApiError("INVALID_STATE", f"The endpoint's JSON schema is wrong: {fault}") from None
    return ""


@lru_cache(maxsize=128)
def _compiled(text: str) -> Check:
    import fastjsonschema

    check: Check = fastjsonschema.compile(json.loads(text), use_default=False)
    return check
