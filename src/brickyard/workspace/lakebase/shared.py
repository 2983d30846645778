"""What database instances and projects show of themselves in Unity Catalog.

A registered database is a catalog whose details have `database`: the `workspace`, the `kind` and
name (`home`) of where it is, and the `database_name`. A synced table is a view of its source whose
details have `synced`: the same, and the `spec`. So dropping either in Unity Catalog ends it here
too, and whoever reads a synced table reads the rows of its source as they are now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.catalog import securables
from brickyard.workspace.kernel import (
    ApiError,
    Principal,
    WorkspaceInfo,
    exists,
    invalid,
    not_found,
)

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.catalog.securables import Securable
    from brickyard.workspace.catalog.tables import TableInfo

INSTANCE, BRANCH = "database instance", "branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database: where it is and what it is called there."""

    kind: str  # INSTANCE or BRANCH
    home: str  # the instance's name, or `projects/{project}/branches/{branch}`
    database: str

    def stored(self, workspace: WorkspaceInfo) -> dict[str, Any]:
        return {
            "workspace": workspace.name,
            "kind": self.kind,
            "home": self.home,
            "database_name": self.database,
        }

    def __str__(self) -> str:
        return f"database {self.database} of {self.kind} {self.home}"


def place_of(kept: Mapping[str, Any]) -> Place:
    return Place(kind=kept["kind"], home=kept["home"], database=kept["database_name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What is asked of a synced table; `home` and `database` may be those of its catalog."""

    name: str
    kind: str
    home: str = ""
    database: str = ""
    source: str = ""
    keys: Sequence[str] = ()
    spec: Mapping[str, Any]
    makes_missing: bool = False


class Shared:
    """`find_place` raises unless somebody may use a database; it makes one that is missing if told
    to."""

    def __init__(
        self,
        catalog: CatalogEngine,
        find_place: Callable[[Principal, WorkspaceInfo, Place, bool], None],
    ) -> None:
        self._catalog = catalog
        self._find_place = find_place

    def add_catalog(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        name: str,
        place: Place,
        *,
        makes_missing: bool,
    ) -> Securable:
        """Show a database as a catalog, with the schema `public`. Takes CREATE_CATALOG."""
        self._catalog.authorize(principal, workspace, "CREATE_CATALOG", "metastore", "")
        self._find_place(principal, workspace, place, makes_missing)
        stored = place.stored(workspace)
        for one in self._databases():
            if one.details["database"] == stored:
                message = f"The {place} is already registered as catalog {one.full_name}"
                raise exists(message, "ALREADY_EXISTS")
        return self._catalog.catalogs.create(principal, workspace, name, database=stored)

    def find_catalog(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, kind: str
    ) -> Securable:
        found = self._catalog.catalogs.get(principal, workspace, name)
        if not _is_here(found.details.get("database"), workspace, kind):
            raise _not_registered(name)
        return found

    def catalogs(
        self, principal: Principal, workspace: WorkspaceInfo, kind: str, home: str
    ) -> list[Securable]:
        """The catalogs of an instance or branch that somebody may see."""
        return [
            one
            for one in self._catalog.catalogs.visible(principal, workspace)
            if _is_here(one.details.get("database"), workspace, kind, home)
        ]

    def drop_catalog(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, kind: str
    ) -> None:
        self.find_catalog(principal, workspace, name, kind)
        self._catalog.catalogs.drop(principal, workspace, name)

    def add_table(self, principal: Principal, workspace: WorkspaceInfo, want: Synced) -> TableInfo:
        """Make a synced table: takes CREATE_TABLE on its schema and SELECT on its source."""
        catalog, schema = _parts(want.name)
        makes_schema = self._check_creating(principal, workspace, catalog, schema)
        place = self._place(want, catalog)
        source = self._source(principal, workspace, want)
        self._find_place(principal, workspace, place, want.makes_missing)
        if makes_schema and want.makes_missing and self._place_of_catalog(catalog) is not None:
            self._catalog.schemas.create(principal, workspace, catalog, schema)
        return self._catalog.create_table(
            principal,
            workspace,
            want.name,
            table_type="VIEW",
            columns=source.columns,
            view_definition=f"SELECT * FROM {_quoted(source.full_name)}",
            synced={**place.stored(workspace), "spec": dict(want.spec)},
        )

    def find_table(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, kind: str
    ) -> TableInfo:
        found = self._catalog.tables.get(principal, workspace, name)
        if not _is_here(found.synced, workspace, kind):
            raise not_found(f"Synced table {name} does not exist", "NOT_FOUND")
        return found

    def tables(
        self, principal: Principal, workspace: WorkspaceInfo, kind: str, home: str
    ) -> list[TableInfo]:
        """The synced tables of an instance or branch that somebody may see."""
        return [
            one
            for one in self._catalog.tables.synced(principal, workspace)
            if _is_here(one.synced, workspace, kind, home)
        ]

    def drop_table(
        self, principal: Principal, workspace: WorkspaceInfo, name: str, kind: str
    ) -> None:
        self.find_table(principal, workspace, name, kind)
        self._catalog.drop_table(principal, workspace, name)

    def _databases(self) -> list[Securable]:
        with self._catalog.metastore.read() as tx:
            found = securables.of_kind(tx, "catalog")
        return [one for one in found if one.details.get("database")]

    def _place_of_catalog(self, catalog: str) -> Place | None:
        """What a catalog is registered for; None for a standard one."""
        for one in self._databases():
            if one.full_name == catalog:
                return place_of(one.details["database"])
        return None

    def _place(self, want: Synced, catalog: str) -> Place:
        """Where the table goes: what is asked for, which in a database's catalog is its own."""
        own = self._place_of_catalog(catalog)
        if own is None:
            if not want.home or not want.database:
                raise invalid(
                    f"Catalog '{catalog}' is no database catalog: name the {want.kind} and the"
                    " database that the table is synced to"
                )
            return Place(kind=want.kind, home=want.home, database=want.database)
        asked = Place(
            kind=want.kind, home=want.home or own.home, database=want.database or own.database
        )
        if asked != own:
            raise invalid(f"Catalog '{catalog}' is of the {own}, not of the {asked}")
        return own

    def _source(self, principal: Principal, workspace: WorkspaceInfo, want: Synced) -> TableInfo:
        if not want.source:
            raise invalid("spec.source_table_full_name is required")
        self._catalog.authorize(principal, workspace, "SELECT", "table", want.source)
        source = self._catalog.table(want.source)
        known = {str(one["name"]).lower() for one in source.columns}
        if not want.keys:
            raise invalid("spec.primary_key_columns is required: name the columns of the key")
        if lost := [key for key in want.keys if known and key.lower() not in known]:
            raise invalid(f"Primary key columns not in {want.source}: {', '.join(lost)}")
        return source

    def _check_creating(
        self, principal: Principal, workspace: WorkspaceInfo, catalog: str, schema: str
    ) -> bool:
        """Raise when somebody may not make a table here. Whether the schema is missing."""
        self._catalog.authorize(principal, workspace, "USE_CATALOG", "catalog", catalog)
        try:
            self._catalog.authorize(
                principal, workspace, "CREATE_TABLE", "schema", f"{catalog}.{schema}"
            )
        except ApiError as failure:
            if failure.code != "SCHEMA_DOES_NOT_EXIST":
                raise
            return True
        return False


def _is_here(
    kept: Mapping[str, Any] | None, workspace: WorkspaceInfo, kind: str, home: str = ""
) -> bool:
    """Whether it was made in this workspace for a home of this kind, or for this very one."""
    if not kept or (kept["workspace"], kept["kind"]) != (workspace.name, kind):
        return False
    return not home or kept["home"] == home


def _parts(name: str) -> tuple[str, str]:
    parts = [part.strip("`") for part in name.lower().split(".")]
    if len(parts) != 3 or not all(parts):
        raise invalid(f"{name!r} is no full name of a table: give catalog.schema.table")
    return parts[0], parts[1]


def _quoted(full_name: str) -> str:
    return ".".join(f"`{part}`" for part in full_name.split("."))


def _not_registered(name: str) -> ApiError:
    return not_found(f"Catalog '{name}' is not registered for a database", "NOT_FOUND")
