"""Steps about vector search indexes: synced and waited for, asked once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from brickyard.deploy import ApiFailure
from brickyard.release.faults import StepFailed

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep

INDEXES: Final = "/api/2.0/vector-search/indexes"
LIMIT_S: Final = 3600.0
SLOWEST_POLL_S: Final = 5.0
CONTINUOUS: Final = "CONTINUOUS"


def sync_index(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Bring the index up to date with its source, and wait until it is."""
    name = rollout.id_of("vector_search_indexes", step.subject)
    rows = sync_by_name(rollout, step.name, name)
    rollout.say(step.name, f"index {name} is ready with {rows} rows")
    return {"index": name, "rows": rows}


def sync_by_name(rollout: Rollout, step: str, name: str) -> int:
    """Sync an index; how many rows it has then.

    One that is synced continuously, or written directly, is only waited for.
    """
    path = f"{INDEXES}/{quote(name, safe='')}"
    found = _ready(rollout, step, path, name)
    spec = found.get("delta_sync_index_spec") or {}
    if found.get("index_type") == "DELTA_SYNC" and spec.get("pipeline_type") != CONTINUOUS:
        try:
            rollout.project.workspace.post(f"{path}/sync")
        except ApiFailure as failure:  # one that goes on already is as good
            if not failure.is_conflict and "progress" not in failure.message.lower():
                raise
        found = _ready(rollout, step, path, name)
    rows = int((found.get("status") or {}).get("indexed_row_count") or 0)
    rollout.note(indexes={name: {"rows": rows, "source": spec.get("source_table", "")}})
    return rows


def query_index(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Ask the index once; `contains` has to be in one of the rows that come back."""
    name = rollout.id_of("vector_search_indexes", step.subject)
    body: dict[str, Any] = {
        "query_text": str(step.options.get("text") or ""),
        "columns": list(step.options.get("columns") or ()),
        "num_results": int(step.options.get("count") or 5),
    }
    answer = rollout.project.workspace.post(f"{INDEXES}/{quote(name, safe='')}/query", body)
    rows = (answer.get("result") or {}).get("data_array") or []
    wanted = step.options.get("contains")
    if not rows:
        raise StepFailed(f"index {name} found nothing")
    if wanted and not any(str(wanted) in str(cell) for row in rows for cell in row):
        raise StepFailed(f"index {name} found {len(rows)} rows, none with `{wanted}`")
    rollout.say(step.name, f"index {name} found {len(rows)} rows")
    return {"rows": rows}


def _ready(rollout: Rollout, step: str, path: str, name: str) -> dict[str, Any]:
    """The index once it answers and no update of it is under way."""
    give_up_at = time.monotonic() + LIMIT_S
    pause = 0.2
    while True:
        found = rollout.project.workspace.get(path)
        status = found.get("status") or {}
        state = str(status.get("detailed_state") or "")
        if "FAILED" in state:
            raise StepFailed(f"index {name}: {status.get('message') or state}")
        # A continuous index always updates; a triggered one says when it does.
        if status.get("ready") and "TRIGGERED_UPDATE" not in state:
            return found
        if time.monotonic() > give_up_at:
            raise StepFailed(f"index {name} is not ready after {LIMIT_S / 60:.0f} min: {state}")
        rollout.doing(step, f"index {name}: {status.get('message') or state.lower()}"[:90])
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_S)
