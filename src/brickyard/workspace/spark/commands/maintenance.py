"""Delta upkeep by delta-rs: OPTIMIZE, VACUUM, RESTORE; and hints that have no effect here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from brickyard.workspace.spark.answers import NOTHING, Answer
from brickyard.workspace.spark.commands.tables import modifiable
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.refusals import unsupported
from brickyard.workspace.spark.turn import Turn


def optimize(turn: Turn, cursor: Cursor) -> Answer:
    _, folder = modifiable(turn, cursor)
    columns: list[str] = []
    if cursor.peek() == "WHERE":
        raise unsupported("OPTIMIZE … WHERE", "Leave the condition out.")
    if cursor.take("ZORDER", "BY"):
        wrapped = cursor.take("(")
        columns.append(cursor.name()[-1])
        while cursor.take(","):
            columns.append(cursor.name()[-1])
        if wrapped:
            cursor.need(")")
    cursor.end()
    table = _open(folder)
    done = table.optimize.z_order(columns) if columns else table.optimize.compact()
    turn.record()
    return Answer(
        columns={"path": "string", "metrics": "string"}, rows=[(str(folder), json.dumps(done))]
    )


def vacuum(turn: Turn, cursor: Cursor) -> Answer:
    _, folder = modifiable(turn, cursor)
    hours = None
    if cursor.take("RETAIN"):
        hours = int(float(cursor.value()))
        cursor.need("HOURS")
    dry_run = cursor.take("DRY", "RUN")
    cursor.end()
    removed = _open(folder).vacuum(
        retention_hours=hours, dry_run=dry_run, enforce_retention_duration=hours is None
    )
    if dry_run:
        return Answer(columns={"path": "string"}, rows=[(f"{folder}/{one}",) for one in removed])
    turn.record()
    return Answer(columns={"path": "string"}, rows=[(str(folder),)])


def restore(turn: Turn, cursor: Cursor) -> Answer:
    _, folder = modifiable(turn, cursor)
    cursor.take("TO")
    target: int | datetime
    if cursor.take("VERSION", "AS", "OF"):
        target = int(cursor.value())
    else:
        cursor.need("TIMESTAMP", "AS", "OF")
        target = datetime.fromisoformat(cursor.string())
        target = target if target.tzinfo else target.replace(tzinfo=UTC)
    cursor.end()
    done = _open(folder).restore(target)
    turn.record()
    return Answer(columns={"metrics": "string"}, rows=[(json.dumps(done),)])


def hint(_turn: Turn, _cursor: Cursor) -> Answer:
    """Statistics and caches: the engine reads the Delta log anew each time."""
    return NOTHING


def _open(folder: Any) -> Any:
    from deltalake import DeltaTable

    return DeltaTable(str(folder))


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "OPTIMIZE": optimize,
    "VACUUM": vacuum,
    "RESTORE": restore,
    "ANALYZE TABLE": hint,
    "REFRESH": hint,
    "CACHE": hint,
    "UNCACHE": hint,
    "CLEAR CACHE": hint,
    "MSCK REPAIR TABLE": hint,
}
