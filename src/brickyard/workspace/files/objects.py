"""Ids of workspace objects. The disk says what exists; a row only remembers its id and birth.

Rows come into being when somebody asks for an id, and go with the object. A row whose object has
vanished from the disk is dropped when a new object takes the path.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    insert,
    select,
    update,
)

from brickyard.workspace.files.below import at_or_below, bound
from brickyard.workspace.kernel import METADATA, Store

OBJECTS = Table(
    "files_objects",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("path", String, nullable=False),  # as the API names it, without /Workspace
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("workspace", "path"),
)
AT_ONCE = 500  # paths in one query
IDS_BELOW = select(OBJECTS.c.id).where(at_or_below(OBJECTS))
DROP_BELOW = delete(OBJECTS).where(at_or_below(OBJECTS))


@dataclass(frozen=True, slots=True)
class Known:
    id: int
    path: str
    created_ms: int


class Objects:
    def __init__(self, store: Store) -> None:
        self._store = store

    def ids(self, workspace: str, born: dict[str, int]) -> dict[str, Known]:
        """Id and birth of every path in `born` (path to time, ms); missing rows are added."""
        found: dict[str, Known] = {}
        paths = list(born)
        with self._store.read() as tx:
            for start in range(0, len(paths), AT_ONCE):
                found |= _among(tx, workspace, paths[start : start + AT_ONCE])
        if len(found) < len(born):
            with self._store.begin() as tx:
                for path, moment in born.items():
                    if path not in found:
                        found[path] = _at(tx, workspace, path) or _add(tx, workspace, path, moment)
        return found

    def path_of(self, workspace: str, object_id: int) -> str | None:
        chosen = and_(OBJECTS.c.workspace == workspace, OBJECTS.c.id == object_id)
        with self._store.read() as tx:
            return tx.execute(select(OBJECTS.c.path).where(chosen)).scalar_one_or_none()

    def move(self, workspace: str, path: str, to: str) -> None:
        """An object got another name; it keeps its id."""
        at = and_(OBJECTS.c.workspace == workspace, OBJECTS.c.path == to)
        moved = and_(OBJECTS.c.workspace == workspace, OBJECTS.c.path == path)
        with self._store.begin() as tx:
            tx.execute(delete(OBJECTS).where(at))
            tx.execute(update(OBJECTS).where(moved).values(path=to))

    def forget(self, workspace: str, path: str) -> list[int]:
        """Drop the rows of a path and of everything below it; their ids."""
        chosen = bound(workspace, path)
        with self._store.read() as tx:
            ids = list(tx.execute(IDS_BELOW, chosen).scalars())
        if ids:
            with self._store.begin() as tx:
                tx.execute(DROP_BELOW, chosen)
        return ids


def _among(tx: Connection, workspace: str, paths: list[str]) -> dict[str, Known]:
    chosen = and_(OBJECTS.c.workspace == workspace, OBJECTS.c.path.in_(paths))
    rows = tx.execute(select(OBJECTS).where(chosen))
    return {row.path: Known(row.id, row.path, row.created_ms) for row in rows}


def _at(tx: Connection, workspace: str, path: str) -> Known | None:
    chosen = and_(OBJECTS.c.workspace == workspace, OBJECTS.c.path == path)
    row = tx.execute(select(OBJECTS).where(chosen)).first()
    return Known(row.id, row.path, row.created_ms) if row else None


def _add(tx: Connection, workspace: str, path: str, moment: int) -> Known:
    known = Known(10**15 + secrets.randbelow(9 * 10**15), path, moment)
    row = {"id": known.id, "workspace": workspace, "path": path, "created_ms": moment}
    tx.execute(insert(OBJECTS).values(row))
    return known
