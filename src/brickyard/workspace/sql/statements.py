"""Statements: their states at rest, their results as Arrow files, and who may see them.

A statement is written down before it runs. One that was running when the workspace was killed is
found FAILED at the next start; results are kept for a day, then the statement is CLOSED.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Column, String, Table, Text, insert, select, update

from brickyard.workspace.kernel import METADATA, Store, not_found, now_ms

if TYPE_CHECKING:
    import pyarrow

TABLE = Table(
    "sql_statements",
    METADATA,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("warehouse", String, nullable=False),
    Column("creator", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("details", Text, nullable=False),  # JSON: error, columns, chunks, format
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
)
KEPT_MS: Final = 24 * 3600 * 1000
CHUNK_ROWS: Final = 100_000
ACTIVE: Final = ("PENDING", "RUNNING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`types` and `names` describe the columns; `chunks` the rows of each piece of the result."""

    id: str
    workspace: str
    warehouse: str
    creator: str
    text: str
    state: str
    started_ms: int
    ended_ms: int | None = None
    error_code: str = ""
    error: str = ""
    sql_state: str = ""
    names: Sequence[str] = ()
    types: Sequence[str] = ()
    chunks: Sequence[int] = ()
    truncated: bool = False
    disposition: str = "INLINE"
    format: str = "JSON_ARRAY"
    compression: str = ""  # of what links lead to: LZ4_FRAME

    @property
    def has_ended(self) -> bool:
        return self.state not in ACTIVE

    @property
    def row_count(self) -> int:
        return sum(self.chunks)


DETAILS: Final = ("error_code", "error", "sql_state", "names", "types", "chunks", "truncated")
REQUEST: Final = ("disposition", "format", "compression")


@dataclass(slots=True)
class Statements:
    """Statements and results of all workspaces; results lie in `folder`."""

    store: Store
    folder: Path
    _cached: dict[str, Any] = field(default_factory=dict)

    def recover(self) -> None:
        """After a restart: what was running is not any more, and old results go."""
        self.folder.mkdir(exist_ok=True)
        gone = "the workspace stopped while the statement was running"
        details = json.dumps({"error_code": "INTERNAL_ERROR", "error": gone})
        with self.store.begin() as tx:
            interrupted = update(TABLE).where(TABLE.c.state.in_(ACTIVE))
            tx.execute(interrupted.values(state="FAILED", details=details, ended_ms=now_ms()))
            old = TABLE.c.started_ms < now_ms() - KEPT_MS
            tx.execute(
                update(TABLE).where(old, TABLE.c.state == "SUCCEEDED").values(state="CLOSED")
            )
            kept = select(TABLE.c.id).where(TABLE.c.state == "SUCCEEDED")
            wanted = set(tx.execute(kept).scalars())
        for path in self.folder.iterdir():
            if path.name not in wanted:
                shutil.rmtree(path, ignore_errors=True)

    def add(self, statement: Statement) -> None:
        with self.store.begin() as tx:
            tx.execute(insert(TABLE).values(_row(statement)))

    def save(self, statement: Statement) -> None:
        with self.store.begin() as tx:
            where = TABLE.c.id == statement.id
            tx.execute(update(TABLE).where(where).values(_row(statement)))

    def get(self, workspace: str, id: str) -> Statement:
        with self.store.read() as tx:
            where = (TABLE.c.workspace == workspace, TABLE.c.id == id)
            row = tx.execute(select(TABLE).where(*where)).first()
        if row is None:
            raise not_found(f"The statement {id} was not found")
        return _statement(row)

    def recent(self, workspace: str, limit: int) -> tuple[Statement, ...]:
        with self.store.read() as tx:
            query = select(TABLE).where(TABLE.c.workspace == workspace)
            rows = tx.execute(query.order_by(TABLE.c.started_ms.desc()).limit(limit)).all()
        return tuple(_statement(row) for row in rows)

    def keep(
        self, statement: Statement, table: pyarrow.Table, *, in_one: bool = False
    ) -> Statement:
        """Write the result down, in chunks or `in_one`; the statement with columns and chunks."""
        import pyarrow as pa

        folder = self.folder / statement.id
        folder.mkdir()
        chunks: list[int] = []
        rows = max(table.num_rows, 1)
        size = rows if in_one else CHUNK_ROWS
        for start in range(0, rows, size):
            piece = table.slice(start, size)
            path = folder / f"{len(chunks)}.arrow"
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(piece)
            # A command has no columns, and Arrow takes any number for the rows of none.
            chunks.append(piece.num_rows if table.num_columns else 0)
        return replace(statement, names=tuple(table.column_names), chunks=tuple(chunks))

    def chunk(self, statement: Statement, index: int) -> pyarrow.Table:
        import pyarrow as pa

        path = self.folder / statement.id / f"{index}.arrow"
        if statement.state != "SUCCEEDED" or not path.exists():
            raise not_found(f"Statement {statement.id} has no result chunk {index}")
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()


def _row(one: Statement) -> dict[str, Any]:
    return {
        "id": one.id,
        "workspace": one.workspace,
        "warehouse": one.warehouse,
        "creator": one.creator,
        "text": one.text,
        "state": one.state,
        "details": json.dumps({name: getattr(one, name) for name in (*DETAILS, *REQUEST)}),
        "started_ms": one.started_ms,
        "ended_ms": one.ended_ms,
    }


def _statement(row: Any) -> Statement:
    return Statement(
        id=row.id,
        workspace=row.workspace,
        warehouse=row.warehouse,
        creator=row.creator,
        text=row.text,
        state=row.state,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        **json.loads(row.details),
    )
