"""Evaluation datasets: a Delta table of records in Unity Catalog, and what the table does not say.

The records lie in the table alone, so SQL sees what the API wrote and the other way round; grants
on the table are the dataset's. Which experiments use it is kept beside, by the table's id, which is
the dataset's id too. Versions are those of the table.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.engine import CatalogEngine
from brickyard.workspace.catalog.tables import TableInfo
from brickyard.workspace.kernel import (
    ApiError,
    Document,
    Documents,
    Principal,
    Store,
    WorkspaceInfo,
    document_table,
    invalid,
    not_found,
)
from brickyard.workspace.mlflow import dataset_records as records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deltalake import DeltaTable

TABLE: Final = document_table("mlflow_datasets")
SOURCE: Final = "evaluation"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    table: TableInfo
    experiments: tuple[str, ...]
    profile: str
    created_by: str
    created_ms: int
    updated_ms: int
    latest: int  # version of the table
    version: int | None = None  # the one asked for

    @property
    def digest(self) -> str:
        at = self.latest if self.version is None else self.version
        return hashlib.sha256(f"{self.table.id}:{at}".encode()).hexdigest()[:16]


class Datasets:
    """`id` is that of the dataset's table. Every method asks Unity Catalog for the right."""

    def __init__(self, store: Store, catalog: CatalogEngine) -> None:
        self._kept = Documents(store, TABLE, "Dataset")
        self._catalog = catalog
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def create(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        full_name: str,
        experiments: Sequence[str],
    ) -> Dataset:
        """A new table without records. Raises TABLE_ALREADY_EXISTS."""
        parts = full_name.replace("`", "").split(".")
        if len(parts) != 3 or not all(parts):
            raise invalid(f"Invalid table name: {full_name!r}; use catalog.schema.table")
        table = self._catalog.create_table(
            principal, workspace, ".".join(parts), columns=records.COLUMNS
        )
        body = {"experiment_ids": list(experiments)}
        self._kept.add(
            workspace.name, table.full_name, body, creator=principal.user_name, id=table.id
        )
        return self.get(principal, workspace, table.id)

    def get(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, version: int | None = None
    ) -> Dataset:
        table = self._table(principal, workspace, id, "SELECT")
        shown = self._shown(table, self._kept.find(workspace.name, id))
        if version is not None and not 0 <= version <= shown.latest:
            raise not_found(f"Version {version} of dataset {table.full_name} does not exist")
        return replace(shown, version=version)

    def visible(
        self, principal: Principal, workspace: WorkspaceInfo, experiment: str = ""
    ) -> Iterable[Dataset]:
        """Datasets that may be read, of one experiment or of all."""
        for one in self._kept.all(workspace.name):
            if experiment and experiment not in one.body["experiment_ids"]:
                continue
            table = self._catalog.tables.with_id(one.id)
            if table is None:
                continue
            if self._catalog.can(principal, workspace, "SELECT", "table", table.full_name):
                yield self._shown(table, one)

    def change(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        *,
        experiments: Sequence[str] | None = None,
        profile: str | None = None,
    ) -> Dataset:
        table = self._table(principal, workspace, id, "MODIFY")
        told = {
            **({} if experiments is None else {"experiment_ids": list(experiments)}),
            **({} if profile is None else {"profile": profile}),
        }
        self._kept.change(workspace.name, id, lambda had: {**had.body, **told})
        return self._shown(table, self._kept.find(workspace.name, id))

    def drop(self, principal: Principal, workspace: WorkspaceInfo, id: str) -> None:
        """Remove a dataset and its table."""
        table = self._table(principal, workspace, id, "SELECT")
        self._catalog.drop_table(principal, workspace, table.full_name)
        if self._kept.find(workspace.name, id) is not None:
            self._kept.remove(workspace.name, id)

    # -- records ----------------------------------------------------------------------------------

    def records(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, version: int | None = None
    ) -> Sequence[Row]:
        """All rows, oldest first."""
        table = self._table(principal, workspace, id, "SELECT")
        rows = _rows(_open(table, version))
        self._catalog.record_access(principal, workspace, table.full_name, "read", SOURCE)
        return rows

    def add(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, given: Sequence[Row]
    ) -> Sequence[Row]:
        by, now = principal.user_name, datetime.now(UTC)
        made = [records.row(one, id=uuid.uuid4().hex, by=by, at=now) for one in given]
        with self._writing(principal, workspace, id) as table:
            _merge(table, made, by)
        return made

    def edit(
        self,
        principal: Principal,
        workspace: WorkspaceInfo,
        id: str,
        edits: Mapping[str, Callable[[Row], Row]],
    ) -> Sequence[Row]:
        """Change records by id. Raises RESOURCE_DOES_NOT_EXIST when one is not there."""
        with self._writing(principal, workspace, id) as table:
            had = {str(row[records.ID]): row for row in _rows(table)}
            if lacking := sorted(set(edits) - set(had)):
                raise not_found(f"Dataset records {', '.join(lacking[:10])} do not exist")
            made = [edit(had[record]) for record, edit in edits.items()]
            _merge(table, made, principal.user_name)
        return made

    def remove(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, gone: Sequence[str]
    ) -> None:
        """Remove records by id; those that are not there are left out quietly."""
        with self._writing(principal, workspace, id) as table:
            if not gone:
                return
            listed = ", ".join("'" + one.replace("'", "''") + "'" for one in gone)
            with _conflicts():
                table.delete(
                    f"{records.ID} in ({listed})", commit_properties=_by(principal.user_name)
                )

    def history(
        self, principal: Principal, workspace: WorkspaceInfo, id: str
    ) -> Sequence[Mapping[str, Any]]:
        """The versions of the table, newest first, as Delta's log tells them."""
        return list(_open(self._table(principal, workspace, id, "SELECT")).history())

    # -- below ------------------------------------------------------------------------------------

    def _table(
        self, principal: Principal, workspace: WorkspaceInfo, id: str, privilege: str
    ) -> TableInfo:
        table = self._catalog.tables.with_id(id)
        if table is None or table.storage_location is None:
            raise not_found(f"Dataset {id} does not exist")
        self._catalog.authorize(principal, workspace, privilege, "table", table.full_name)
        return table

    @contextmanager
    def _writing(
        self, principal: Principal, workspace: WorkspaceInfo, id: str
    ) -> Iterator[DeltaTable]:
        """The table, for the only writer in this process."""
        table = self._table(principal, workspace, id, "MODIFY")
        with self._guard:
            lock = self._locks.setdefault(id, threading.Lock())
        with lock:
            yield _open(table)
        self._catalog.record_access(principal, workspace, table.full_name, "write", SOURCE)

    def _shown(self, table: TableInfo, kept: Document | None) -> Dataset:
        """A table that was made otherwise is a dataset too, once its id is asked for."""
        delta = _open(table)
        updated = delta.history(1)[0].get("timestamp", table.updated_at)
        body = kept.body if kept is not None else {}
        return Dataset(
            table=table,
            experiments=tuple(body.get("experiment_ids") or ()),
            profile=str(body.get("profile") or ""),
            created_by=kept.creator if kept is not None else table.created_by,
            created_ms=kept.created_ms if kept is not None else table.created_at,
            updated_ms=max(int(updated), kept.updated_ms if kept is not None else 0),
            latest=delta.version(),
        )


