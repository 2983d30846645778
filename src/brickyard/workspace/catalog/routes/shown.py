"""What every securable shows of itself, in the API's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.catalog.metastore import ID
from brickyard.workspace.catalog.securables import Securable


def securable(found: Securable) -> dict[str, Any]:
    return present(
        {
            "name": found.name,
            "full_name": found.full_name,
            "owner": found.owner,
            "comment": found.comment,
            "metastore_id": ID,
            "created_at": found.created_at,
            "created_by": found.created_by,
            "updated_at": found.updated_at,
            "updated_by": found.updated_by,
        }
    )


def inside_schema(found: Securable) -> dict[str, Any]:
    return securable(found) | {
        "catalog_name": found.catalog_name,
        "schema_name": found.schema_name,
    }


def present(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is unset: answers leave those fields out."""
    return {key: value for key, value in shown.items() if value is not None}
