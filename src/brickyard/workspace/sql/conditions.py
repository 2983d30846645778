"""Error conditions and SQL states of faults that the engine tells in its own words.

The gateway's refusals carry theirs. These patterns are the messages of the embedded engine for
what users most often run into; any other message is passed on as it is, without a state.
"""

from __future__ import annotations

import re
from typing import Final

CONDITIONS: Final = (
    (r"divide by zero", "DIVIDE_BY_ZERO", "22012"),
    (r"cannot resolve attribute", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"),
    (r"Cannot cast string|Error parsing ", "CAST_INVALID_INPUT", "22018"),
    (r"[Oo]verflow", "ARITHMETIC_OVERFLOW", "22003"),
    (r"Placeholder .* was not provided", "UNBOUND_SQL_PARAMETER", "42P02"),
)


def in_sparks_words(message: str) -> tuple[str, str]:
    """The message with its condition and state written in, as Spark does, and the state; or ''."""
    for pattern, condition, state in CONDITIONS:
        if re.search(pattern, message):
            return f"[{condition}] {message.rstrip('.')}. SQLSTATE: {state}", state
    return message, ""
