"""The catalog as the Spark gateway asks it: look-ups that need no rights, and its engine to act."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brickyard.workspace.catalog import securables
from brickyard.workspace.catalog.routines import Routine
from brickyard.workspace.identity.owners import rights_of
from brickyard.workspace.kernel import Principal, WorkspaceInfo

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.catalog.securables import Securable
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.spark.accesses import Access
    from brickyard.workspace.spark.invokers import Invokers


RESERVED: Final = frozenset({"system"})  # names of catalogs that the engine keeps for itself


class Lake:
    def __init__(
        self, catalog: CatalogEngine, identity: IdentityEngine, invokers: Invokers
    ) -> None:
        self.catalog = catalog
        self.invokers = invokers
        self._identity = identity

    def rights_of(self, owner: str, workspace: WorkspaceInfo) -> Principal | None:
        """Whose rights those of an object's owner are; None when nobody has that name."""
        return rights_of(self._identity, owner, workspace)

    def find(self, full_name: str) -> Securable | None:
        """The table or view of this name, as it is recorded."""
        if full_name.count(".") != 2:
            return None
        with self.catalog.metastore.read() as tx:
            return securables.find(tx, "table", full_name)

    def view_text(self, full_name: str) -> str | None:
        """The query of a view; None for a table, or when there is none of this name.

        A table of a catalog that the engine cannot have is a view of its own folder.
        """
        found = self.find(full_name)
        if found is None:
            return None
        if found.catalog_name in RESERVED and found.location:
            return f"SELECT * FROM delta.`{self.catalog.metastore.path(found)}`"
        return found.details.get("view_definition") or None

    def view_owner(self, full_name: str) -> str | None:
        """With whose rights a view is read; None for anything else."""
        found = self.find(full_name)
        is_view = found is not None and found.details.get("view_definition")
        return found.owner if found is not None and is_view else None

    def routine(self, full_name: str) -> Routine | None:
        """The function of this name, as it is run."""
        return self.catalog.functions.routine(full_name)

    def columns(self, full_name: str) -> Sequence[str]:
        """The names of a table's columns; none when there is no such table."""
        found = self.find(full_name)
        if found is None:
            return ()
        return [str(one["name"]) for one in self.catalog.table(full_name).columns]

    def location(self, full_name: str) -> Path | None:
        found = self.find(full_name)
        if found is None or not found.location:
            return None
        return self.catalog.metastore.path(found)

    def volume_path(self, full_name: str) -> Path:
        return self.catalog.volumes.path(full_name)

    def owner_of(self, path: Path) -> tuple[str, str] | None:
        """(kind, full name) of the table or volume whose folder holds this path."""
        with self.catalog.metastore.read() as tx:
            for kind in ("table", "volume"):
                for one in securables.of_kind(tx, kind):
                    if one.location and path.is_relative_to(
                        self.catalog.metastore.path(one).resolve()
                    ):
                        return kind, one.full_name
        return None

    def authorize(self, principal: Principal, workspace: WorkspaceInfo, access: Access) -> None:
        self.catalog.authorize(
            principal, workspace, access.privilege, access.kind, access.full_name
        )
