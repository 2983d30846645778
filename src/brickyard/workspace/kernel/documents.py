"""Objects that are kept as one JSON document each: what a service remembers of a pool or an alert.

A domain declares its table with `document_table` and keeps it in a `Documents`. Reading, changing
and writing one object is a single transaction, and so is the check that its name is free.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, Column, Row, String, Table, Text, delete, insert, select, update

from brickyard.workspace.kernel.clock import now_ms
from brickyard.workspace.kernel.errors import ApiError, exists, not_found
from brickyard.workspace.kernel.store import METADATA, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One object of a workspace, or of the metastore when `workspace` is empty."""

    workspace: str
    id: str
    name: str
    body: Mapping[str, Any]  # what the service keeps, as JSON has it
    creator: str  # user name
    created_ms: int
    updated_ms: int


def document_table(name: str) -> Table:
    """The table of one kind of object: `name` is its domain and noun, as in `compute_clusters`."""
    return Table(
        name,
        METADATA,
        Column("workspace", String, primary_key=True),
        Column("id", String, primary_key=True),
        Column("name", String, nullable=False, index=True),
        Column("body", Text, nullable=False),
        Column("creator", String, nullable=False),
        Column("created_ms", BigInteger, nullable=False),
        Column("updated_ms", BigInteger, nullable=False),
    )


class Documents:
    """The objects of one kind in every workspace, at rest.

    `title` is how messages name the kind. `missing` and `taken` turn a sentence into the error of
    an unknown id and of a name that is in use, for services with codes of their own.
    """

    def __init__(
        self,
        store: Store,
        table: Table,
        title: str,
        *,
        missing: Callable[[str], ApiError] = not_found,
        taken: Callable[[str], ApiError] = exists,
    ) -> None:
        self._store = store
        self._table = table
        self._title = title
        self._missing = missing
        self._taken = taken

    def add(
        self,
        workspace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        creator: str,
        id: str | None = None,
        unique_name: bool = False,
    ) -> Document:
        """Keep a new object; without `id` under a new UUID. Raises when id or name is taken."""
        at = now_ms()
        made = Document(
            workspace=workspace,
            id=id if id is not None else str(uuid.uuid4()),
            name=name,
            body=body,
            creator=creator,
            created_ms=at,
            updated_ms=at,
        )
        with self._store.begin() as tx:
            if tx.execute(self._one(workspace, made.id)).first():
                raise self._taken(f"{self._title} {made.id} already exists")
            columns = self._table.c
            same = (columns.workspace == workspace, columns.name == name)
            if unique_name and tx.execute(select(columns.id).where(*same)).first():
                raise self._taken(f"{self._title} with name {name} already exists")
            tx.execute(insert(self._table).values(_row(made)))
        return made

    def find(self, workspace: str, id: str) -> Document | None:
        with self._store.read() as tx:
            row = tx.execute(self._one(workspace, id)).first()
        return _document(row) if row is not None else None

    def get(self, workspace: str, id: str) -> Document:
        """The object; raises when there is none."""
        found = self.find(workspace, id)
        if found is None:
            raise self._missing(f"{self._title} {id} does not exist")
        return found

    def all(self, workspace: str) -> tuple[Document, ...]:
        """Every object of a workspace, oldest first."""
        columns = self._table.c
        query = select(self._table).where(columns.workspace == workspace)
        with self._store.read() as tx:
            rows = tx.execute(query.order_by(columns.created_ms, columns.id)).all()
        return tuple(_document(row) for row in rows)

    def change(
        self,
        workspace: str,
        id: str,
        edit: Callable[[Document], Mapping[str, Any]],
        *,
        name: str = "",
    ) -> Document:
        """Replace the body by what `edit` makes of the object, in one transaction.

        `name` is the new name, when the object gets another one. Whatever `edit` raises leaves
        everything as it was.
        """
        with self._store.begin() as tx:
            row = tx.execute(self._one(workspace, id)).first()
            if row is None:
                raise self._missing(f"{self._title} {id} does not exist")
            before = _document(row)
            after = replace(
                before, body=edit(before), name=name or before.name, updated_ms=now_ms()
            )
            tx.execute(update(self._table).where(*self._where(workspace, id)).values(_row(after)))
        return after

    def remove(self, workspace: str, id: str) -> None:
        """Forget an object; raises when there is none."""
        with self._store.begin() as tx:
            gone = tx.execute(delete(self._table).where(*self._where(workspace, id)))
            if not gone.rowcount:
                raise self._missing(f"{self._title} {id} does not exist")

    def _one(self, workspace: str, id: str) -> Any:
        return select(self._table).where(*self._where(workspace, id))

    def _where(self, workspace: str, id: str) -> tuple[Any, Any]:
        return self._table.c.workspace == workspace, self._table.c.id == id


def _row(one: Document) -> dict[str, Any]:
    return {
        "workspace": one.workspace,
        "id": one.id,
        "name": one.name,
        "body": json.dumps(dict(one.body)),
        "creator": one.creator,
        "created_ms": one.created_ms,
        "updated_ms": one.updated_ms,
    }


def _document(row: Row[Any]) -> Document:
    return Document(
        workspace=row.workspace,
        id=row.id,
        name=row.name,
        body=json.loads(row.body),
        creator=row.creator,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
    )
