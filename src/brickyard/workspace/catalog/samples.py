"""The catalog `samples` that every Databricks workspace has, and tutorials and templates read.

Everybody reads it in every workspace, nobody writes it. Of Databricks' schemas there are `nyctaxi`,
`bakehouse`, `tpch` and `wanderbricks`, with the same tables and columns; the rows are made up, the
same in every data directory (`sample_data`). Each schema is made once, a moment after a data
directory is first served, so that a start waits for nothing; one that was dropped stays so, and
somebody's own catalog of this name is left alone.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from brickyard.workspace.catalog import bindings, grants, securables
from brickyard.workspace.catalog.bindings import Binding
from brickyard.workspace.catalog.defaults import READING
from brickyard.workspace.catalog.metastore import EVERYONE, Metastore
from brickyard.workspace.catalog.sample_data import bakehouse, tpch, trips, wanderbricks
from brickyard.workspace.catalog.securables import Securable

if TYPE_CHECKING:
    import pyarrow

NAME: Final = "samples"
OWNER: Final = "System user"
MADE: Final = "made_samples"  # schemas, in the details of the metastore
TRIPS_MADE: Final = "has_samples"  # there, too: of a time when `nyctaxi` was all
AFTER_S: Final = 3.0
SCHEMAS: Final[Mapping[str, Mapping[str, Callable[[], pyarrow.Table]]]] = {
    "nyctaxi": trips.TABLES,
    "bakehouse": bakehouse.TABLES,
    "tpch": tpch.TABLES,
    "wanderbricks": wanderbricks.TABLES,
}

log = logging.getLogger("brickyard.catalog")


def make_later(metastore: Metastore, after: threading.Thread | None) -> threading.Timer | None:
    """Make it in the background, when `after` has ended. None when there is nothing to do."""
    with metastore.read() as tx:
        if not _missing(tx):
            return None
    stopping = threading.Event()

    def run() -> None:
        if after is not None:
            after.join()
        try:
            make(metastore, stopping)
        except Exception:
            log.exception("the catalog %s could not be made", NAME)

    timer = Making(AFTER_S, run, stopping)
    timer.start()
    return timer


class Making(threading.Timer):
    """Ends between two schemas when it is cancelled."""

    def __init__(self, after_s: float, run: Callable[[], None], stopping: threading.Event) -> None:
        super().__init__(after_s, run)
        self.name, self.daemon = "samples", True
        self._stopping = stopping

    def cancel(self) -> None:
        self._stopping.set()
        super().cancel()


def make(metastore: Metastore, stopping: threading.Event | None = None) -> None:
    """Schema by schema: write the data, then the rows that speak of it, in one transaction."""
    with metastore.read() as tx:
        catalog = securables.find(tx, "catalog", NAME)
        missing = _missing(tx)
    is_theirs = catalog is not None and catalog.owner != OWNER
    for schema in missing:
        if stopping is not None and stopping.is_set():
            return
        tables = {name: _place(metastore) for name in SCHEMAS[schema]}
        for name, (_, folder) in tables.items() if not is_theirs else ():
            _write(folder, SCHEMAS[schema][name]())
        with metastore.begin() as tx:
            root = securables.need(tx, "metastore", "")
            made = [*_made(root), schema]
            securables.change(tx, root, by=OWNER, details={**root.details, MADE: made})
            if not is_theirs:
                _register(tx, metastore, root, schema, tables)


def _missing(tx: Connection) -> list[str]:
    made = _made(securables.need(tx, "metastore", ""))
    return [name for name in SCHEMAS if name not in made]


def _made(root: Securable) -> list[str]:
    before = ["nyctaxi"] if root.details.get(TRIPS_MADE) else []
    return list(root.details.get(MADE) or before)


def _place(metastore: Metastore) -> tuple[str, Path]:
    id = str(uuid.uuid4())
    return id, metastore.home.catalog(NAME) / "tables" / id


def _register(
    tx: Connection,
    metastore: Metastore,
    root: Securable,
    name: str,
    tables: Mapping[str, tuple[str, Path]],
) -> None:
    catalog = securables.find(tx, "catalog", NAME)
    if catalog is None:
        if name != next(iter(SCHEMAS)):
            return  # it was dropped
        catalog = _catalog(tx, metastore, root)
    schema = securables.new("schema", f"{NAME}.{name}", parent=catalog, by=OWNER)
    securables.add(tx, schema)
    for table, (id, folder) in tables.items():
        made = securables.new(
            "table",
            f"{NAME}.{name}.{table}",
            parent=schema,
            by=OWNER,
            location=metastore.relative(folder),
            details={
                "table_type": "MANAGED",
                "data_source_format": "DELTA",
                "columns": [],  # as its log has them
                "properties": {},
                "view_definition": None,
            },
            id=id,
        )
        securables.add(tx, made)


def _catalog(tx: Connection, metastore: Metastore, root: Securable) -> Securable:
    catalog = securables.new(
        "catalog",
        NAME,
        parent=root,
        by=OWNER,
        comment="Sample data, read-only",
        location=metastore.relative(metastore.home.catalog(NAME)),
        details={"isolation_mode": bindings.ISOLATED},
    )
    securables.add(tx, catalog)
    here = metastore.workspaces.values()
    bindings.bind(tx, catalog, [Binding(workspace_id=at.id, mode="READ_ONLY") for at in here])
    grants.give(tx, catalog, EVERYONE, READING)
    return catalog


def _write(folder: Path, rows: pyarrow.Table) -> None:
    from deltalake import write_deltalake

    folder.mkdir(parents=True)
    write_deltalake(str(folder), rows)
