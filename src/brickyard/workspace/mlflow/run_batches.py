"""Many runs of an experiment deleted, or brought back, as `delete_runs` and `restore_runs` do it.

Databricks alone has these; MLflow deletes and restores runs one by one.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Final

from brickyard.workspace.kernel import Call, Json, Route, invalid
from brickyard.workspace.mlflow import subjects
from brickyard.workspace.mlflow.tracking import EDIT, V2, require

MOST: Final = 10_000
EVER_MS: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    experiment_id: str
    max_timestamp_millis: int
    max_runs: int = MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    experiment_id: str
    min_timestamp_millis: int
    max_runs: int = MOST


async def delete(call: Call) -> Json:
    want = call.read(Delete)
    until = min(want.max_timestamp_millis, EVER_MS)
    done = await _each(call, "delete", want.max_runs, since_ms=0, until_ms=until)
    return {"runs_deleted": done}


async def restore(call: Call) -> Json:
    want = call.read(Restore)
    since = min(want.min_timestamp_millis, EVER_MS)
    done = await _each(call, "restore", want.max_runs, since_ms=since, until_ms=EVER_MS)
    return {"runs_restored": done}


async def _each(call: Call, what: str, most: int, *, since_ms: int, until_ms: int) -> int:
    if not 1 <= most <= MOST:
        raise invalid(f"max_runs must be between 1 and {MOST}")
    (experiment,) = await subjects.experiment(call)
    engine = call.engines.mlflow
    path = f"{V2}/experiments/get"
    found = await engine.proxy.send(
        call.workspace.name, "GET", path, query=[("experiment_id", experiment)]
    )
    found.result()
    await require(call, (experiment,), EDIT)

    def runs() -> list[str]:
        chosen: list[str] = engine.runs(
            experiment, deleted=what == "restore", since_ms=since_ms, until_ms=until_ms, most=most
        )
        return chosen

    ids = await asyncio.to_thread(runs)
    for one in ids:
        body = json.dumps({"run_id": one}).encode()
        answer = await engine.proxy.send(
            call.workspace.name, "POST", f"{V2}/runs/{what}", body=body
        )
        answer.result()
    return len(ids)


ROUTES = (
    Route("POST", f"{V2}/databricks/runs/delete-runs", delete),
    Route("POST", f"{V2}/databricks/runs/restore-runs", restore),
)
