"""Volumes: real folders. details: `volume_type`.

Only MANAGED: an external volume lies in cloud storage, which the embedded workspace never touches.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.collection import Collection
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo, invalid


class Volumes(Collection):
    KIND = "volume"

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        return self._found(principal, workspace, full_name)

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
        return self._changed(
            principal, workspace, full_name, new_name=new_name, owner=owner, comment=comment
        )

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        """Remove a volume with its files."""
        gone = self._removed(principal, workspace, full_name)
        folders.remove([self._metastore.path(gone)])
