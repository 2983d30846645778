"""From the journal into Delta tables, each record once.

Every append to a table carries the number of the segment as Delta's own transaction version: after
a kill between an append and the segment's removal, the second try sees it and leaves the table as
it is. What a table does not take (its schema is gone, its creator may not write) is kept in
`gateway/rejected/` and said in the log; the other tables get theirs.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.gateway import tables
from brickyard.workspace.gateway.budgets import totals
from brickyard.workspace.gateway.journal import Journal, put, records
from brickyard.workspace.kernel import ApiError, Home, Principal, WorkspaceInfo, now_ms

if TYPE_CHECKING:
    from brickyard.workspace.catalog.engine import CatalogEngine
    from brickyard.workspace.identity.engine import IdentityEngine

APPLICATION: Final = "brickyard-gateway"
PUBLISH_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0  # between two tries, while publishing fails
SYNC_S: Final = 1.0
SYSTEM: Final = "What the workspaces record of themselves"
COMPACTED_AFTER: Final = 200  # appends to a table
log = logging.getLogger("brickyard.gateway")


class Publisher:
    """A thread that publishes every few seconds, and once more at the end."""

    def __init__(
        self,
        home: Home,
        journal: Journal,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        catalog: CatalogEngine,
        on_round: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = home.root / "gateway"
        self._journal = journal
        self._workspaces = workspaces
        self._identity = identity
        self._catalog = catalog
        self._on_round = on_round
        self._stopping = threading.Event()
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None
        self._appends: dict[str, int] = {}
        self._entities: set[str] | None = None  # ids that have their row
        self._said: dict[str, str] = {}  # what fails, and why: logged once

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="gateway-publisher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Publish what is left, then end."""
        self._stopping.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join()

    # -- what budgets have spent ----------------------------------------------------------------

    def spent(self) -> dict[str, list[float]]:
        """What all records so far say, published or not."""
        published, after = self._read_spent()
        charges = [
            one.get("charges") or {}
            for number, path in self._journal.closed()
            if number > after
            for one in records(path)
        ]
        return totals([published, *charges])

    def _read_spent(self) -> tuple[dict[str, list[float]], int]:
        try:
            kept = json.loads((self._folder / "spent.json").read_text())
            return kept["spent"], kept["segment"]
        except (OSError, ValueError, KeyError):
            return {}, 0

    def _add_spent(self, number: int, found: Sequence[Mapping[str, Any]]) -> None:
        charges = [one["charges"] for one in found if one.get("charges")]
        before, after = self._read_spent()
        if not charges or number <= after:
            return
        spent = {"segment": number, "spent": totals([before, *charges])}
        put(self._folder / "spent.json", json.dumps(spent))

    # -- publishing -----------------------------------------------------------------------------

    def _run(self) -> None:
        waited, pause = 0.0, PUBLISH_S
        while not self._stopping.is_set():
            self._asked.wait(SYNC_S)
            self._journal.sync()
            waited += SYNC_S
            if waited >= pause:
                waited = 0.0
                pause = PUBLISH_S if self.publish() else min(2 * pause, LONGEST_PAUSE_S)
        self.publish()

    def publish(self) -> bool:
        """Take every record so far to its tables; whether that was done."""
        try:
            self._journal.rotate()
            for number, path in self._journal.closed():
                self._segment(number, list(records(path)))
                self._journal.forget(number)
            self._on_round()
        except Exception as fault:  # the segment stays: a later round tries again
            if self._is_news("journal", f"{type(fault).__name__}: {fault}"):
                log.exception("the gateway's journal could not be published; it is tried again")
            return False
        if self._said.pop("journal", ""):
            log.info("the gateway's journal is published again")
        return True

    def _is_news(self, what: str, why: str) -> bool:
        """Whether the log does not say yet that something fails for this reason."""
        before, self._said[what] = self._said.get(what), why
        return before != why

    def _segment(self, number: int, found: Sequence[Mapping[str, Any]]) -> None:
        self._add_spent(number, found)
        self._add_entities(number, [one["served"] for one in found if "served" in one])
        usage = [tables.usage_row(one) for one in found if one.get("tracked")]
        if usage:
            self._into(number, tables.USAGE, "usage", usage, *self._owner())
        captured: dict[tuple[str, bool, str, str], list[Mapping[str, Any]]] = {}
        for one in found:
            if capture := one.get("capture"):
                key = (capture["table"], capture["legacy"], one["workspace"], capture["creator"])
                captured.setdefault(key, []).append(one)
        for (table, legacy, workspace, creator), ones in captured.items():
            show = tables.legacy_row if legacy else tables.payload_row
            rows = [show(one) for one in ones]
            kind = "legacy" if legacy else "payload"
            try:
                here = self._workspaces[workspace]
                who = self._identity.principal(creator, workspace)
                self._into(number, table, kind, rows, who, here)
                self._said.pop(table, "")
            except ApiError as refused:
                if self._is_news(table, refused.message):
                    log.warning("inference table %s: %s", table, refused.message)
                self._reject(number, table, ones)

    def _add_entities(self, number: int, served: Sequence[Mapping[str, Any]]) -> None:
        if not served:
            return
        if self._entities is None:
            self._entities = self._known_entities()
        described = {one["served_entity_id"]: one for one in served}
        new = {id: one for id, one in described.items() if id not in self._entities}
        if new:
            rows = [tables.entity_row(one) for one in new.values()]
            self._into(number, tables.ENTITIES, "entities", rows, *self._owner())
            self._entities |= set(new)

    def _known_entities(self) -> set[str]:
        from deltalake import DeltaTable

        try:
            location = self._catalog.table(tables.ENTITIES).storage_location
        except ApiError:
            return set()
        table = DeltaTable(str(location)).to_pyarrow_table(columns=["served_entity_id"])
        return {str(one) for one in table.column(0).to_pylist()}

    def _into(
        self,
        number: int,
        name: str,
        kind: str,
        rows: Sequence[tables.Row],
        who: Principal,
        here: WorkspaceInfo,
    ) -> None:
        """Append rows, unless this segment's are there. Raises ApiError when it may not be."""
        import pyarrow
        from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

        location = self._location(name, kind, who, here)
        table = DeltaTable(str(location))
        if (table.transaction_version(APPLICATION) or 0) >= number:
            return
        schema: Any = pyarrow.schema(table.schema().to_arrow())
        write_deltalake(
            table,
            pyarrow.Table.from_pylist(list(rows), schema=schema),
            mode="append",
            commit_properties=CommitProperties(
                app_transactions=[Transaction(APPLICATION, number, now_ms())]
            ),
        )
        self._appends[name] = self._appends.get(name, 0) + 1
        if self._appends[name] % COMPACTED_AFTER == 0:
            optimizer: Any = DeltaTable(str(location)).optimize
            optimizer.compact()

    def _location(self, name: str, kind: str, who: Principal, here: WorkspaceInfo) -> Path:
        """Where the table lies, made when it is missing. Takes MODIFY of whoever it is for."""
        try:
            found = self._catalog.table(name)
        except ApiError as missing:
            if missing.status != 404:
                raise
            if name.startswith("system."):
                self._make_system(who, here)
            found = self._catalog.create_table(who, here, name, columns=tables.columns(kind))
        self._catalog.authorize(who, here, "MODIFY", "table", name)
        assert found.storage_location is not None
        return found.storage_location

    def _make_system(self, who: Principal, here: WorkspaceInfo) -> None:
        def catalog() -> object:
            return self._catalog.catalogs.create(who, here, "system", comment=SYSTEM)

        def schema() -> object:
            return self._catalog.schemas.create(who, here, "system", "serving")

        for make in (catalog, schema):
            try:
                make()
            except ApiError as refused:
                if not refused.code.endswith("ALREADY_EXISTS"):
                    raise

    def _owner(self) -> tuple[Principal, WorkspaceInfo]:
        """Whose the system tables are: the metastore's owner."""
        name = next(iter(self._workspaces))
        return self._identity.deployer(name), self._workspaces[name]

    def _reject(self, number: int, table: str, ones: Sequence[Mapping[str, Any]]) -> None:
        folder = self._folder / "rejected"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / f"{number:012}-{table}.jsonl"
        file.write_text("".join(json.dumps(one) + "\n" for one in ones))
        file.chmod(0o600)
