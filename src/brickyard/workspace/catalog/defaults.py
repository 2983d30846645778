"""What a new metastore holds: a catalog per workspace, bound and granted as the data policy wants.

| catalog | owner                | dev        | staging    | prod       |
|---------|----------------------|------------|------------|------------|
| dev     | the person           | read-write | not bound  | not bound  |
| staging | deployer of staging  | not bound  | read-write | not bound  |
| prod    | deployer of prod     | read-only  | read-only  | read-write |

Everybody may read each catalog where it is bound. The person owns the metastore and holds all
privileges on the other two catalogs: what keeps dev from writing to prod is the binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from brickyard.workspace.catalog import bindings, grants, securables
from brickyard.workspace.catalog.bindings import Binding, Mode
from brickyard.workspace.catalog.metastore import EVERYONE, ID, Metastore
from brickyard.workspace.catalog.privileges import ALL, MANAGE

READING: Final = ("BROWSE", "EXECUTE", "READ_VOLUME", "SELECT", "USE_CATALOG", "USE_SCHEMA")
BOUND: Final[Mapping[str, Mapping[str, Mode]]] = {
    "dev": {"dev": "READ_WRITE"},
    "staging": {"staging": "READ_WRITE"},
    "prod": {"prod": "READ_WRITE", "dev": "READ_ONLY", "staging": "READ_ONLY"},
}
COMMENTS: Final[Mapping[str, str]] = {
    "dev": "Development: try and iterate",
    "staging": "Staging: validate features and the promotion itself",
    "prod": "Production",
}


def ensure(metastore: Metastore, owners: Mapping[str, str]) -> None:
    """Put the defaults in place once; what was changed or dropped since stays so.

    `owners` says who owns the catalog of each workspace; the owner of `dev` owns the metastore.
    """
    with metastore.read() as tx:
        if securables.find(tx, "metastore", ""):
            return
    for name in BOUND:
        for kind in ("tables", "volumes"):
            (metastore.home.catalog(name) / kind).mkdir(parents=True, exist_ok=True)
    with metastore.begin() as tx:
        person = owners["dev"]
        root = securables.new("metastore", "", parent=None, by=person, id=ID)
        securables.add(tx, root)
        for name, bound in BOUND.items():
            _catalog(tx, metastore, root, name, owners[name], person, bound)


def _catalog(
    tx: Connection,
    metastore: Metastore,
    root: securables.Securable,
    name: str,
    owner: str,
    person: str,
    bound: Mapping[str, Mode],
) -> None:
    catalog = securables.new(
        "catalog",
        name,
        parent=root,
        by=person,
        owner=owner,
        comment=COMMENTS[name],
        location=metastore.relative(metastore.home.catalog(name)),
        details={"isolation_mode": bindings.ISOLATED},
    )
    securables.add(tx, catalog)
    schema = securables.new(
        "schema",
        f"{name}.default",
        parent=catalog,
        by=person,
        owner=owner,
        comment="Default schema",
    )
    securables.add(tx, schema)
    here = metastore.workspaces
    bindings.bind(
        tx,
        catalog,
        [Binding(workspace_id=here[at].id, mode=mode) for at, mode in bound.items() if at in here],
    )
    grants.give(tx, catalog, EVERYONE, READING)
    if person != owner:
        grants.give(tx, catalog, person, (ALL, MANAGE))
