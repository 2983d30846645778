"""The rows of one index: a LanceDB table in the index's folder, and beside it how far it got.

`state.json` is a `State`. Rows come first, then the state: after a kill in between, the same sync
is done again and finds nothing to change. A second table, `embedded`, keeps the vectors of a sync
under way, so that a sync which was broken off does not have them computed again.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.vector_search import handles
from brickyard.workspace.vector_search.handles import TABLE

EMBEDDED: Final = "embedded"
STATE: Final = "state.json"
KEEP: Final = timedelta(minutes=10)  # how long versions stay that a search may still read
CHUNK: Final = 2_000  # literals in one condition
NOTING: Final = threading.Lock()
MOST_KNOWN: Final = 64
STATES: Final[dict[str, tuple[tuple[int, int], State]]] = {}  # as read last, by folder


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    version: int = -1  # of the source; -1 before the first sync
    source: str = ""  # the id of the source table that the version is of
    rows: int = 0
    requested: bool = False  # a sync was asked for and is not done
    fault: str = ""
    trained: int = 0  # rows that the approximate index was made of; 0 for none
    probes: int = 0  # partitions that a query looks into
    recall: float = 0.0  # at 10, measured on the index's own rows


class Rows:
    """Reading takes what was last committed; writers take turns by themselves."""

    def __init__(self, folder: Path, key: str, indexing: threading.Lock) -> None:
        """`indexing`: held by whoever makes columns searchable, one after the other."""
        self.folder = folder
        self.key = key
        self.indexing = indexing

    # -- state -------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        place, file = str(self.folder), self.folder / STATE
        try:
            about = file.stat()
            seen = (about.st_ino, about.st_mtime_ns)  # every change is a new file
            known = STATES.get(place)
            if known is not None and known[0] == seen:
                return known[1]
            state = State(**json.loads(file.read_text()))
        except FileNotFoundError:
            return State()
        if len(STATES) >= MOST_KNOWN:
            STATES.clear()
        STATES[place] = (seen, state)
        return state

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
        self.note(trained=0, probes=0, recall=0.0)

    def table(self) -> Any:
        """The LanceDB table, which reads what was last committed; None before there is one."""
        return handles.blocking(self.folder)

    def upsert(self, rows: Any) -> None:
        self._merge().execute(rows)
        self.note(rows=self.table().count_rows())

    def replace(self, rows: Any) -> None:
        """Make the rows these."""
        self._merge().when_not_matched_by_source_delete().execute(rows)

    def settle(self, version: int, source: str) -> None:
        """Note that the rows are those of this version, and tidy up."""
        table = self.table()
        table.optimize(cleanup_older_than=KEEP)
        self.note(rows=table.count_rows(), version=version, source=source, fault="")
        self._database().drop_table(EMBEDDED, ignore_missing=True)

    def change(self, rows: Any, gone: Sequence[Any]) -> None:
        """Write these rows, and remove those with the keys `gone`. Done twice, nothing changes."""
        if rows.num_rows:
            self._merge().execute(rows)
        table = self.table()
        for start in range(0, len(gone), CHUNK):
            table.delete(self.has(gone[start : start + CHUNK]))

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
        return among(self.key, keys)

    def has_any(self, keys: Sequence[Any]) -> bool:
        """Whether a row has one of these primary keys."""
        table = self.table()
        parts = (keys[at : at + CHUNK] for at in range(0, len(keys), CHUNK))
        return any(table.count_rows(self.has(part)) for part in parts)

    def read(self, columns: Sequence[str], where: str = "") -> Any:
        """Rows as an Arrow table, in no order."""
        return read(self.table(), columns, where)

    def _merge(self) -> Any:
        merge = self.table().merge_insert(self.key)
        return merge.when_matched_update_all().when_not_matched_insert_all()

    # -- words -------------------------------------------------------------------------------

    def index_words(self, columns: Sequence[str]) -> None:
        """Make columns searchable by words. Rows written later are found all the same."""
        from lancedb.index import FTS

        table = self.table()
        with self.indexing:
            if not table.count_rows():
                return
            there = {
                name
                for one in table.list_indices()
                if not is_of_values(one)
                for name in one.columns
            }
            for name in columns:
                if name not in there:
                    table.create_index(name, config=FTS(stem=False, remove_stop_words=False))

    def index_values(self, columns: Iterable[str]) -> None:
        """Have conditions on columns answered without reading all rows; what they hold is the same.

        Rows written later are looked at one by one, until the table is tidied up.
        """
        from lancedb.index import BTree

        table = self.table()
        with self.indexing:
            there = {
                name for one in table.list_indices() if is_of_values(one) for name in one.columns
            }
            for name in columns:
                if name not in there:
                    table.create_index(name, config=BTree())

    # -- vectors that were computed ----------------------------------------------------------

    def known(self, texts: Sequence[str], text: str, vector: str) -> dict[str, Any]:
        """The vectors of those texts that were embedded before: in rows, or by a broken sync."""
        found: dict[str, Any] = {}
        kept = self._embedded()
        for source, columns in ((kept, ("text", "vector")), (self.table(), (text, vector))):
            if source is None or not set(columns) <= set(source.schema.names):
                continue
            for start in range(0, len(texts), CHUNK):
                where = among(columns[0], texts[start : start + CHUNK])
                got = read(source, columns, where)
                vectors = got[columns[1]].combine_chunks().to_numpy(zero_copy_only=False)
                found |= dict(zip(got[columns[0]].to_pylist(), vectors, strict=True))
        return found

    def keep(self, texts: Sequence[str], vectors: Sequence[Any]) -> None:
        """Have vectors kept on disk until the sync that needs them is done."""
        import pyarrow as pa

        shape = pa.schema(
            [("text", pa.string()), ("vector", pa.list_(pa.float32(), len(vectors[0])))]
        )
        rows = pa.Table.from_pydict({"text": list(texts), "vector": list(vectors)}, schema=shape)
        there = self._embedded()
        if there is None or there.schema != shape:
            self._database().create_table(EMBEDDED, rows, mode="overwrite")
        else:
            there.add(rows)

    def _embedded(self) -> Any:
        try:
            return self._database().open_table(EMBEDDED)
        except (ValueError, FileNotFoundError):
            return None

    def _database(self) -> Any:
        return handles.database(self.folder)


def read(table: Any, columns: Sequence[str], where: str = "") -> Any:
    """Rows of a table as an Arrow table, in no order."""
    query = table.search().select(list(columns)).limit(max(1, table.count_rows()))
    return (query.where(where) if where else query).to_arrow()


def is_of_values(index: Any) -> bool:
    """Whether an index of LanceDB's serves comparisons."""
    return bool(index.index_type == "BTree")


def among(column: str, values: Sequence[Any]) -> str:
    """The condition for rows whose column has one of these values."""
    return f"{quoted(column)} IN ({', '.join(literal(one) for one in values)})"


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
