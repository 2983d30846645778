"""Updates and events at rest. Every change is committed before the caller goes on.

An update that goes on is active. The events of a pipeline have timestamps that only grow, so that
a client that asks for what came after the last one it saw misses none.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from brickyard.workspace.kernel import ApiError, Store, now_ms
from brickyard.workspace.pipelines.filters import Condition, matches
from brickyard.workspace.pipelines.tables import EVENTS, UPDATES

EVENT_FIELDS: Final = ("level", "id", "timestamp", "update_id", "event_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    update_id: str
    workspace: str
    pipeline_id: str
    created_ms: int
    state: str
    is_active: bool
    request: Mapping[str, Any]
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event as it happens; what the service adds is added when it is kept."""

    type: str
    message: str
    level: str = "INFO"
    origin: Mapping[str, Any] | None = None
    details: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


class Records:
    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, workspace: str, pipeline_id: str, request: Mapping[str, Any]) -> Update:
        """A new active update. Raises RESOURCE_CONFLICT while another one is."""
        with self._store.begin() as tx:
            found = tx.execute(
                select(UPDATES).where(*_of(workspace, pipeline_id)).order_by(UPDATES.c.number)
            ).all()
            active = next((row for row in found if row.is_active), None)
            if active is not None:
                raise ApiError(
                    "RESOURCE_CONFLICT",
                    f"An active update {active.update_id} already exists for pipeline "
                    f"{pipeline_id}.",
                )
            made = Update(
                update_id=str(uuid.uuid4()),
                workspace=workspace,
                pipeline_id=pipeline_id,
                number=found[-1].number + 1 if found else 1,
                created_ms=now_ms(),
                state="QUEUED",
                is_active=True,
                request=dict(request),
            )
            tx.execute(insert(UPDATES).values(**asdict(made)))
        return made

    def update(self, workspace: str, pipeline_id: str, update_id: str) -> Update | None:
        wanted = and_(UPDATES.c.update_id == update_id, *_of(workspace, pipeline_id))
        with self._store.read() as tx:
            row = tx.execute(select(UPDATES).where(wanted)).first()
        return _update(row) if row else None

    def updates(self, workspace: str, pipeline_id: str, limit: int | None = None) -> list[Update]:
        """Newest first."""
        query = select(UPDATES).where(*_of(workspace, pipeline_id))
        with self._store.read() as tx:
            rows = tx.execute(query.order_by(UPDATES.c.number.desc()).limit(limit)).all()
        return [_update(row) for row in rows]

    def active(self, workspace: str, pipeline_id: str) -> Update | None:
        last = self.updates(workspace, pipeline_id, 1)
        return last[0] if last and last[0].is_active else None

    def interrupted(self) -> list[Update]:
        """Those that are active though nothing can be running."""
        with self._store.read() as tx:
            rows = tx.execute(select(UPDATES).where(UPDATES.c.is_active)).all()
        return [_update(row) for row in rows]

    def change(
        self, one: Update, state: str, events: Iterable[NewEvent], *, ended: bool = False
    ) -> None:
        """Another state, with the events that tell of it, in one transaction."""
        with self._store.begin() as tx:
            wanted = UPDATES.c.update_id == one.update_id
            values = {"state": state, "is_active": not ended}
            tx.execute(update(UPDATES).where(wanted).values(**values))
            _keep(tx, one, events)

    def add_events(self, one: Update, events: Iterable[NewEvent]) -> None:
        with self._store.begin() as tx:
            _keep(tx, one, events)

    def events(
        self,
        workspace: str,
        pipeline_id: str,
        conditions: Sequence[Condition],
        *,
        ascending: bool = False,
        after: int | None = None,
        limit: int,
    ) -> list[tuple[int, Mapping[str, Any]]]:
        """Events with their sequence numbers, newest first; `after` is the last one seen."""
        columns = EVENTS.c
        query = select(columns.sequence, columns.event).where(
            columns.workspace == workspace,
            columns.pipeline_id == pipeline_id,
            *(matches(columns[one.field], one) for one in conditions),
        )
        if after is not None:
            beyond = columns.sequence > after if ascending else columns.sequence < after
            query = query.where(beyond)
        order = columns.sequence if ascending else columns.sequence.desc()
        with self._store.read() as tx:
            rows = tx.execute(query.order_by(order).limit(limit)).all()
        return [(row.sequence, row.event) for row in rows]

    def forget(self, workspace: str, pipeline_id: str) -> None:
        with self._store.begin() as tx:
            for table in (UPDATES, EVENTS):
                of = (table.c.workspace == workspace, table.c.pipeline_id == pipeline_id)
                tx.execute(delete(table).where(*of))


def timestamp(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _of(workspace: str, pipeline_id: str) -> tuple[Any, Any]:
    return UPDATES.c.workspace == workspace, UPDATES.c.pipeline_id == pipeline_id


def _keep(tx: Connection, one: Update, events: Iterable[NewEvent]) -> None:
    columns = EVENTS.c
    of = (columns.workspace == one.workspace, columns.pipeline_id == one.pipeline_id)
    query = select(columns.timestamp).where(*of).order_by(columns.sequence.desc()).limit(1)
    last = tx.execute(query).scalar()
    at_ms = now_ms()
    if last is not None:
        at_ms = max(at_ms, int(datetime.fromisoformat(last).timestamp() * 1000 + 0.5) + 1)
    for number, event in enumerate(events):
        at, id = timestamp(at_ms + number), str(uuid.uuid4())
        shown: dict[str, Any] = {
            "id": id,
            "sequence": {"data_plane_id": {"instance": "embedded", "seq_no": at_ms + number}},
            "origin": {
                **(event.origin or {}),
                "pipeline_id": one.pipeline_id,
                "pipeline_name": one.request.get("name", ""),
                "update_id": one.update_id,
            },
            "timestamp": at,
            "message": event.message,
            "level": event.level,
            "event_type": event.type,
            "maturity_level": "STABLE",
        }
        if event.details:
            shown["details"] = {event.type: dict(event.details)}
        if event.error:
            shown["error"] = dict(event.error)
        tx.execute(
            insert(EVENTS).values(
                workspace=one.workspace,
                pipeline_id=one.pipeline_id,
                update_id=one.update_id,
                id=id,
                timestamp=at,
                level=event.level,
                event_type=event.type,
                event=shown,
            )
        )


def _update(row: Row[Any]) -> Update:
    return Update(
        update_id=row.update_id,
        workspace=row.workspace,
        pipeline_id=row.pipeline_id,
        created_ms=row.created_ms,
        state=row.state,
        is_active=row.is_active,
        request=row.request,
        number=row.number,
    )
