"""The rows of one index: a LanceDB table in the index's folder, and beside it how far it got.

`state.json`: `version` of the source table that the rows are of, `rows`, `requested` (a sync was
asked for and is not done), `fault`. Rows come first, then the state: after a kill in between, the
same sync is done again and finds nothing to change. LanceDB is imported with the first index that
is used: that takes seconds.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

TABLE: Final = "rows"
STATE: Final = "state.json"
KEEP: Final = timedelta(minutes=10)  # how long versions stay that a search may still read
NOTING: Final = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    version: int = -1  # of the source; -1 before the first sync
    rows: int = 0
    requested: bool = False
    fault: str = ""


class Rows:
    """Reading takes what was last committed; writers take turns by themselves."""

    def __init__(self, folder: Path, key: str, indexing: threading.Lock) -> None:
        """`indexing`: held by whoever makes columns searchable, one after the other."""
        self.folder = folder
        self._key = key
        self._indexing = indexing

    # -- state -------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        try:
            return State(**json.loads((self.folder / STATE).read_text()))
        except FileNotFoundError:
            return State()

    def note(self, **changes: Any) -> State:
        """Change the state, on disk before this returns."""
        with NOTING:
            state = replace(self.state, **changes)
            draft = self.folder / f".{STATE}"
            with draft.open("w") as file:
                file.write(json.dumps(asdict(state)))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.folder / STATE)
        return state

    # -- rows --------------------------------------------------------------------------------

    def create(self, schema: Any) -> None:
        """An empty table in place of what is there."""
        self._database().create_table(TABLE, schema=schema, mode="overwrite")

    def table(self) -> Any:
        """The LanceDB table as it is now; None before there is one."""
        try:
            return self._database().open_table(TABLE)
        except (ValueError, FileNotFoundError):
            return None

    def upsert(self, rows: Any) -> None:
        merge = self.table().merge_insert(self._key)
        merge.when_matched_update_all().when_not_matched_insert_all().execute(rows)
        self.note(rows=self.table().count_rows())

    def replace(self, rows: Any, version: int) -> None:
        """Make the rows these; what is equal stays as it is."""
        table = self.table()
        merge = table.merge_insert(self._key).when_matched_update_all()
        merge = merge.when_not_matched_insert_all().when_not_matched_by_source_delete()
        merge.execute(rows)
        table.optimize(cleanup_older_than=KEEP)
        self.note(rows=table.count_rows(), version=version, fault="")

    def delete(self, keys: Sequence[Any]) -> int:
        """Remove rows by primary key; how many there were."""
        table = self.table()
        before = table.count_rows()
        if keys:
            table.delete(self.has(keys))
        after = int(table.count_rows())
        self.note(rows=after)
        return int(before) - after

    def has(self, keys: Sequence[Any]) -> str:
        """The condition for rows with these primary keys."""
        return f"{quoted(self._key)} IN ({', '.join(literal(key) for key in keys)})"

    def read(self, columns: Sequence[str], where: str = "") -> Any:
        """Rows as an Arrow table, in no order."""
        table = self.table()
        query = table.search().select(list(columns)).limit(max(1, table.count_rows()))
        return (query.where(where) if where else query).to_arrow()

    def index_words(self, table: Any, columns: Sequence[str]) -> None:
        """Make columns searchable by words. Rows written later are found all the same."""
        from lancedb.index import FTS

        with self._indexing:
            there = {name for one in table.list_indices() for name in one.columns}
            if table.count_rows() and set(columns) - there:
                table.checkout_latest()
                there = {name for one in table.list_indices() for name in one.columns}
                for name in columns:
                    if name not in there:
                        table.create_index(name, config=FTS(stem=False, remove_stop_words=False))

    def vectors(self, text: str, vector: str) -> Mapping[str, Any]:
        """The vector of each text that was embedded already."""
        if self.table() is None:
            return {}
        got = self.read([text, vector])
        return dict(zip(got[text].to_pylist(), got[vector].to_pylist(), strict=True))

    def _database(self) -> Any:
        import lancedb

        return lancedb.connect(str(self.folder))


def quoted(column: str) -> str:
    """A column's name in a condition."""
    return f"`{column.replace('`', '``')}`"


def literal(value: Any) -> str:
    """A value in a condition."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
