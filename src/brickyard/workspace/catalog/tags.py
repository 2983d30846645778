"""Tags of securables: keys and values that APPLY TAG lets somebody put on them.

They lie in `tags` of the securable's details; those of a table's columns in `column_tags`, by
column. Registered models and prompts show the same tags in MLflow's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.catalog import names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.models import tagged
from brickyard.workspace.catalog.privileges import BROWSE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo, exists, invalid, not_found

# Entity type of the API -> kind. A column is named by its table.
TYPES: Final[Mapping[str, str]] = {
    "catalogs": "catalog",
    "schemas": "schema",
    "tables": "table",
    "columns": "table",
    "volumes": "volume",
    "models": "model",
    "prompts": "prompt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """What carries tags. `column` is '' for the securable itself."""

    kind: str
    full_name: str
    column: str = ""


def entity(type_: str, name: str) -> Entity:
    """What an entity type and name of the API mean."""
    kind = TYPES.get(type_.lower())
    if kind is None:
        raise invalid(f"entity_type must be one of {', '.join(TYPES)}, not {type_!r}")
    if type_.lower() != "columns":
        return Entity(kind=kind, full_name=name)
    table, _, column = name.rpartition(".")
    return Entity(kind=kind, full_name=table, column=column.strip("`"))


class Tags:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def of(
        self, principal: Principal, workspace: WorkspaceInfo, one: Entity
    ) -> tuple[Securable, Mapping[str, str]]:
        """What carries them, and the tags."""
        self._access.authorize(principal, workspace, BROWSE, one.kind, one.full_name)
        with self._metastore.read() as tx:
            found = securables.need(tx, one.kind, names.full(one.kind, one.full_name))
        return found, _tags(found, one.column)

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        one: Entity,
        *,
        add: Mapping[str, str],
        remove: tuple[str, ...] = (),
        must: bool | None = None,
    ) -> Securable:
        """Set and take away, in one step. With `must`, what is set has to be there before, or not.

        Raises RESOURCE_ALREADY_EXISTS or RESOURCE_DOES_NOT_EXIST then.
        """
        self._access.authorize(principal, workspace, "APPLY_TAG", one.kind, one.full_name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, one.kind, names.full(one.kind, one.full_name))
            tags = dict(_tags(found, one.column))
            for key in (*add, *remove):
                if must is not None and (key in tags) is not must:
                    raise _unexpected(found, key, is_there=key in tags)
            for key in remove:
                tags = tagged(tags, key, None)
            for key, value in add.items():
                tags = tagged(tags, key, value)
            return securables.change(
                tx, found, by=principal.user_name, details=_with(found, one.column, tags)
            )


def _tags(found: Securable, column: str) -> Mapping[str, str]:
    if not column:
        return dict(found.details.get("tags") or {})
    known = {str(one.get("name")) for one in found.details.get("columns") or ()}
    if known and column not in known:
        raise not_found(f"Column '{column}' does not exist in {found}.")
    return dict((found.details.get("column_tags") or {}).get(column) or {})


def _with(found: Securable, column: str, tags: Mapping[str, str]) -> dict[str, Any]:
    if not column:
        return {**found.details, "tags": dict(tags)}
    rest = found.details.get("column_tags") or {}
    return {**found.details, "column_tags": {**rest, column: dict(tags)}}


def _unexpected(found: Securable, key: str, *, is_there: bool) -> Exception:
    if is_there:
        return exists(f"Tag assignment with tag key {key} already exists on {found}")
    return not_found(f"Tag assignment with tag key {key} does not exist on {found}")
