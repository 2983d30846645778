"""State at rest: one SQLite database in WAL mode, through SQLAlchemy Core.

Every engine declares its tables on `METADATA` with its domain as prefix. A write transaction takes
SQLite's write lock when it begins, so a read inside it cannot go stale. A commit is in the file
before the request is answered: `kill -9` of the process loses nothing acknowledged.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.pool import QueuePool

from brickyard.workspace.kernel.columns import bring_up_to_date

METADATA = MetaData()

BUSY_TIMEOUT_MS = 30_000


class Store:
    """The database of one data directory. Safe to use from many threads."""

    def __init__(self, path: Path) -> None:
        self._engine = _engine(path)
        self._counting = threading.Lock()
        self._age = 0

    @property
    def age(self) -> int:
        """Goes up with every commit: what was read at an age still holds while it is the same."""
        return self._age

    def create_tables(self) -> None:
        """Create the tables that are declared and missing, and add what existing ones lack.

        Raises OtherVersion where that is not possible, and has changed nothing then.
        """
        with self.begin() as tx:
            bring_up_to_date(tx, METADATA)
            METADATA.create_all(tx)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: committed when the block ends, rolled back when it raises."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
            with self._counting:
                self._age += 1

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view of the last committed state."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def close(self) -> None:
        self._engine.dispose()


def _engine(path: Path) -> Engine:
    # AUTOCOMMIT hands BEGIN and COMMIT to us: pysqlite's own implicit transactions start too late.
    engine = create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        hide_parameters=True,  # values stay out of tracebacks, and so out of the log
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return engine
