"""Schemas. details: `properties`. They have no folder of their own."""

from __future__ import annotations

from collections.abc import Mapping

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.catalogs import not_empty
from brickyard.workspace.catalog.collection import Collection
from brickyard.workspace.catalog.privileges import MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo


class Schemas(Collection):
    KIND = "schema"
    ABOVE = "catalog"

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        return self._found(principal, workspace, full_name)

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
        return self._changed(
            principal,
            workspace,
            full_name,
            new_name=new_name,
            owner=owner,
            comment=comment,
            details={"properties": dict(properties)} if properties is not None else None,
        )

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
