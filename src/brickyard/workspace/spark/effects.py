"""How many rows a statement changed, as Databricks tells it: read from the commit it made.

The engine answers UPDATE and DELETE with the number of rows it rewrote. The commit's own metrics
are right. Where they are missing, or several commits were made at once, the engine's answer stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.spark.answers import Answer

# column of the answer -> metrics of the commit, first known wins
_COLUMNS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "insert": {
        "num_affected_rows": ("numOutputRows",),
        "num_inserted_rows": ("numOutputRows",),
    },
    "update": {"num_affected_rows": ("numUpdatedRows",)},
    "delete": {"num_affected_rows": ("numDeletedRows",)},
    "merge": {
        "num_affected_rows": (),
        "num_updated_rows": ("numTargetRowsUpdated",),
        "num_deleted_rows": ("numTargetRowsDeleted",),
        "num_inserted_rows": ("numTargetRowsInserted",),
    },
}


def latest_version(folder: Path) -> int:
    """The number of the newest commit; -1 without a log."""
    try:
        names = [path.stem for path in (folder / "_delta_log").glob("*.json")]
    except OSError:
        return -1
    return max((int(name) for name in names if name.isdigit()), default=-1)


def counted(kind: str, folder: Path, before: int) -> Answer | None:
    """The answer to a statement that made the one commit after `before`; None when unknown."""
    columns = _COLUMNS.get(kind)
    after = latest_version(folder)
    if columns is None or after > before + 1:
        return None
    metrics = {} if after == before else _metrics(folder / "_delta_log" / f"{after:020}.json")
    if metrics is None:
        return None
    values: dict[str, int] = {}
    for column, names in columns.items():
        values[column] = next((int(metrics[name]) for name in names if name in metrics), 0)
    if kind == "merge":
        values["num_affected_rows"] = sum(values.values())
    if (
        after != before
        and kind != "merge"
        and not any(name in metrics for names in columns.values() for name in names)
    ):
        return None
    return Answer(columns=dict.fromkeys(values, "int64"), rows=[tuple(values.values())])


def _metrics(commit: Path) -> Mapping[str, Any] | None:
    try:
        for line in commit.read_text().splitlines():
            if info := json.loads(line).get("commitInfo"):
                found: Mapping[str, Any] = info.get("operationMetrics") or {}
                return found
    except (OSError, ValueError):
        pass
    return None
