"""What can be owned and granted: one table for all of them, a tree by `parent_id`.

kind       metastore > catalog > schema > table | volume | function | model | prompt |
           vector_index | secret, metastore > external_location | storage_credential | connection
namespace  where names are unique: models, functions and prompts share `routine`, vector
           indexes are among the tables, the rest have their own
full_name  lower case; '' for the metastore
location   path below the data directory, for what has a folder of its own
details    what only one kind has; legend in the module of that kind

Deleting a row deletes everything below it, with grants and bindings.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    RowMapping,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from brickyard.workspace.catalog import names
from brickyard.workspace.kernel import METADATA, now_ms

SECURABLES = Table(
    "catalog_securables",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("namespace", String, nullable=False),
    Column("full_name", String, nullable=False),
    Column("parent_id", ForeignKey("catalog_securables.id", ondelete="CASCADE"), index=True),
    Column("owner", String, nullable=False),
    Column("comment", String),
    Column("location", String),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
    Column("details", JSON, nullable=False),
    UniqueConstraint("namespace", "full_name"),
)

_NAMESPACE: Final[Mapping[str, str]] = {
    "function": "routine",
    "model": "routine",
    "prompt": "routine",
    "vector_index": "table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Securable:
    id: str
    kind: str
    full_name: str
    parent_id: str | None
    owner: str
    comment: str | None
    location: str | None
    created_at: int  # ms
    created_by: str
    updated_at: int  # ms
    updated_by: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.full_name.rpartition(".")[2]

    @property
    def catalog_name(self) -> str:
        return self.full_name.partition(".")[0]

    @property
    def schema_name(self) -> str:
        """The middle part: only of what is inside a schema."""
        return self.full_name.split(".")[1]

    def __str__(self) -> str:
        return f"{names.SPELLED[self.kind]} '{self.full_name}'" if self.full_name else "Metastore"


def find(tx: Connection, kind: str, full_name: str) -> Securable | None:
    """The securable of this name.

    A model or prompt is found as `function` and a vector index as `table` too, as the grants API
    asks.
    """
    query = select(SECURABLES).where(
        SECURABLES.c.namespace == _NAMESPACE.get(kind, kind), SECURABLES.c.full_name == full_name
    )
    row = tx.execute(query).mappings().first()
    return _securable(row) if row else None


def need(tx: Connection, kind: str, full_name: str) -> Securable:
    """As `find`, of exactly this kind. Raises `<KIND>_DOES_NOT_EXIST`."""
    found = find(tx, kind, full_name)
    if found is None or found.kind != kind:
        raise names.missing(kind, full_name)
    return found


def by_id(tx: Connection, id: str) -> Securable | None:
    row = tx.execute(select(SECURABLES).where(SECURABLES.c.id == id)).mappings().first()
    return _securable(row) if row else None


def below(tx: Connection, parent: Securable, kind: str) -> list[Securable]:
    """The direct children of one kind, by name."""
    query = (
        select(SECURABLES)
        .where(SECURABLES.c.parent_id == parent.id, SECURABLES.c.kind == kind)
        .order_by(SECURABLES.c.full_name)
    )
    return [_securable(row) for row in tx.execute(query).mappings()]


def of_kind(tx: Connection, kind: str) -> list[Securable]:
    query = select(SECURABLES).where(SECURABLES.c.kind == kind).order_by(SECURABLES.c.full_name)
    return [_securable(row) for row in tx.execute(query).mappings()]


def has_children(tx: Connection, parent: Securable) -> bool:
    query = select(SECURABLES.c.id).where(SECURABLES.c.parent_id == parent.id).limit(1)
    return tx.execute(query).first() is not None


def within(full_name: str) -> Any:
    """The condition for everything inside a catalog or schema (not itself)."""
    # "/" follows "." in ASCII: a range scan, and no wildcard in a name can widen it.
    return SECURABLES.c.full_name.between(f"{full_name}.", f"{full_name}/")


def locations(tx: Connection, inside: Securable | None = None) -> list[str]:
    """The folders of everything, or of one securable and all below it."""
    query = select(SECURABLES.c.location).where(SECURABLES.c.location.is_not(None))
    if inside is not None:
        below_it = within(inside.full_name) if inside.kind in ("catalog", "schema") else False
        query = query.where((SECURABLES.c.id == inside.id) | below_it)
    return list(tx.execute(query).scalars())


def new(
    kind: str,
    full_name: str,
    *,
    parent: Securable | None,
    by: str,
    owner: str = "",
    comment: str | None = None,
    location: str | None = None,
    details: Mapping[str, Any] | None = None,
    id: str = "",
) -> Securable:
    """A securable that is not stored yet."""
    now = now_ms()
    return Securable(
        id=id or str(uuid.uuid4()),
        kind=kind,
        full_name=full_name,
        parent_id=parent.id if parent else None,
        owner=owner or by,
        comment=comment,
        location=location,
        created_at=now,
        created_by=by,
        updated_at=now,
        updated_by=by,
        details=details or {},
    )


def add(tx: Connection, made: Securable) -> None:
    """Store a new securable. Raises `<KIND>_ALREADY_EXISTS`."""
    taken = find(tx, made.kind, made.full_name)
    if taken is not None:
        raise names.taken(taken.kind, made.full_name)
    values = {column.name: getattr(made, column.name, None) for column in SECURABLES.columns}
    values |= {"namespace": _NAMESPACE.get(made.kind, made.kind), "details": dict(made.details)}
    tx.execute(insert(SECURABLES).values(**values))


def change(tx: Connection, had: Securable, *, by: str, **values: Any) -> Securable:
    """Set some columns; the securable as it is now."""
    stamped = values | {"updated_at": now_ms(), "updated_by": by}
    tx.execute(update(SECURABLES).where(SECURABLES.c.id == had.id).values(**stamped))
    changed = by_id(tx, had.id)
    assert changed is not None
    return changed


def rename(tx: Connection, had: Securable, full_name: str, *, by: str) -> Securable:
    """Give another name, to everything inside as well."""
    if full_name == had.full_name:
        return had
    if taken := find(tx, had.kind, full_name):
        raise names.taken(taken.kind, full_name)
    tail = func.substr(SECURABLES.c.full_name, len(had.full_name) + 1)
    if had.kind in ("catalog", "schema"):
        tx.execute(
            update(SECURABLES)
            .where(within(had.full_name))
            .values(full_name=literal(full_name) + tail)
        )
    return change(tx, had, by=by, full_name=full_name)


def remove(tx: Connection, gone: Securable) -> None:
    tx.execute(delete(SECURABLES).where(SECURABLES.c.id == gone.id))


def _securable(row: RowMapping) -> Securable:
    return Securable(**{key: value for key, value in row.items() if key != "namespace"})
