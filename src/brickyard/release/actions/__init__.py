"""What each step of a rollout does: action -> function, which gives what the step leaves behind.

Every action is idempotent: done again after a kill, it finds its own work and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from brickyard.release.actions.apps import query_app, start_app
from brickyard.release.actions.commands import run_tests
from brickyard.release.actions.gates import hold_metrics
from brickyard.release.actions.indexes import query_index, sync_index
from brickyard.release.actions.jobs import evaluate, refresh_pipeline, run_job_step
from brickyard.release.actions.monitors import read_monitor
from brickyard.release.actions.serving import measure, query, serve_version, shift_traffic
from brickyard.release.actions.statements import run_sql
from brickyard.release.actions.versions import move_alias, register_model, register_prompt_step

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep

ACTIONS: Final[Mapping[str, Callable[[Rollout, RolloutStep], Mapping[str, Any]]]] = {
    "run_job": run_job_step,
    "evaluate": evaluate,
    "refresh_pipeline": refresh_pipeline,
    "sync_index": sync_index,
    "register_prompt": register_prompt_step,
    "register_model": register_model,
    "metrics": hold_metrics,
    "set_alias": move_alias,
    "serve": serve_version,
    "shift_traffic": shift_traffic,
    "start_app": start_app,
    "query": query,
    "query_index": query_index,
    "query_app": query_app,
    "measure": measure,
    "sql": run_sql,
    "monitor": read_monitor,
    "test": run_tests,
}
