"""Vector search indexes as the catalog has them: among the tables, with their privileges.

details: what the vector search service keeps of an index. Its data lies in `indexes/<id>` of the
catalog's folder. The service decides what an index is; here is who may do what with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import Principal, WorkspaceInfo

KIND: Final = "vector_index"


class VectorIndexes:
    def __init__(self, metastore: Metastore, access: Access) -> None:
        self._metastore = metastore
        self._access = access

    def all(self) -> list[Securable]:
        """Every index of the metastore, by name. Asks nobody."""
        with self._metastore.read() as tx:
            return securables.of_kind(tx, KIND)

    def visible(self, principal: Principal, workspace: WorkspaceInfo) -> list[Securable]:
        """Every index that somebody may see here, by name."""
        can = self._access.can
        return [one for one in self.all() if can(principal, workspace, BROWSE, KIND, one.full_name)]

    def get(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        privilege: str = BROWSE,
    ) -> Securable:
        """An index, for somebody who has this privilege on it."""
        self._access.authorize(principal, workspace, privilege, KIND, full_name)
        with self._metastore.read() as tx:
            return securables.need(tx, KIND, names.full(KIND, full_name))

    def by_id(self, id: str) -> Securable | None:
        """An index as it is now; None when it is gone. Asks nobody."""
        with self._metastore.read() as tx:
            return securables.by_id(tx, id)

    def path(self, found: Securable) -> Path:
        """The folder of an index's data."""
        return self._metastore.path(found)

    def check_creating(
        self, principal: Principal, workspace: WorkspaceInfo, full_name: str
    ) -> None:
        """Raises when somebody may not make an index of this name, or it is taken."""
        full_name = names.full(KIND, full_name)
        schema, _, name = full_name.rpartition(".")
        names.normalised(name, "index")
        self._access.authorize(principal, workspace, "CREATE_TABLE", "schema", schema)
        with self._metastore.read() as tx:
            if taken := securables.find(tx, KIND, full_name):
                raise names.taken(taken.kind, full_name)

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        details: Mapping[str, Any],
        fill: Callable[[Path], None],
    ) -> Securable:
        """Add an index. `fill` puts the first data into its folder, before anybody sees it."""
        self.check_creating(principal, workspace, full_name)
        full_name = names.full(KIND, full_name)
        id = str(uuid.uuid4())
        with self._metastore.read() as tx:
            parent = securables.need(tx, "schema", full_name.rpartition(".")[0])
            catalog = securables.need(tx, "catalog", parent.catalog_name)
        folder = self._metastore.path(catalog) / "indexes" / id
        made = securables.new(
            KIND,
            full_name,
            parent=parent,
            by=principal.user_name,
            location=self._metastore.relative(folder),
            details=details,
            id=id,
        )
        folder.mkdir(parents=True)
        try:
            fill(folder)
            with self._metastore.begin() as tx:
                securables.add(tx, made)
        except BaseException:
            folders.remove([folder])
            raise
        return made

    def change(
        self, principal: Principal, found: Securable, details: Mapping[str, Any]
    ) -> Securable:
        """Have the service keep something else of an index. Asks nobody."""
        with self._metastore.begin() as tx:
            return securables.change(tx, found, by=principal.user_name, details=details)

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Securable:
        """Remove an index with its data."""
        self._access.authorize(principal, workspace, MANAGE, KIND, full_name)
        with self._metastore.begin() as tx:
            found = securables.need(tx, KIND, names.full(KIND, full_name))
            securables.remove(tx, found)
        folders.remove([self._metastore.path(found)])
        return found
