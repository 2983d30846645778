"""Catalogs: created, changed, bound to workspaces, dropped.

details: `isolation_mode` (OPEN or ISOLATED), `properties`, `options`; `database`, of one that shows
a database, is what the service of databases keeps of it.
The folder of a catalog keeps its first name when the catalog is renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from brickyard.workspace.catalog import bindings, folders, names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.bindings import ISOLATED, OPEN, Binding
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, denied, invalid


class Catalogs:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, *, unbound: bool = False
    ) -> list[Securable]:
        """The catalogs to show here; `unbound` adds those not bound here, for administrators."""
        everything = unbound and self._access.administers(principal)
        with self._metastore.read() as tx:
            found = securables.of_kind(tx, "catalog")
            if everything:
                return found
            return self._access.seen(tx, principal, workspace, found)

    def get(self, principal: Principal, workspace: WorkspaceInfo, name: str) -> Securable:
        self._access.authorize(principal, workspace, BROWSE, "catalog", name)
        with self._metastore.read() as tx:
            return securables.need(tx, "catalog", names.full("catalog", name))

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        *,
        comment: str | None = None,
        properties: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        database: Mapping[str, Any] | None = None,
    ) -> Securable:
        """A catalog open to every workspace, with a schema `default`: `public`, of a database."""
        self._access.authorize(principal, workspace, "CREATE_CATALOG", "metastore", "")
        name = names.normalised(name, "catalog")
        home = self._metastore.home
        by = principal.user_name
        details: dict[str, Any] = {"isolation_mode": OPEN}
        details |= {"properties": dict(properties)} if properties else {}
        details |= {"options": dict(options)} if options else {}
        details |= {"database": dict(database)} if database else {}
        made = securables.new(
            "catalog",
            name,
            parent=self._metastore.root(),
            by=by,
            comment=comment,
            details=details,
        )
        folder = home.catalog(name)
        if folder.exists():  # of a catalog that was renamed, or is being removed
            folder = home.catalog(f"{name}-{made.id[:8]}")
        for kind in ("tables", "volumes"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        with self._metastore.begin() as tx:
            securables.add(tx, made)
            stored = securables.change(tx, made, by=by, location=self._metastore.relative(folder))
            securables.add(
                tx,
                securables.new(
                    "schema",
                    f"{name}.{_first_schema(made)}",
                    parent=made,
                    by=by,
                    comment="Default schema",
                ),
            )
        return stored

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        *,
        new_name: str | None = None,
        owner: str | None = None,
        comment: str | None = None,
        properties: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        isolation_mode: str | None = None,
    ) -> Securable:
        """Set what is not None."""
        self._access.authorize(principal, workspace, MANAGE, "catalog", name)
        by = principal.user_name
        if owner is not None:
            self._metastore.check_principal(owner)
        with self._metastore.begin() as tx:
            found = securables.need(tx, "catalog", names.full("catalog", name))
            values: dict[str, Any] = {}
            details = dict(found.details)
            if properties is not None:
                details["properties"] = dict(properties)
            if options is not None:
                details["options"] = dict(options)
            if isolation_mode is not None:
                details["isolation_mode"] = isolation_mode
                listed = bindings.bindings_of(tx, found)
                if isolation_mode == ISOLATED and not _writable(listed):
                    here = Binding(workspace_id=workspace.id, mode="READ_WRITE")
                    bindings.bind(tx, found, [here])
            if owner is not None:
                values["owner"] = owner
            if comment is not None:
                values["comment"] = comment
            changed = securables.change(tx, found, by=by, details=details, **values)
            if new_name is not None:
                renamed = names.normalised(new_name, "catalog")
                changed = securables.rename(tx, changed, renamed, by=by)
        return changed

    def drop(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, *, force: bool = False
    ) -> None:
        """Remove a catalog; with `force` everything inside as well."""
        self._access.authorize(principal, workspace, MANAGE, "catalog", name)
        name = names.full("catalog", name)
        if name in self._metastore.workspaces:
            raise denied(
                f"Catalog '{name}' belongs to workspace '{name}' and cannot be dropped. "
                "Drop the schemas inside it instead."
            )
        with self._metastore.begin() as tx:
            found = securables.need(tx, "catalog", name)
            schemas = securables.below(tx, found, "schema")
            full = [
                one
                for one in schemas
                if one.name != _first_schema(found) or securables.has_children(tx, one)
            ]
            if full and not force:
                raise not_empty(found, f"{len(full)} schema(s)")
            securables.remove(tx, found)
        folders.remove([self._metastore.path(found)])

    def bindings(
        self, principal: Principal, workspace: WorkspaceInfo, name: str
    ) -> tuple[Binding, ...]:
        """The bindings listed for a catalog. Seeing them takes seeing the catalog here."""
        found = self.get(principal, workspace, name)
        with self._metastore.read() as tx:
            return bindings.bindings_of(tx, found)

    def bind(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        add: Iterable[Binding],
        remove: Iterable[int] = (),
    ) -> tuple[Binding, ...]:
        """Change to which workspaces a catalog is bound; one of them must be able to write.

        Takes MANAGE from a workspace where the catalog is bound read-write: stricter than the real
        service, where code run with an administrator's token could unlock `prod` from dev.
        """
        self._access.authorize(principal, workspace, MANAGE, "catalog", name)
        adding, removing = list(add), list(remove)
        known = {info.id for info in self._metastore.workspaces.values()}
        for id in (*(one.workspace_id for one in adding), *removing):
            if id not in known:
                raise invalid(f"Workspace {id} is not attached to this metastore")
        with self._metastore.begin() as tx:
            found = securables.need(tx, "catalog", names.full("catalog", name))
            bindings.bind(tx, found, adding, removing)
            listed = bindings.bindings_of(tx, found)
            isolated = found.details.get("isolation_mode", OPEN) == ISOLATED
            if isolated and not _writable(listed):
                raise invalid(
                    f"Catalog '{found.full_name}' would be writable from no workspace, and nobody "
                    "could undo it. Keep one BINDING_TYPE_READ_WRITE binding."
                )
        return listed


def _first_schema(catalog: Securable) -> str:
    """The schema that a catalog is made with, and may be dropped with."""
    return "public" if "database" in catalog.details else "default"


def not_empty(found: Securable, what: str) -> ApiError:
    """The error for dropping what still holds something."""
    message = f"{found} is not empty: it has {what}. Use force=true to drop it with its contents."
    return ApiError("INVALID_STATE", message)


def _writable(listed: Iterable[Binding]) -> bool:
    return any(one.mode == "READ_WRITE" for one in listed)
