"""The privileges of Unity Catalog: their names, where they may be granted, which of them write.

Follows "Unity Catalog privileges and securable objects". A privilege granted on a catalog or schema
holds for everything inside. ALL_PRIVILEGES stands for every one but MANAGE.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from brickyard.workspace.kernel import invalid

ALL: Final = "ALL_PRIVILEGES"
MANAGE: Final = "MANAGE"
BROWSE: Final = "BROWSE"

READS: Final = frozenset({"SELECT", "READ_VOLUME", "EXECUTE"})
WRITES: Final = frozenset({"MODIFY", "WRITE_VOLUME"})
CREATES_IN_SCHEMA: Final = frozenset(
    {
        "CREATE_TABLE",
        "CREATE_MATERIALIZED_VIEW",
        "CREATE_VIEW",
        "CREATE_VOLUME",
        "CREATE_FUNCTION",
        "CREATE_MODEL",
        "CREATE_SECRET",
    }
)
# What a read-only workspace binding lets through. Everything else changes something.
HARMLESS: Final = READS | {"USE_CATALOG", "USE_SCHEMA", "READ_SECRET", "USE_CONNECTION", BROWSE}

_TABLE: Final = frozenset({ALL, "APPLY_TAG", BROWSE, MANAGE, "MODIFY", "SELECT", "REFRESH"})
_VOLUME: Final = frozenset({ALL, "APPLY_TAG", BROWSE, MANAGE, "READ_VOLUME", "WRITE_VOLUME"})
_ROUTINE: Final = frozenset(
    {ALL, "APPLY_TAG", BROWSE, MANAGE, "EXECUTE", "CREATE_MODEL_VERSION"},
)
_SECRET: Final = frozenset({ALL, MANAGE, "READ_SECRET"})  # not BROWSE: metadata is for few, too
_SCHEMA: Final = (
    _TABLE
    | _SECRET
    | _VOLUME
    | _ROUTINE
    | CREATES_IN_SCHEMA
    | {"USE_SCHEMA", "EXTERNAL_USE_SCHEMA", "CREATE_FOREIGN_SECURABLE"}
)
GRANTABLE: Final[Mapping[str, frozenset[str]]] = {
    "metastore": frozenset(
        {
            ALL,
            MANAGE,
            "CREATE_CATALOG",
            "CREATE_CONNECTION",
            "CREATE_EXTERNAL_LOCATION",
            "CREATE_FOREIGN_CATALOG",
            "CREATE_SERVICE_CREDENTIAL",
            "CREATE_STORAGE_CREDENTIAL",
            "MANAGE_ALLOWLIST",
            "USE_MARKETPLACE_ASSETS",
        }
    ),
    "external_location": frozenset(
        {
            ALL,
            BROWSE,
            MANAGE,
            "CREATE_EXTERNAL_TABLE",
            "CREATE_EXTERNAL_VOLUME",
            "CREATE_FOREIGN_SECURABLE",
            "CREATE_MANAGED_STORAGE",
            "EXTERNAL_USE_LOCATION",
            "READ_FILES",
            "WRITE_FILES",
        }
    ),
    "storage_credential": frozenset(
        {
            ALL,
            BROWSE,
            MANAGE,
            "CREATE_EXTERNAL_LOCATION",
            "CREATE_EXTERNAL_TABLE",
            "READ_FILES",
            "WRITE_FILES",
        }
    ),
    "connection": frozenset({ALL, BROWSE, MANAGE, "CREATE_FOREIGN_CATALOG", "USE_CONNECTION"}),
    "catalog": _SCHEMA | {"USE_CATALOG", "CREATE_SCHEMA"},
    "schema": _SCHEMA,
    "table": _TABLE,
    "vector_index": _TABLE,
    "volume": _VOLUME,
    "function": _ROUTINE,
    "model": _ROUTINE,
    "secret": _SECRET,
    "prompt": frozenset({ALL, "APPLY_TAG", BROWSE, MANAGE, "EXECUTE"}),
}

# What the owner of the metastore may do everywhere: administer, not read or write data.
ADMINISTERS: Final = frozenset(
    {MANAGE, BROWSE, "USE_CATALOG", "USE_SCHEMA", "CREATE_CATALOG", "CREATE_SCHEMA"}
)


def normalised(privilege: str, kind: str) -> str:
    """The privilege as the API spells it. Raises when it cannot be granted on this kind."""
    name = privilege.strip().upper().replace(" ", "_")
    name = {"USAGE": "USE_SCHEMA" if kind == "schema" else "USE_CATALOG"}.get(name, name)
    if name not in GRANTABLE[kind]:
        known = ", ".join(sorted(GRANTABLE[kind]))
        message = f"Privilege {words(name)} is not applicable to this entity [{kind}]"
        raise invalid(f"{message}. Applicable: {known}")
    return name


def words(privilege: str) -> str:
    """`USE_SCHEMA` as messages say it: `USE SCHEMA`."""
    return privilege.replace("_", " ")
