"""Endpoints at rest: one row each, with its active and pending configuration as JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import BigInteger, Column, String, Table, Text, UniqueConstraint, bindparam, select
from sqlalchemy.exc import IntegrityError

from brickyard.workspace.kernel import METADATA, Store, exists, not_found, now_ms
from brickyard.workspace.serving.config import Config, from_stored

ENDPOINTS = Table(
    "serving_endpoints",
    METADATA,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("name", String, nullable=False),
    Column("creator", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("update_state", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("active", Text),
    Column("pending", Text),
    Column("settings", Text, nullable=False),
    UniqueConstraint("workspace", "name"),
)

PROVIDED = "provided"  # the setting that marks an endpoint that comes with the workspace
IDLE, BUSY, FAILED = "NOT_UPDATING", "IN_PROGRESS", "UPDATE_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`settings`: what is kept and shown as given (tags, AI gateway, notifications, ...)."""

    id: str
    workspace: str
    name: str
    creator: str
    created_ms: int
    updated_ms: int
    update_state: str = IDLE
    message: str = ""  # why the last update failed
    active: Config | None = None
    pending: Config | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_provided(self) -> bool:
        """Whether it comes with the workspace: asked by everybody, deleted by nobody."""
        return bool(self.settings.get(PROVIDED))


class Records:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, endpoint: Endpoint) -> None:
        """Raises RESOURCE_ALREADY_EXISTS."""
        try:
            with self._store.begin() as tx:
                tx.execute(ENDPOINTS.insert().values(_row(endpoint)))
        except IntegrityError:
            raise exists(f"Endpoint with name '{endpoint.name}' already exists") from None

    def put(self, endpoints: Sequence[Endpoint]) -> None:
        """Add what is missing and renew what is there; only its settings are kept and added to."""
        known = {(one.workspace, one.name): one for one in self.all()}
        renewed = []
        for one in endpoints:
            before = known.get((one.workspace, one.name))
            if before is None:
                renewed.append(one)
                continue
            settings = {**before.settings, **one.settings}
            if (before.active, before.settings) != (one.active, settings):
                renewed.append(replace(one, id=before.id, settings=settings))
        if not renewed:
            return
        with self._store.begin() as tx:
            named = [{"at": one.workspace, "called": one.name} for one in renewed]
            tx.execute(
                ENDPOINTS.delete().where(
                    ENDPOINTS.c.workspace == bindparam("at"),
                    ENDPOINTS.c.name == bindparam("called"),
                ),
                named,
            )
            tx.execute(ENDPOINTS.insert(), [_row(one) for one in renewed])

    def find(self, workspace: str, name: str) -> Endpoint:
        """Raises RESOURCE_DOES_NOT_EXIST."""
        wanted = select(ENDPOINTS).where(
            ENDPOINTS.c.workspace == workspace, ENDPOINTS.c.name == name
        )
        with self._store.read() as tx:
            row = tx.execute(wanted).mappings().first()
        if row is None:
            raise not_found(f"Endpoint with name '{name}' does not exist")
        return _endpoint(dict(row))

    def all(self, workspace: str | None = None) -> list[Endpoint]:
        wanted = select(ENDPOINTS).order_by(ENDPOINTS.c.created_ms, ENDPOINTS.c.name)
        if workspace is not None:
            wanted = wanted.where(ENDPOINTS.c.workspace == workspace)
        with self._store.read() as tx:
            return [_endpoint(dict(row)) for row in tx.execute(wanted).mappings()]

    def change(self, endpoint_id: str, **changes: Any) -> Endpoint | None:
        """The endpoint after the change; None when it is gone. One write transaction."""
        return self.change_by(endpoint_id, lambda _: changes)

    def change_by(self, endpoint_id: str, decide: Any) -> Endpoint | None:
        """As `change`, deciding on the row as it is inside the transaction."""
        with self._store.begin() as tx:
            row = (
                tx.execute(select(ENDPOINTS).where(ENDPOINTS.c.id == endpoint_id))
                .mappings()
                .first()
            )
            if row is None:
                return None
            before = _endpoint(dict(row))
            after = replace(before, updated_ms=now_ms(), **decide(before))
            tx.execute(ENDPOINTS.update().where(ENDPOINTS.c.id == endpoint_id).values(_row(after)))
            return after

    def remove(self, endpoint_id: str) -> None:
        with self._store.begin() as tx:
            tx.execute(ENDPOINTS.delete().where(ENDPOINTS.c.id == endpoint_id))


def new_id() -> str:
    return uuid.uuid4().hex


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "workspace": endpoint.workspace,
        "name": endpoint.name,
        "creator": endpoint.creator,
        "created_ms": endpoint.created_ms,
        "updated_ms": endpoint.updated_ms,
        "update_state": endpoint.update_state,
        "message": endpoint.message,
        "active": json.dumps(endpoint.active.stored()) if endpoint.active else None,
        "pending": json.dumps(endpoint.pending.stored()) if endpoint.pending else None,
        "settings": json.dumps(dict(endpoint.settings)),
    }


def _endpoint(row: Mapping[str, Any]) -> Endpoint:
    values = dict(row)
    for name in ("active", "pending"):
        values[name] = from_stored(json.loads(values[name])) if values[name] else None
    values["settings"] = json.loads(values["settings"])
    return Endpoint(**values)
