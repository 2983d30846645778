"""References that stay in a resolved bundle, as far as the bundle itself can answer them.

`${resources.schemas.quality.name}` is known from configuration; an id is known only once deployed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from brickyard.policy.sql import HOLE
from brickyard.values import Value

REFERENCE = re.compile(r"\$\{([A-Za-z][\w.\-\[\]]*)\}")
DYNAMIC = re.compile(r"\{\{\s*([^}]+?)\s*\}\}")
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


def with_job_parameters(text: str, parameters: Mapping[str, str]) -> str:
    """`text` with `{{job.parameters.x}}` replaced; any other `{{…}}` is known only in a run."""

    def answer(found: re.Match[str]) -> str:
        name = found[1].removeprefix("job.parameters.")
        return parameters.get(name, HOLE) if name != found[1] else HOLE

    return DYNAMIC.sub(answer, text)


def _answer(path: str, tree: Value) -> str:
    found = tree.get(path)
    if found is None or found.kind in {"map", "sequence", "nil"}:
        return HOLE
    return str(found.data)
