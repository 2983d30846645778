"""Grants at rest: which principal holds which privilege, directly, on which securable."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Column, Connection, ForeignKey, String, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from brickyard.workspace.catalog.securables import SECURABLES, Securable, within
from brickyard.workspace.kernel import METADATA

GRANTS = Table(
    "catalog_grants",
    METADATA,
    Column(
        "securable_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("principal", String, primary_key=True),
    Column("privilege", String, primary_key=True),
)

Held = Mapping[str, frozenset[str]]  # principal -> privileges


def give(tx: Connection, on: Securable, principal: str, privileges: Iterable[str]) -> None:
    for privilege in privileges:
        values = {"securable_id": on.id, "principal": principal, "privilege": privilege}
        tx.execute(insert(GRANTS).values(**values).on_conflict_do_nothing())


def take(tx: Connection, on: Securable, principal: str, privileges: Iterable[str]) -> None:
    tx.execute(
        delete(GRANTS).where(
            GRANTS.c.securable_id == on.id,
            GRANTS.c.principal == principal,
            GRANTS.c.privilege.in_(list(privileges)),
        )
    )


def direct(tx: Connection, ids: Collection[str]) -> Mapping[str, Held]:
    """The grants made directly on each of these securables."""
    found: dict[str, dict[str, set[str]]] = {id: {} for id in ids}
    query = select(GRANTS).where(GRANTS.c.securable_id.in_(ids)).order_by(GRANTS.c.principal)
    for id, principal, privilege in tx.execute(query):
        found[id].setdefault(principal, set()).add(privilege)
    return {
        id: {principal: frozenset(held) for principal, held in by_principal.items()}
        for id, by_principal in found.items()
    }


def anywhere_in(tx: Connection, catalog: Securable, identities: Collection[str]) -> frozenset[str]:
    """Every privilege that these identities hold on a catalog or on anything inside it."""
    inside = (SECURABLES.c.id == catalog.id) | within(catalog.full_name)
    query = (
        select(GRANTS.c.privilege)
        .join(SECURABLES, SECURABLES.c.id == GRANTS.c.securable_id)
        .where(inside, GRANTS.c.principal.in_(identities))
        .distinct()
    )
    return frozenset(tx.execute(query).scalars())


def owns_anything_in(tx: Connection, catalog: Securable, identities: Collection[str]) -> bool:
    inside = (SECURABLES.c.id == catalog.id) | within(catalog.full_name)
    query = select(SECURABLES.c.id).where(inside, SECURABLES.c.owner.in_(identities)).limit(1)
    return tx.execute(query).first() is not None
