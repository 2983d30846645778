"""`DataFrame.semanticHash`, which the engine lacks: equal plans, equal numbers.

Spark compares plans after it optimised them; here they are compared as they were sent, without the
numbers that a client gives to each relation. So two plans that mean the same and are written
differently have different hashes, and nothing else is promised by the method.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

NUMBERS: Final = ("plan_id", "source_info")


def plan_hash(plan: Any) -> int:
    """A number of 32 bits, as Spark answers it."""
    bare = type(plan)()
    bare.CopyFrom(plan)
    _strip(bare)
    digest = hashlib.sha256(bare.SerializeToString(deterministic=True)).digest()
    return int.from_bytes(digest[:4], "big", signed=True)


def _strip(message: Any) -> None:
    """Take the client's own numbers out, at every depth."""
    for field, value in message.ListFields():
        if field.name in NUMBERS and "common" in message.DESCRIPTOR.name.lower():
            message.ClearField(field.name)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for one in value if _is_repeated(value) else (value,):
                _strip(one)


def _is_repeated(value: Any) -> bool:
    return hasattr(value, "append") or hasattr(value, "add")
