"""Three-level names: case-insensitive, kept in lower case, split on dots.

Backticks around a part are taken off; a dot inside backticks is refused like any other character
that Unity Catalog keeps out of names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from brickyard.workspace.kernel import ApiError, invalid

LONGEST: Final = 255
_FORBIDDEN: Final = re.compile(r"[./\s\x00-\x1f\x7f]")
# Kinds that lie in the metastore itself, beside the catalogs.
OUTSIDE: Final = frozenset({"connection", "external_location", "storage_credential"})
_LEVELS: Final[Mapping[str, int]] = {"catalog": 1, "schema": 2, **dict.fromkeys(OUTSIDE, 1)}
SPELLED: Final[Mapping[str, str]] = {
    "metastore": "Metastore",
    "catalog": "Catalog",
    "external_location": "External Location",
    "storage_credential": "Storage Credential",
    "connection": "Connection",
    "schema": "Schema",
    "table": "Table",
    "volume": "Volume",
    "function": "Function",
    "model": "Routine or Model",
    "vector_index": "Vector search index",
    "secret": "Secret",
    "prompt": "Prompt",
}
# Kinds whose errors have the general codes instead of codes of their own.
_GENERAL: Final = frozenset({"model", "vector_index", "secret", "prompt"})


def normalised(name: str, what: str) -> str:
    """One part of a name, checked and in lower case."""
    plain = name.strip().strip("`").lower()
    if not plain:
        raise invalid(f"{what} name must not be empty")
    if len(plain) > LONGEST:
        raise invalid(f"{what} name is longer than {LONGEST} characters")
    if found := _FORBIDDEN.search(plain):
        message = f"Invalid {what} name {name!r}: it may not contain {found.group()!r}"
        raise invalid(f"{message} (no dots, slashes, spaces or control characters)")
    return plain


def full(kind: str, full_name: str) -> str:
    """A full name in lower case. Raises when it has too few or too many levels for its kind."""
    parts = [part.strip("`") for part in full_name.strip().lower().split(".")]
    levels = _LEVELS.get(kind, 3)
    if len(parts) != levels or not all(parts):
        shape = kind if kind in OUTSIDE else ".".join(("catalog", "schema", kind)[:levels])
        hint = ": specify all three levels" if levels == 3 else ""
        raise invalid(f"{full_name!r} is not a valid {kind} name{hint}, as {shape}")
    return ".".join(parts)


def missing(kind: str, full_name: str) -> ApiError:
    """The error for an object that is not there, with the code of its type."""
    code = "RESOURCE_DOES_NOT_EXIST" if kind in _GENERAL else f"{kind.upper()}_DOES_NOT_EXIST"
    word = "Registered model" if kind == "model" else SPELLED[kind]
    return ApiError(code, f"{word} '{full_name}' does not exist.", status=404)


def taken(kind: str, full_name: str) -> ApiError:
    """The error for a name that is in use."""
    code = "RESOURCE_ALREADY_EXISTS" if kind in _GENERAL else f"{kind.upper()}_ALREADY_EXISTS"
    if kind == "prompt":
        code = "ALREADY_EXISTS"  # what MLflow's client goes on after
    word = "Registered model" if kind == "model" else SPELLED[kind]
    return ApiError(code, f"{word} '{full_name}' already exists", status=409)
