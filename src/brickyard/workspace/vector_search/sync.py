"""Delta-sync indexes kept up with their source tables.

A sync reads what changed in the source since the version that the index is of, with the rights of
the index's owner, and makes the rows of the index the same; texts that were embedded before are not
embedded again. One sync of an index runs at a time. What was asked for is on disk before the
answer, so that the next start takes up what a kill interrupted; done twice, a sync changes nothing.
CONTINUOUS indexes look for a new version every second.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.kernel import ApiError, Principal, WorkspaceInfo
from brickyard.workspace.kernel.decode import decode
from brickyard.workspace.vector_search import changes, nearest, schema, vectors
from brickyard.workspace.vector_search.changes import Changes
from brickyard.workspace.vector_search.definition import Definition
from brickyard.workspace.vector_search.embedding import embed
from brickyard.workspace.vector_search.rows import KEEP, Rows

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine

POLL_S: Final = 1.0
RETRY_S: Final = 30.0  # after a sync that failed
FIRST_S: Final = 2.0
TIDIED: Final = 100  # writes to a direct access index, between two tidyings
PATIENCE_S: Final = 600.0  # with an endpoint that is being started
TOKEN_S: Final = 3600
log = logging.getLogger("brickyard.vector_search")


def definition_of(found: Securable) -> Definition:
    return decode(found.details["definition"], Definition)


class Syncs:
    def __init__(
        self,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
    ) -> None:
        self._workspaces = workspaces
        self._identity = identity
        self._catalog = catalog
        self._lock = threading.Lock()
        self._indexing = threading.Lock()
        self._index_locks: dict[str, threading.Lock] = {}
        self._running: set[str] = set()
        self._asked: dict[str, int] = {}  # how often a sync was asked for
        self._stopped = threading.Event()
        self._watching = False
        self._writes: dict[str, int] = {}  # since an index was tidied up

    def start(self) -> None:
        """Take up what was under way, and watch the sources of continuous indexes."""
        for one in self._catalog.vector_indexes.all():
            kept = definition_of(one)
            if kept.delta_sync_index_spec is None:
                continue
            if self.rows(one).state.requested:
                self._begin(one)
            self._watch(kept)

    def stop(self) -> None:
        self._stopped.set()

    def rows(self, found: Securable) -> Rows:
        folder = self._catalog.vector_indexes.path(found)
        return Rows(folder, definition_of(found).primary_key, self._indexing)

    def writing(self, found: Securable) -> threading.Lock:
        """Whoever changes the rows of an index holds this."""
        with self._lock:
            return self._index_locks.setdefault(found.id, threading.Lock())

    def is_running(self, found: Securable) -> bool:
        return found.id in self._running

    def await_first(self, found: Securable) -> None:
        """Give a first sync of few rows the time it takes: clients look at once, and then rarely.

        The official one looks again after 30 seconds.
        """
        give_up_at = time.monotonic() + FIRST_S
        while self.is_running(found) and time.monotonic() < give_up_at:
            time.sleep(0.02)

    def request(self, found: Securable) -> None:
        """Have an index synced soon; asked for again meanwhile, it is synced again."""
        self.rows(found).note(requested=True)
        self._begin(found)
        self._watch(definition_of(found))

    def _begin(self, found: Securable) -> None:
        with self._lock:
            self._asked[found.id] = self._asked.get(found.id, 0) + 1
            if found.id in self._running:
                return  # it looks for another request before it ends
            self._running.add(found.id)
        name = f"vector-sync-{found.name}"
        threading.Thread(target=self._run, args=(found,), name=name, daemon=True).start()

    def _run(self, found: Securable) -> None:
        while not self._stopped.is_set():
            asked, rows = self._asked[found.id], self.rows(found)
            try:
                with self.writing(found):
                    self._copy(found, definition_of(found), rows)
            except Exception as fault:
                if not self._stopped.is_set():
                    self._failed(found, fault)
            with self._lock:
                if self._stopped.is_set() or self._asked[found.id] != asked:
                    continue
                if self._is_there(found):
                    rows.note(requested=False)
                else:  # deleted meanwhile
                    shutil.rmtree(rows.folder, ignore_errors=True)
                self._running.discard(found.id)
                return

    def _failed(self, found: Securable, fault: Exception) -> None:
        text = fault.message if isinstance(fault, ApiError) else str(fault)
        log.warning("sync of %s failed: %s", found.full_name, text)
        if self._is_there(found):
            self.rows(found).note(fault=text or type(fault).__name__)

    def _is_there(self, found: Securable) -> bool:
        return self._catalog.vector_indexes.by_id(found.id) is not None

    def _copy(self, found: Securable, kept: Definition, rows: Rows) -> None:
        spec = kept.delta_sync_index_spec
        assert spec is not None
        workspace = self._workspaces[found.details["workspace"]]
        now = self._catalog.vector_indexes.by_id(found.id) or found
        owner = self._identity.principal(now.owner, workspace.name)
        self._catalog.authorize(owner, workspace, "SELECT", "table", spec.source_table)
        place = str(self._catalog.table(spec.source_table).storage_location)
        name = f"vector_search:{found.full_name}"
        self._catalog.record_access(owner, workspace, spec.source_table, "read", name)
        got = self._changes(kept, rows, place)
        read = schema.plain(got.rows)
        _check_keys(read, kept.primary_key)
        ask = partial(self._embed, owner, workspace)
        ready = read
        if vector := schema.vector_name(kept):
            ready = vectors.added(read, kept, rows, vector, ask)
        table = rows.table()
        if got.is_whole:
            if table is None or table.schema != ready.schema:
                rows.create(ready.schema)
            rows.replace(ready)
        elif ready.num_rows or len(got.gone):
            rows.change(ready, got.gone.to_pylist())
        rows.settle(got.version, got.source)
        nearest.tend(rows, vector)

    def _changes(self, kept: Definition, rows: Rows, place: str) -> Changes:
        """What the index has to take over: what changed, or all where that cannot be told."""
        state, key = rows.state, kept.primary_key
        pick = partial(schema.source_columns, kept)
        got = changes.since(place, state, key, pick) if rows.table() is not None else None
        if got is None:
            return changes.whole(place, pick)
        new = schema.plain(got.rows).schema
        is_same = [n for n in rows.table().schema.names if n in new.names] == new.names
        # A key that came may be one of a row that did not change: told by reading all.
        if not is_same or rows.has_any(got.fresh.to_pylist()):
            return changes.whole(place, pick)
        return got

    def _embed(
        self, owner: Principal, workspace: WorkspaceInfo, model: str, texts: Sequence[str]
    ) -> list[list[float]]:
        token = self._identity.issue_token(
            owner, workspace.name, lifetime_s=TOKEN_S, comment="vector search sync"
        )
        return embed(workspace, f"Bearer {token}", model, texts, patience_s=PATIENCE_S)

    # -- indexes written through the API -----------------------------------------------------

    def written(self, found: Securable) -> None:
        """Have an index that was written to tidied up, from time to time, in the background."""
        with self._lock:
            self._writes[found.id] = self._writes.get(found.id, 0) + 1
            rows = self.rows(found)
            due = nearest.is_due(rows.state, rows.state.rows)
            if found.id in self._running or not (due or self._writes[found.id] >= TIDIED):
                return
            self._writes[found.id] = 0
            self._running.add(found.id)
        threading.Thread(target=self._tidy, args=(found, rows), daemon=True).start()

    def _tidy(self, found: Securable, rows: Rows) -> None:
        try:
            with self.writing(found):
                rows.table().optimize(cleanup_older_than=KEEP)
            nearest.tend(rows, schema.vector_name(definition_of(found)))
        except Exception as fault:
            if self._is_there(found):
                log.warning("%s could not be tidied up: %s", found.full_name, fault)
        finally:
            with self._lock:
                self._running.discard(found.id)

    # -- continuous indexes ------------------------------------------------------------------

    def _watch(self, kept: Definition) -> None:
        spec = kept.delta_sync_index_spec
        with self._lock:
            if self._watching or spec is None or spec.pipeline_type != "CONTINUOUS":
                return
            self._watching = True
        threading.Thread(target=self._look, name="vector-search-watch", daemon=True).start()

    def _look(self) -> None:
        tried: dict[str, tuple[int, float]] = {}  # index -> the version last asked for, and when
        while not self._stopped.wait(POLL_S):
            for one in self._catalog.vector_indexes.all():
                spec = definition_of(one).delta_sync_index_spec
                if spec is None or spec.pipeline_type != "CONTINUOUS":
                    continue
                newest, now = self.newest(spec.source_table), time.monotonic()
                version, at = tried.get(one.id, (-1, 0.0))
                if newest == self.rows(one).state.version or self.is_running(one):
                    continue
                if newest != version or now - at > RETRY_S:
                    tried[one.id] = (newest, now)
                    self.request(one)

    def newest(self, source: str) -> int:
        """The newest version of a source table; -1 when there is none."""
        try:
            place = self._catalog.table(source).storage_location
        except ApiError:
            return -1
        log_folder = Path(place or "", "_delta_log")
        found = (int(one.stem) for one in log_folder.glob("*.json") if one.stem.isdigit())
        return max(found, default=-1)


def _check_keys(read: Any, key: str) -> None:
    keys = read[key]
    if keys.null_count:
        raise ApiError("INVALID_STATE", f"{keys.null_count} rows have no primary key {key}")
    if twice := len(keys) - len(keys.unique()):
        raise ApiError("INVALID_STATE", f"The primary key {key} is not unique: {twice} rows repeat")
