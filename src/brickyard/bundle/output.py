"""The resolved bundle as JSON, shaped and spelled as by the official CLI's `validate -o json`."""

from __future__ import annotations

import json
import math
from typing import Final

from brickyard.bundle.located import located
from brickyard.bundle.redaction import without_secrets
from brickyard.bundle.resolved import Resolved
from brickyard.values import Plain

ESCAPES: Final = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def resolved_plain(resolved: Resolved) -> dict[str, Plain]:
    """The tree as plain data, without secrets; nothing in it refers to a place."""
    tree = resolved.tree.plain()
    return without_secrets(tree) if isinstance(tree, dict) else {}


def resolved_json(resolved: Resolved, *, with_locations: bool = False) -> str:
    """Keys sorted, two spaces, one newline at the end, HTML characters escaped as Go does."""
    tree: Plain = resolved_plain(resolved)
    if with_locations and isinstance(tree, dict):
        tree = {**tree, "__locations": located(resolved)}
    text = json.dumps(_finite(tree), indent=2, sort_keys=True, ensure_ascii=False)
    for letter, escape in ESCAPES.items():
        text = text.replace(letter, escape)
    return text + "\n"


def _finite(plain: Plain) -> Plain:
    """JSON has no infinity and no NaN: they become null."""
    if isinstance(plain, dict):
        return {name: _finite(value) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_finite(value) for value in plain]
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
