"""Objects of the tree that belong to another service: a dashboard is a file that somebody draws.

A claim says whose file lies at a path. It is made before the file and outlives it, so whoever
claims a file that is gone knows that it was removed. Rights on a claimed file are those on what it
belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, String, Table, and_, delete, insert, select

from brickyard.workspace.files.below import at_or_below, bound
from brickyard.workspace.files.paths import joined
from brickyard.workspace.files.tree import Parts
from brickyard.workspace.kernel import METADATA, Store

CLAIMS = Table(
    "files_claims",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("path", String, primary_key=True),  # as the API names it, without /Workspace
    Column("type", String, nullable=False),  # as permissions call it: dashboards, alertsv2
    Column("id", String, nullable=False, index=True),  # of the object in its service
)
ANY_BELOW = select(CLAIMS.c.path).where(at_or_below(CLAIMS)).limit(1)
DROP_BELOW = delete(CLAIMS).where(at_or_below(CLAIMS))
SUFFIXES = {"dashboards": ".lvdash.json", "alertsv2": ".dbalert.json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The object of another service that a file belongs to."""

    type: str
    id: str

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.type]


class Claims:
    def __init__(self, store: Store) -> None:
        self._store = store

    def at(self, workspace: str, parts: Parts) -> Claim | None:
        """Whose file a path is, should there be one."""
        if not parts or not parts[-1].endswith(tuple(SUFFIXES.values())):
            return None
        chosen = and_(CLAIMS.c.workspace == workspace, CLAIMS.c.path == joined(parts))
        with self._store.read() as tx:
            row = tx.execute(select(CLAIMS.c.type, CLAIMS.c.id).where(chosen)).first()
        return Claim(type=row.type, id=row.id) if row is not None else None

    def paths(self, workspace: str, claim: Claim) -> Sequence[str]:
        """Where the file of an object may lie: at most two places while it is being moved."""
        chosen = and_(
            CLAIMS.c.workspace == workspace, CLAIMS.c.type == claim.type, CLAIMS.c.id == claim.id
        )
        with self._store.read() as tx:
            return tx.execute(select(CLAIMS.c.path).where(chosen)).scalars().all()

    def put(self, workspace: str, path: str, claim: Claim) -> None:
        """Claim a path; an earlier claim on it ends."""
        chosen = and_(CLAIMS.c.workspace == workspace, CLAIMS.c.path == path)
        row = {"workspace": workspace, "path": path, "type": claim.type, "id": claim.id}
        with self._store.begin() as tx:
            tx.execute(delete(CLAIMS).where(chosen))
            tx.execute(insert(CLAIMS).values(row))

    def forget(self, workspace: str, path: str) -> None:
        """End the claims on a path and on everything below it."""
        chosen = bound(workspace, path)
        with self._store.read() as tx:
            any_there = tx.execute(ANY_BELOW, chosen).first()
        if any_there:
            with self._store.begin() as tx:
                tx.execute(DROP_BELOW, chosen)
