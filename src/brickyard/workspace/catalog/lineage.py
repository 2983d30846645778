"""What was really read and written: by whom, from which workspace, in which run, when.

Kept after the object is gone: it is the evidence for the data policy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import BigInteger, Column, Integer, String, Table, insert, select

from brickyard.workspace.kernel import METADATA, Principal, Store, WorkspaceInfo, now_ms

AccessMode = Literal["read", "write", "opaque"]

ACCESSES = Table(
    "catalog_accesses",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("workspace", String, nullable=False),
    Column("principal", String, nullable=False),
    Column("source", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("full_name", String, nullable=False, index=True),
    Column("mode", String, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAccess:
    """`source` says what touched the object: `run:123`, `warehouse:abc`, `files`, `models`."""

    at: int  # ms
    workspace: str
    principal: str
    source: str
    kind: str
    full_name: str
    mode: str  # read, write, or opaque: seen, but how is not known


def record(
    store: Store,
    principal: Principal,
    workspace: WorkspaceInfo,
    full_name: str,
    mode: AccessMode,
    source: str,
    kind: str = "table",
) -> None:
    access = RecordedAccess(
        at=now_ms(),
        workspace=workspace.name,
        principal=principal.user_name,
        source=source,
        kind=kind,
        full_name=full_name.lower(),
        mode=mode,
    )
    with store.begin() as tx:
        tx.execute(insert(ACCESSES).values(**asdict(access)))


def accesses(
    store: Store,
    *,
    workspace: str | None = None,
    principal: str | None = None,
    source: str | None = None,
    full_name: str | None = None,
    mode: str | None = None,
    since: int = 0,
    until: int | None = None,
) -> list[RecordedAccess]:
    """What matches every condition given, oldest first. `source` ending in `*` is a prefix."""
    columns = ACCESSES.c
    query = select(ACCESSES).where(columns.at >= since).order_by(columns.id)
    for column, wanted in (
        (columns.workspace, workspace),
        (columns.principal, principal),
        (columns.full_name, full_name.lower() if full_name else None),
        (columns.mode, mode),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if until is not None:
        query = query.where(columns.at < until)
    if source is not None and source.endswith("*"):
        query = query.where(columns.source.startswith(source[:-1], autoescape=True))
    elif source is not None:
        query = query.where(columns.source == source)
    with store.read() as tx:
        rows = tx.execute(query).mappings()
        return [
            RecordedAccess(**{key: value for key, value in row.items() if key != "id"})
            for row in rows
        ]
