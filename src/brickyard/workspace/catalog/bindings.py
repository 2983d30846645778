"""Workspace bindings: from which workspaces a catalog may be read or written.

Follows "Limit catalog access to specific workspaces". An OPEN catalog is bound to every workspace;
an ISOLATED one only to those listed. Bindings hold for everyone: owners and administrators too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    delete,
    insert,
    select,
)

from brickyard.workspace.catalog.privileges import HARMLESS, words
from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import METADATA, ApiError, WorkspaceInfo, denied

Mode = Literal["READ_WRITE", "READ_ONLY"]
OPEN: Final = "OPEN"
ISOLATED: Final = "ISOLATED"

BINDINGS = Table(
    "catalog_bindings",
    METADATA,
    Column(
        "securable_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("workspace_id", BigInteger, primary_key=True),
    Column("mode", String, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    workspace_id: int
    mode: Mode


def bindings_of(tx: Connection, catalog: Securable) -> tuple[Binding, ...]:
    """What is listed for a catalog, whether or not it is isolated."""
    query = (
        select(BINDINGS.c.workspace_id, BINDINGS.c.mode)
        .where(BINDINGS.c.securable_id == catalog.id)
        .order_by(BINDINGS.c.workspace_id)
    )
    return tuple(Binding(workspace_id=row[0], mode=row[1]) for row in tx.execute(query))


def mode_in(tx: Connection, catalog: Securable, workspace: WorkspaceInfo) -> Mode | None:
    """How a catalog is bound to a workspace; None when it is not."""
    if catalog.details.get("isolation_mode", OPEN) == OPEN:
        return "READ_WRITE"
    listed = {one.workspace_id: one.mode for one in bindings_of(tx, catalog)}
    return listed.get(workspace.id)


def bind(
    tx: Connection, catalog: Securable, add: Iterable[Binding], remove: Iterable[int] = ()
) -> None:
    """Add, replace and remove bindings, one per workspace."""
    adding = list(add)
    gone = {*remove, *(one.workspace_id for one in adding)}
    tx.execute(
        delete(BINDINGS).where(
            BINDINGS.c.securable_id == catalog.id, BINDINGS.c.workspace_id.in_(gone)
        )
    )
    for one in adding:
        values = {"securable_id": catalog.id, "workspace_id": one.workspace_id, "mode": one.mode}
        tx.execute(insert(BINDINGS).values(**values))


def refusal(
    mode: Mode | None,
    catalog: Securable,
    workspace: WorkspaceInfo,
    privilege: str,
    target: str,
    workspaces: Mapping[str, WorkspaceInfo],
    listed: Iterable[Binding],
) -> ApiError | None:
    """Why the binding stops this privilege here, or None."""
    if mode == "READ_WRITE" or (mode == "READ_ONLY" and privilege in HARMLESS):
        return None
    writable = [
        name
        for name, info in workspaces.items()
        if Binding(workspace_id=info.id, mode="READ_WRITE") in listed
    ]
    if mode is None:
        return denied(
            f"Catalog '{catalog.full_name}' is not accessible in current workspace "
            f"'{workspace.name}': the catalog has no binding to it."
        )
    where = " or ".join(f"'{name}'" for name in writable) or "one that is bound read-write"
    return denied(
        f"Catalog '{catalog.full_name}' is bound to workspace '{workspace.name}' as read-only "
        f"(BINDING_TYPE_READ_ONLY), so {words(privilege)} on {target} is refused here. "
        f"Do it from workspace {where}."
    )