def _open(table: TableInfo, version: int | None = None) -> DeltaTable:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    assert table.storage_location is not None
    try:
        found = DeltaTable(str(Path(table.storage_location)), version=version)
    except DeltaError:
        raise not_found(f"Version {version} of dataset {table.full_name} does not exist") from None
    names = {field.name for field in found.schema().fields}
    if lacking := [str(one["name"]) for one in records.FIELDS if one["name"] not in names]:
        raise invalid(
            f"{table.full_name} is no evaluation dataset: it has no column {', '.join(lacking)}"
        )
    return found


def _rows(table: DeltaTable) -> list[Row]:
    columns = [str(one["name"]) for one in records.FIELDS]
    rows = table.to_pyarrow_table(columns=columns).to_pylist()
    return sorted(rows, key=lambda row: (str(row["create_time"]), str(row[records.ID])))


def _merge(table: DeltaTable, rows: Sequence[Row], by: str) -> None:
    """Put rows in by their ids, in one commit."""
    import pyarrow

    if not rows:
        return
    columns = [str(one["name"]) for one in records.FIELDS]
    fields = {field.name: field for field in pyarrow.schema(table.schema().to_arrow())}
    schema = pyarrow.schema([fields[name] for name in columns])
    source = pyarrow.Table.from_pylist([dict(row) for row in rows], schema=schema)
    with _conflicts():
        table.merge(
            source,
            predicate=f"t.{records.ID} = s.{records.ID}",
            source_alias="s",
            target_alias="t",
            commit_properties=_by(by),
        ).when_matched_update_all().when_not_matched_insert_all().execute()


def _by(user: str) -> Any:
    from deltalake import CommitProperties

    return CommitProperties(custom_metadata={"userName": user})


@contextmanager
def _conflicts() -> Iterator[None]:
    """Another engine may write the same table at the same moment."""
    from deltalake.exceptions import CommitFailedError

    try:
        yield
    except CommitFailedError as fault:
        raise ApiError("ABORTED", f"The dataset was written by somebody else: {fault}") from None
