"""What a Delta table's log says: its version, and which files each version added.

Reads `_delta_log` itself for what came after a known version, and leaves whole snapshots to
delta-rs. Follows the Delta protocol; tables with deletion vectors are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from brickyard.runtime.pipelines.graph import PipelineFault


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    path: str
    partition: tuple[tuple[str, str | None], ...]


def version_of(table: Path) -> int:
    """The newest version; -1 when there is no table."""
    numbers = [int(one.stem) for one in _commits(table)]
    return max(numbers, default=-1)


def added_since(
    table: Path, version: int, until: int, *, name: str, skips_changes: bool
) -> list[DataFile]:
    """The files that appends after `version` brought, up to `until`.

    Raises PipelineFault for a commit that changed or removed rows, unless such commits are skipped.
    """
    found: list[DataFile] = []
    for number in range(version + 1, until + 1):
        file = table / "_delta_log" / f"{number:020}.json"
        if not file.exists():
            raise PipelineFault(
                f"The log of {name} has no version {number} any more: what was added since "
                f"version {version} cannot be told. Run a full refresh."
            )
        actions = list(_actions(file))
        removes = any(one["remove"].get("dataChange", True) for one in actions if "remove" in one)
        if removes:
            if skips_changes:
                continue
            raise PipelineFault(
                f"[DELTA_SOURCE_TABLE_IGNORE_CHANGES] Detected a data update in the source table "
                f"{name} at version {number}. A stream reads tables that are only appended to: "
                "read the table with spark.read or without STREAM, set the option "
                "skipChangeCommits to true to leave such commits out, or run a full refresh."
            )
        found += [
            _file(table, one["add"])
            for one in actions
            if "add" in one and one["add"].get("dataChange", True)
        ]
    return found


def snapshot(table: Path, version: int) -> list[DataFile]:
    """All files of one version."""
    from deltalake import DeltaTable

    at = DeltaTable(str(table), version=version)
    names = at.metadata().partition_columns
    actions: Any = at.get_add_actions(flatten=True)
    columns = {name: actions.column(name).to_pylist() for name in actions.schema.names}
    found = []
    for number, path in enumerate(columns["path"]):
        values = tuple((name, _text(columns[f"partition.{name}"][number])) for name in names)
        found.append(DataFile(path=str(table / unquote(path)), partition=values))
    return found


def table_id(table: Path) -> str:
    """The identity that a table has for life."""
    from deltalake import DeltaTable

    return str(DeltaTable(str(table)).metadata().id)


def rows_written(table: Path, after: int) -> int | None:
    """How many rows the commits after a version wrote; None when the log does not say."""
    total = 0
    for file in _commits(table):
        if int(file.stem) <= after:
            continue
        for action in _actions(file):
            metrics = action.get("commitInfo", {}).get("operationMetrics") or {}
            rows = metrics.get("numOutputRows", metrics.get("num_added_rows"))
            if rows is not None:
                total += int(rows)
    return total


def has_data_since(table: Path, version: int) -> bool:
    """Whether a commit after `version` changed data."""
    return any(
        action[kind].get("dataChange", True)
        for file in _commits(table)
        if int(file.stem) > version
        for action in _actions(file)
        for kind in ("add", "remove")
        if kind in action
    )


def _commits(table: Path) -> list[Path]:
    log = table / "_delta_log"
    if not log.is_dir():
        return []
    return sorted(one for one in log.iterdir() if one.suffix == ".json" and one.stem.isdigit())


def _actions(file: Path) -> Iterator[Mapping[str, Any]]:
    for line in file.read_text().splitlines():
        if line.strip():
            yield json.loads(line)


def _file(table: Path, add: Mapping[str, Any]) -> DataFile:
    if add.get("deletionVector"):
        raise PipelineFault(f"{table}: streams of tables with deletion vectors are not supported")
    partition = tuple((add.get("partitionValues") or {}).items())
    return DataFile(path=str(table / unquote(add["path"])), partition=partition)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
