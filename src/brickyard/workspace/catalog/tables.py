"""Tables and views.

details: `table_type` (MANAGED, EXTERNAL or VIEW), `data_source_format`, `columns` (as the API shows
them), `properties`, `view_definition`; `synced`, of one that is a synced table, is what the service
of databases keeps of it. Data lies in `tables/<id>` of the catalog's folder. A table
created EXTERNAL with its location there, as Spark engines do, is the catalog's own all the same:
dropping it removes the data. Locations elsewhere are refused: this metastore has no external
locations, and a folder of another catalog would go round that catalog's rights.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection

from brickyard.workspace.catalog import folders, names, securables
from brickyard.workspace.catalog.access import Access
from brickyard.workspace.catalog.collection import Collection
from brickyard.workspace.catalog.delta import DeltaColumns
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import BROWSE, MANAGE
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo, exists, invalid

VIEW: Final = "VIEW"
TYPES: Final = ("MANAGED", "EXTERNAL", VIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInfo:
    id: str
    full_name: str
    table_type: str  # MANAGED or VIEW
    data_source_format: str  # DELTA; '' for a view
    columns: Sequence[Mapping[str, Any]]  # of a Delta table: as its log has them now
    storage_location: Path | None  # None for a view
    owner: str
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    view_definition: str | None = None
    synced: Mapping[str, Any] = field(default_factory=dict)
    created_at: int = 0
    created_by: str = ""
    updated_at: int = 0
    updated_by: str = ""

    @property
    def catalog_name(self) -> str:
        return self.full_name.split(".")[0]

    @property
    def schema_name(self) -> str:
        return self.full_name.split(".")[1]

    @property
    def name(self) -> str:
        return self.full_name.split(".")[2]


class Tables(Collection):
    KIND = "table"

    def __init__(self, metastore: Metastore, access: Access) -> None:
        super().__init__(metastore, access)
        self._delta = DeltaColumns()

    def table(self, full_name: str) -> TableInfo:
        """A table or view. Asks nobody: the caller authorizes."""
        with self._metastore.read() as tx:
            return self._info(securables.need(tx, "table", names.full("table", full_name)))

    def with_id(self, id: str) -> TableInfo | None:
        """The table or view of an id, whatever it is called now. Asks nobody."""
        with self._metastore.read() as tx:
            found = securables.by_id(tx, id)
            return self._info(found) if found is not None and found.kind == "table" else None

    def get(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> TableInfo:
        """A table or view, for somebody who may see it."""
        self._access.authorize(principal, workspace, BROWSE, "table", full_name)
        return self.table(full_name)

    def exists(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> bool:
        """Whether it is there and may be seen. Raises when its schema may not be entered."""
        try:
            self._access.authorize(principal, workspace, BROWSE, "table", full_name)
            with self._metastore.read() as tx:
                securables.need(tx, "table", names.full("table", full_name))
        except ApiError as refused:
            if refused.code == "TABLE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def synced(self, principal: Principal, workspace: WorkspaceInfo) -> list[TableInfo]:
        """Every synced table that somebody may see here, by name."""
        can = self._access.can
        with self._metastore.read() as tx:
            found = [one for one in securables.of_kind(tx, "table") if "synced" in one.details]
        seen = [one for one in found if can(principal, workspace, BROWSE, "table", one.full_name)]
        return [self._info(one) for one in seen]

    def show(self, found: Securable) -> TableInfo:
        """One of those that `visible` gave."""
        return self._info(found)

    def new_location(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> Path:
        """Where the data of a table about to be created goes. The folder is not made yet.

        Raises when the principal may not create the table here.
        """
        schema, _, _ = names.full("table", full_name).rpartition(".")
        self._access.authorize(principal, workspace, "CREATE_TABLE", "schema", schema)
        with self._metastore.read() as tx:
            catalog = securables.need(tx, "catalog", schema.partition(".")[0])
        return self._metastore.path(catalog) / "tables" / str(uuid.uuid4())

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        *,
        table_type: str = "MANAGED",
        data_source_format: str = "DELTA",
        storage_location: str | Path | None = None,
        columns: Sequence[Mapping[str, Any]] = (),
        comment: str | None = None,
        properties: Mapping[str, str] | None = None,
        view_definition: str | None = None,
        synced: Mapping[str, Any] | None = None,
    ) -> TableInfo:
        """Register a table or view. A managed table with columns gets its empty Delta log."""
        full_name = names.full("table", full_name)
        schema, _, name = full_name.rpartition(".")
        names.normalised(name, "table")
        self._access.authorize(principal, workspace, "CREATE_TABLE", "schema", schema)
        _check_type(table_type, data_source_format, view_definition)
        id = str(uuid.uuid4())
        with self._metastore.read() as tx:
            parent = securables.need(tx, "schema", schema)
            catalog = securables.need(tx, "catalog", parent.catalog_name)
            folder = None
            if table_type != VIEW:
                root = self._metastore.path(catalog) / "tables"
                folder = _inside(root, storage_location) if storage_location else root / id
                self._check_free(tx, folder)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if columns and not (folder / "_delta_log").exists():
                self._delta.create(folder, name, columns)
        made = securables.new(
            "table",
            full_name,
            parent=parent,
            by=principal.user_name,
            comment=comment,
            location=self._metastore.relative(folder) if folder else None,
            details={
                "table_type": VIEW if table_type == VIEW else "MANAGED",
                "data_source_format": "" if table_type == VIEW else data_source_format,
                "columns": [dict(column) for column in columns],
                "properties": dict(properties or {}),
                "view_definition": view_definition,
                **({"synced": dict(synced)} if synced else {}),
            },
            id=id,
        )
        try:
            with self._metastore.begin() as tx:
                if folder is not None:
                    self._check_free(tx, folder)
                securables.add(tx, made)
        except BaseException:
            if folder is not None and not storage_location:
                folders.remove([folder])
            raise
        return self._info(made)

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
        view_definition: str | None = None,
        columns: Sequence[Mapping[str, Any]] | None = None,
    ) -> TableInfo:
        """Set what is not None. A comment or property takes MODIFY, the rest MANAGE."""
        light = new_name is None and owner is None and view_definition is None
        details = {
            "properties": dict(properties) if properties is not None else None,
            "view_definition": view_definition,
            "columns": [dict(column) for column in columns] if columns is not None else None,
        }
        changed = self._changed(
            principal,
            workspace,
            full_name,
            privilege="MODIFY" if light else MANAGE,
            new_name=new_name.rpartition(".")[2] if new_name is not None else None,
            owner=owner,
            comment=comment,
            details={key: value for key, value in details.items() if value is not None},
        )
        return self._info(changed)

    def drop(self, principal: Principal, workspace: WorkspaceInfo, full_name: str) -> None:
        """Remove a table with its data, or a view."""
        found = self._removed(principal, workspace, full_name)
        if found.location:
            folders.remove([self._metastore.path(found)])

    def _check_free(self, tx: Connection, folder: Path) -> None:
        """Two tables must not share a folder, or the drop of one takes the other's data."""
        relative = self._metastore.relative(folder)
        if relative in securables.locations(tx):
            raise exists(
                f"Location '{folder.as_uri()}' already belongs to another table",
                "LOCATION_OVERLAP",
            )

    def _info(self, found: Securable) -> TableInfo:
        details = found.details
        location = self._metastore.path(found) if found.location else None
        columns: Sequence[Mapping[str, Any]] = details.get("columns") or ()
        if location is not None and details.get("data_source_format") == "DELTA":
            columns = self._delta.columns(location, columns)
        return TableInfo(
            id=found.id,
            full_name=found.full_name,
            table_type=details["table_type"],
            data_source_format=details.get("data_source_format") or "",
            columns=columns,
            storage_location=location,
            owner=found.owner,
            comment=found.comment,
            properties=details.get("properties") or {},
            view_definition=details.get("view_definition"),
            synced=details.get("synced") or {},
            created_at=found.created_at,
            created_by=found.created_by,
            updated_at=found.updated_at,
            updated_by=found.updated_by,
        )


def _check_type(table_type: str, data_source_format: str, view_definition: str | None) -> None:
    if table_type not in TYPES:
        raise invalid(f"table_type must be one of {', '.join(TYPES)}, not {table_type!r}")
    if table_type == VIEW:
        if not view_definition:
            raise invalid("A view needs its view_definition")
    elif data_source_format != "DELTA":
        raise invalid(
            f"Tables here are Delta tables: data_source_format {data_source_format!r} is not "
            "supported. Keep other formats as files of a volume."
        )


def _inside(root: Path, location: str | Path) -> Path:
    """The folder that a location names: a direct child of `root`, or it is refused."""
    text = str(location)
    parts = urlsplit(text)
    path = Path(unquote(parts.path) if parts.scheme == "file" else text)
    if parts.scheme not in ("", "file") or path.parent != root or path.name in ("", ".", ".."):
        raise invalid(
            f"Location {text!r} is not in an external location of this metastore: tables of this "
            f"catalog lie directly under {root.as_uri()}. Leave the location out to have the "
            "catalog place the table."
        )
    return path
