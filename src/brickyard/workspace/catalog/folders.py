"""The folders behind tables, volumes, vector indexes and models.

A folder is made before its row is committed and removed after its row is gone, so a row always has
its folder. What a kill leaves is a folder without a row: the sweep at the next start removes it.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

from brickyard.workspace.catalog import securables
from brickyard.workspace.catalog.metastore import Metastore

log = logging.getLogger("brickyard.catalog")


def remove(folders: Iterable[Path]) -> None:
    """Remove folders with everything in them. A part that resists is left to the next sweep."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def orphans(metastore: Metastore) -> list[Path]:
    """Folders of tables, volumes, vector indexes and models that no row speaks of."""
    home = metastore.home
    with metastore.read() as tx:
        known = {home.root / location for location in securables.locations(tx)}
        catalogs = [metastore.path(one) for one in securables.of_kind(tx, "catalog")]
    found = [path for path in _inside(home.catalogs) if path not in set(catalogs)]
    for catalog in catalogs:
        for kind in ("tables", "volumes", "indexes"):
            found += [path for path in _inside(catalog / kind) if path not in known]
    return found + [path for path in _inside(home.models) if path not in known]


def sweep(metastore: Metastore) -> threading.Thread | None:
    """Find orphans now, while nothing is being created, and remove them in the background."""
    found = orphans(metastore)
    if not found:
        return None
    log.info("removing %d folders that nothing refers to", len(found))
    removing = threading.Thread(target=remove, args=(found,), name="catalog-sweep", daemon=True)
    removing.start()
    return removing


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
