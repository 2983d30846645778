"""SQL warehouses: what is kept of them. Sizes and scaling are virtual: a warehouse is a Sail
process of each principal that uses it, started by its first statement.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, String, Table, Text, delete, insert, select, update

from brickyard.workspace.kernel import METADATA, ApiError, Store, WorkspaceInfo, not_found, now_ms

TABLE = Table(
    "sql_warehouses",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("settings", Text, nullable=False),  # JSON, as given and defaulted
    Column("creator", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
STARTER: Final = "Brickyard Starter Warehouse"
DEFAULTS: Final[Mapping[str, Any]] = {
    "cluster_size": "2X-Small",
    "min_num_clusters": 1,
    "max_num_clusters": 1,
    "auto_stop_mins": 120,
    "enable_photon": True,
    "enable_serverless_compute": True,
    "spot_instance_policy": "COST_OPTIMIZED",
    "warehouse_type": "PRO",
    "channel": {"name": "CHANNEL_NAME_CURRENT"},
}
KEPT: Final = (*DEFAULTS, "tags", "instance_profile_arn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    workspace: str
    id: str
    name: str
    settings: Mapping[str, Any]
    creator: str
    state: str  # RUNNING or STOPPED: starting takes no time


class Warehouses:
    """The warehouses of every workspace, at rest."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def ensure_starter(self, workspace: WorkspaceInfo, creator: str) -> Warehouse | None:
        """The default warehouse, made on the first start; None when it was there."""
        known = uuid.uuid5(uuid.NAMESPACE_DNS, f"starter.{workspace.name}.brickyard.localhost")
        id = known.hex[:16]
        with self._store.begin() as tx:
            if tx.execute(select(TABLE.c.id).where(TABLE.c.workspace == workspace.name)).first():
                return None
            made = Warehouse(
                workspace=workspace.name,
                id=id,
                name=STARTER,
                settings=DEFAULTS,
                creator=creator,
                state="RUNNING",
            )
            tx.execute(insert(TABLE).values({**_row(made), "created_ms": now_ms()}))
        return made

    def create(
        self, workspace: WorkspaceInfo, name: str, settings: Mapping[str, Any], creator: str
    ) -> Warehouse:
        made = Warehouse(
            workspace=workspace.name,
            id=secrets.token_hex(8),
            name=name,
            settings={**DEFAULTS, **_kept(settings)},
            creator=creator,
            state="RUNNING",
        )
        with self._store.begin() as tx:
            same = (TABLE.c.workspace == workspace.name, TABLE.c.name == name)
            if tx.execute(select(TABLE.c.id).where(*same)).first():
                raise ApiError(
                    "INVALID_PARAMETER_VALUE", f"SQL warehouse with name `{name}` already exists"
                )
            tx.execute(insert(TABLE).values({**_row(made), "created_ms": now_ms()}))
        return made

    def get(self, workspace: WorkspaceInfo, id: str) -> Warehouse:
        with self._store.read() as tx:
            where = (TABLE.c.workspace == workspace.name, TABLE.c.id == id)
            row = tx.execute(select(TABLE).where(*where)).first()
        if row is None:
            raise not_found(f"SQL warehouse {id} does not exist")
        return _warehouse(row)

    def all(self, workspace: WorkspaceInfo) -> tuple[Warehouse, ...]:
        with self._store.read() as tx:
            query = select(TABLE).where(TABLE.c.workspace == workspace.name)
            rows = tx.execute(query.order_by(TABLE.c.created_ms, TABLE.c.id)).all()
        return tuple(_warehouse(row) for row in rows)

    def edit(
        self, workspace: WorkspaceInfo, id: str, name: str, settings: Mapping[str, Any]
    ) -> Warehouse:
        before = self.get(workspace, id)
        changed = Warehouse(
            workspace=before.workspace,
            id=id,
            name=name or before.name,
            settings={**before.settings, **_kept(settings)},
            creator=before.creator,
            state=before.state,
        )
        with self._store.begin() as tx:
            where = (TABLE.c.workspace == workspace.name, TABLE.c.id == id)
            tx.execute(update(TABLE).where(*where).values(_row(changed)))
        return changed

    def set_state(self, workspace: WorkspaceInfo, id: str, state: str) -> None:
        with self._store.begin() as tx:
            where = (TABLE.c.workspace == workspace.name, TABLE.c.id == id)
            tx.execute(update(TABLE).where(*where).values(state=state))

    def delete(self, workspace: WorkspaceInfo, id: str) -> None:
        with self._store.begin() as tx:
            where = (TABLE.c.workspace == workspace.name, TABLE.c.id == id)
            tx.execute(delete(TABLE).where(*where))


def _kept(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in KEPT if settings.get(key) is not None}


def _row(one: Warehouse) -> dict[str, Any]:
    return {
        "workspace": one.workspace,
        "id": one.id,
        "name": one.name,
        "settings": json.dumps(dict(one.settings)),
        "creator": one.creator,
        "state": one.state,
    }


def _warehouse(row: Any) -> Warehouse:
    return Warehouse(
        workspace=row.workspace,
        id=row.id,
        name=row.name,
        settings=json.loads(row.settings),
        creator=row.creator,
        state=row.state,
    )
