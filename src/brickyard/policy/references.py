"""References that stay in a resolved bundle, as far as the bundle itself can answer them.

`${resources.schemas.quality.name}` is known from configuration; an id is known only once deployed.
"""

from __future__ import annotations

import re

from brickyard.policy.sql_session import HOLE
from brickyard.values import Value

REFERENCE = re.compile(r"\$\{([A-Za-z][\w.\-\[\]]*)\}")
MAX_ROUNDS = 8


def plain_text(value: Value, tree: Value) -> str:
    """The text of a scalar with its references answered; a hole where they can't be."""
    return resolve(str(value.data) if value.kind != "map" else HOLE, tree)


def resolve(text: str, tree: Value) -> str:
    """`text` with every `${…}` replaced by what the tree says, or by a hole."""
    for _ in range(MAX_ROUNDS):
        if "${" not in text:
            break
        text = REFERENCE.sub(lambda found: _answer(found[1], tree), text)
    return REFERENCE.sub(HOLE, text)


def place(value: Value) -> tuple[str, int, int]:
    """File, line and column to blame for a value."""
    location = value.location or value.key
    if location is None:
        return "databricks.yml", 1, 1
    return location.file, location.line, location.column


def _answer(path: str, tree: Value) -> str:
    found = tree.get(path)
    if found is None or found.kind in {"map", "sequence", "nil"}:
        return HOLE
    return str(found.data)
