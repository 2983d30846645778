"""Volumes: real folders. details: `volume_type`.

Only MANAGED: an external volume lies in cloud storage, which the embedded workspace never touches.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo, invalid


class Volumes:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, schema: str
    ) -> list[Securable]:
        self._access.authorize(principal, workspace, BROWSE, "schema", schema)
        with self._metastore.read() as tx:
            parent = securables.need(tx, "schema", names.full("schema", schema))
            found = securables.below(tx, parent, "volume")
            return self._access.seen(tx, principal, workspace, found)

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        self._access.authorize(principal, workspace, BROWSE, "volume", full_name)
        with self._metastore.read() as tx:
            return securables.need(tx, "volume", names.full("volume", full_name))

    def path(self, full_name: str) -> Path:
        """The volume's folder. Asks nobody: the caller authorizes."""
        with self._metastore.read() as tx:
            found = securables.need(tx, "volume", names.full("volume", full_name))
        return self._metastore.path(found)

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        schema: str,
        name: str,
        *,
        volume_type: str = "MANAGED",
        storage_location: str | None = None,
        comment: str | None = None,
    ) -> Securable:
        self._access.authorize(principal, workspace, "CREATE_VOLUME", "schema", schema)
        if volume_type == "EXTERNAL":
            raise invalid(
                "External volumes lie in cloud storage, out of the embedded workspace: "
                "create a MANAGED volume and copy the files into it"
            )
        if volume_type != "MANAGED":
            raise invalid(f"volume_type must be MANAGED or EXTERNAL, not {volume_type!r}")
        if storage_location:
            raise invalid("A MANAGED volume takes no storage_location: the catalog places it")
        name = names.normalised(name, "volume")
        id = str(uuid.uuid4())
        with self._metastore.begin() as tx:
            parent = securables.need(tx, "schema", names.full("schema", schema))
            catalog = securables.need(tx, "catalog", parent.catalog_name)
            folder = self._metastore.path(catalog) / "volumes" / id
            made = securables.new(
                "volume",
                f"{parent.full_name}.{name}",
                parent=parent,
                by=principal.user_name,
                comment=comment,
                location=self._metastore.relative(folder),
                details={"volume_type": "MANAGED"},
                id=id,
            )
            securables.add(tx, made)
            folder.mkdir(parents=True)
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
    ) -> Securable:
        """Set what is not None."""
        self._access.authorize(principal, workspace, MANAGE, "volume", full_name)
        by = principal.user_name
        if owner is not None:
            self._metastore.check_principal(owner)
        with self._metastore.begin() as tx:
            found = securables.need(tx, "volume", names.full("volume", full_name))
            values: dict[str, Any] = {}
            if owner is not None:
                values["owner"] = owner
            if comment is not None:
                values["comment"] = comment
            changed = securables.change(tx, found, by=by, **values)
            if new_name is not None:
                plain = names.normalised(new_name, "volume")
                renamed = f"{found.full_name.rpartition('.')[0]}.{plain}"
                changed = securables.rename(tx, changed, renamed, by=by)
        return changed

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        """Remove a volume with its files."""
        self._access.authorize(principal, workspace, MANAGE, "volume", full_name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, "volume", names.full("volume", full_name))
            securables.remove(tx, found)
        folders.remove([self._metastore.path(found)])
