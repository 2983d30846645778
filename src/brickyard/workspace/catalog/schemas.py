"""Schemas. details: `properties`. They have no folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.catalogs import not_empty
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo


class Schemas:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, catalog: str
    ) -> list[Securable]:
        """The schemas of a catalog to show here. Raises when the catalog may not be seen."""
        self._access.authorize(principal, workspace, BROWSE, "catalog", catalog)
        with self._metastore.read() as tx:
            parent = securables.need(tx, "catalog", names.full("catalog", catalog))
            found = securables.below(tx, parent, "schema")
            return self._access.seen(tx, principal, workspace, found)

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        self._access.authorize(principal, workspace, BROWSE, "schema", full_name)
        with self._metastore.read() as tx:
            return securables.need(tx, "schema", names.full("schema", full_name))

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        catalog: str,
        name: str,
        *,
        comment: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> Securable:
        self._access.authorize(principal, workspace, "CREATE_SCHEMA", "catalog", catalog)
        name = names.normalised(name, "schema")
        with self._metastore.begin() as tx:
            parent = securables.need(tx, "catalog", names.full("catalog", catalog))
            made = securables.new(
                "schema",
                f"{parent.full_name}.{name}",
                parent=parent,
                by=principal.user_name,
                comment=comment,
                details={"properties": dict(properties)} if properties else {},
            )
            securables.add(tx, made)
        return made

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        new_name: str | None = None,
        owner: str | None = None,
        comment: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> Securable:
        """Set what is not None."""
        self._access.authorize(principal, workspace, MANAGE, "schema", full_name)
        by = principal.user_name
        if owner is not None:
            self._metastore.check_principal(owner)
        with self._metastore.begin() as tx:
            found = securables.need(tx, "schema", names.full("schema", full_name))
            values: dict[str, Any] = {}
            if owner is not None:
                values["owner"] = owner
            if comment is not None:
                values["comment"] = comment
            if properties is not None:
                values["details"] = dict(found.details) | {"properties": dict(properties)}
            changed = securables.change(tx, found, by=by, **values)
            if new_name is not None:
                renamed = f"{found.catalog_name}.{names.normalised(new_name, 'schema')}"
                changed = securables.rename(tx, changed, renamed, by=by)
        return changed

    def drop(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        force: bool = False,
    ) -> None:
        """Remove a schema; with `force` its tables, volumes, models and functions as well."""
        self._access.authorize(principal, workspace, MANAGE, "schema", full_name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, "schema", names.full("schema", full_name))
            counts = {
                kind.replace("_", " "): len(securables.below(tx, found, kind))
                for kind in (
                    "table",
                    "volume",
                    "function",
                    "model",
                    "vector_index",
                    "secret",
                    "prompt",
                )
            }
            if any(counts.values()) and not force:
                what = ", ".join(f"{count} {kind}(s)" for kind, count in counts.items() if count)
                raise not_empty(found, what)
            owned = securables.locations(tx, found)
            securables.remove(tx, found)
        folders.remove(self._metastore.home.root / location for location in owned)
