"""The resolved bundle as JSON, shaped and spelled as by the official CLI's `validate -o json`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Final

from brickyard.bundle.go_text import json_float
from brickyard.bundle.located import located
from brickyard.bundle.redaction import without_secrets
from brickyard.bundle.resolved import Resolved
from brickyard.bundle.schema import KEPT_FALSE, KEPT_NULL, STRUCTURES
from brickyard.values import Plain

ESCAPES: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
WORDS: Final = {True: "true", False: "false", None: "null"}


def resolved_plain(resolved: Resolved) -> dict[str, Plain]:
    """The tree as plain data, without secrets; nothing in it refers to a place."""
    tree = resolved.tree.plain()
    return without_secrets(_without_zeros(tree, "Root")) if isinstance(tree, dict) else {}


def _without_zeros(value: dict[str, Plain], kind: str) -> dict[str, Plain]:
    """Settings that say nothing are not shown: empty strings, zeros, `false`, null.

    Some tell "no" from nothing said. What resources say is sent, and stays as it is.
    """
    fields = STRUCTURES[kind]
    made: dict[str, Plain] = {}
    for name, part in value.items():
        below = fields.get(name, "")
        if part is None and below not in KEPT_NULL:
            continue
        is_zero = isinstance(part, str | bool | int | float) and not part
        if is_zero and below != "any" and (kind, name) not in KEPT_FALSE:
            continue
        if isinstance(part, dict) and below == "Resources":
            part = {key: group for key, group in part.items() if group is not None}
        elif isinstance(part, dict) and below in STRUCTURES:
            part = _without_zeros(part, below)
        elif isinstance(part, dict) and below[:1] == "{" and below[1:-1] in STRUCTURES:
            part = {
                key: _without_zeros(one or {}, below[1:-1])
                if isinstance(one, dict) or (one is None and below == "{Script}")
                else one
                for key, one in part.items()
            }
        made[name] = part
    return made


def resolved_json(resolved: Resolved, *, with_locations: bool = False) -> str:
    """Keys sorted, two spaces, one newline at the end, HTML characters escaped as Go does."""
    tree: Plain = resolved_plain(resolved)
    if with_locations and isinstance(tree, dict):
        tree = {**tree, "__locations": located(resolved)}
    return go_text(tree)


def go_text(plain: Plain) -> str:
    """JSON as Go's encoder indents it, with its numbers; keys sorted, one newline at the end."""
    return "".join(_pieces(plain, "\n")) + "\n"


def _pieces(plain: Plain, line: str) -> Iterator[str]:
    """The text in pieces; `line` begins a line at this depth."""
    deeper = line + "  "
    match plain:
        case str():
            yield encode_basestring(plain).translate(ESCAPES)
        case dict() if plain:
            start = "{"
            for name in sorted(plain):
                yield f"{start}{deeper}{encode_basestring(name).translate(ESCAPES)}: "
                yield from _pieces(plain[name], deeper)
                start = ","
            yield line + "}"
        case list() if plain:
            start = "["
            for part in plain:
                yield start + deeper
                yield from _pieces(part, deeper)
                start = ","
            yield line + "]"
        case dict():
            yield "{}"
        case list():
            yield "[]"
        case bool() | None:
            yield WORDS[plain]
        case float():
            yield json_float(plain) if math.isfinite(plain) else "null"
        case _:
            yield str(plain)
