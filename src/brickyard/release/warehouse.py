"""SQL on a warehouse of the target workspace, by the Statement Execution API 2.0."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brickyard.deploy import Project
from brickyard.release.faults import StepFailed

STATEMENTS: Final = "/api/2.0/sql/statements"
WAREHOUSES: Final = "/api/2.0/sql/warehouses"
LIMIT_S: Final = 1800.0
SLOWEST_POLL_S: Final = 2.0
NUMBERS: Final = frozenset({"BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL"})


class StatementFailed(StepFailed):
    """A statement that did not succeed; the message is the engine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A result: names of the columns, rows of values; numbers are numbers, the rest texts."""

    columns: Sequence[str]
    values: Sequence[Sequence[Any]]

    def as_dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]


def warehouse_id(project: Project, given: str = "") -> str:
    """A warehouse by its key in the bundle or its id; with none named, the first there is."""
    entries = project.store.pull().state.entries
    if given:
        entry = entries.get(f"resources.sql_warehouses.{given}")
        return entry.id if entry is not None else given
    own = sorted(name for name in entries if name.startswith("resources.sql_warehouses."))
    for name in own:
        if name.count(".") == 2:
            return entries[name].id
    for one in project.workspace.get(WAREHOUSES).get("warehouses") or ():
        return str(one["id"])
    raise StatementFailed(
        "the workspace has no SQL warehouse: declare one under resources.sql_warehouses, or name"
        " one with `warehouse`"
    )


def run_statement(
    project: Project,
    statement: str,
    *,
    warehouse: str,
    parameters: Mapping[str, Any] | None = None,
) -> Rows:
    """Run one statement to its end, all its rows. Raises `StatementFailed`."""
    named = [
        {"name": str(name), "value": None if value is None else str(value)}
        for name, value in (parameters or {}).items()
    ]
    body: dict[str, Any] = {
        "statement": statement,
        "warehouse_id": warehouse,
        "wait_timeout": "30s",
        "on_wait_timeout": "CONTINUE",
        "format": "JSON_ARRAY",
        "disposition": "INLINE",
        **({"parameters": named} if named else {}),
    }
    answer = _ended(project, project.workspace.post(STATEMENTS, body))
    manifest = (answer.get("manifest") or {}).get("schema") or {}
    columns = list(manifest.get("columns") or ())
    kinds = [str(column.get("type_name", "")).upper() in NUMBERS for column in columns]
    rows: list[list[Any]] = []
    chunk = answer.get("result") or {}
    while True:
        for row in chunk.get("data_array") or ():
            rows.append([_value(cell, is_n) for cell, is_n in zip(row, kinds, strict=True)])
        following = chunk.get("next_chunk_internal_link")
        if not following:
            break
        chunk = project.workspace.get(str(following))
    return Rows(columns=[str(column["name"]) for column in columns], values=rows)


def _ended(project: Project, answer: dict[str, Any]) -> dict[str, Any]:
    give_up_at = time.monotonic() + LIMIT_S
    pause = 0.1
    while True:
        status = answer.get("status") or {}
        state = str(status.get("state") or "")
        if state == "SUCCEEDED":
            return answer
        if state not in ("PENDING", "RUNNING"):
            said = (status.get("error") or {}).get("message") or state
            raise StatementFailed(f"the statement failed: {said}")
        if time.monotonic() > give_up_at:
            raise StatementFailed(f"the statement has not ended after {LIMIT_S / 60:.0f} min")
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_S)
        answer = project.workspace.get(f"{STATEMENTS}/{answer['statement_id']}")


def _value(cell: Any, is_number: bool) -> Any:
    if cell is None or not is_number:
        return cell
    number = float(cell)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
