"""Which catalogs the sandbox of a task sees on disk, and how.

The rule is per catalog, because that is what a mount view can enforce: read-write when the
principal may write anything in the catalog from this workspace, read-only when he may read anything
in it, otherwise absent. Rights on single tables inside a mounted catalog rest on the Spark gateway
and on this catalog's own answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from brickyard.workspace.catalog import bindings, grants, securables
from brickyard.workspace.catalog.access import Access, identities
from brickyard.workspace.catalog.metastore import Metastore
from brickyard.workspace.catalog.privileges import ALL, CREATES_IN_SCHEMA, READS, WRITES
from brickyard.workspace.kernel import Principal, WorkspaceInfo

_WRITING: Final = (WRITES | CREATES_IN_SCHEMA | {ALL, "CREATE_SCHEMA"}) - {"CREATE_SECRET"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogMount:
    name: str
    path: Path  # holds `tables/`, `volumes/` and `indexes/`
    mode: Literal["rw", "ro"]


def mounts(
    metastore: Metastore, access: Access, principal: Principal, workspace: WorkspaceInfo
) -> tuple[CatalogMount, ...]:
    """The catalogs to mount, by name. Catalogs that are not listed must be hidden."""
    who = identities(principal)
    found = []
    with metastore.read() as tx:
        for catalog in securables.of_kind(tx, "catalog"):
            bound = bindings.mode_in(tx, catalog, workspace)
            if bound is None:
                continue
            held = grants.anywhere_in(tx, catalog, who)
            owns = grants.owns_anything_in(tx, catalog, who)
            mode = _mode(held, owns=owns, bound=bound)
            if mode is not None:
                found.append(
                    CatalogMount(name=catalog.full_name, path=metastore.path(catalog), mode=mode)
                )
    return tuple(
        one for one in found if access.can(principal, workspace, "USE_CATALOG", "catalog", one.name)
    )


def _mode(held: frozenset[str], *, owns: bool, bound: bindings.Mode) -> Literal["rw", "ro"] | None:
    if bound == "READ_WRITE" and (owns or held & _WRITING):
        return "rw"
    if owns or held & (READS | _WRITING):
        return "ro"
    return None
