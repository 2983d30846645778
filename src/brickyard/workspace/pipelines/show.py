"""Pipelines and updates as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.kernel import Document
from brickyard.workspace.pipelines.records import Update, timestamp
from brickyard.workspace.pipelines.settings import BESIDE, with_defaults

# The state of a pipeline by that of its active update; any other: STARTING.
ACTIVE_STATES: Final[Mapping[str, str]] = {
    "RUNNING": "RUNNING",
    "SETTING_UP_TABLES": "RUNNING",
    "RESETTING": "RESETTING",
    "STOPPING": "STOPPING",
}


def show_pipeline(pipeline: Document, run_as: str, latest: Sequence[Update]) -> dict[str, Any]:
    """`GET pipelines/{id}`: `run_as` is the user name of the identity that updates have."""
    return {
        "spec": with_defaults(pipeline.body, pipeline.id),
        "effective_publishing_mode": "DEFAULT_PUBLISHING_MODE",
        "last_modified": pipeline.updated_ms,
        **{name: pipeline.body[name] for name in BESIDE if name in pipeline.body},
        **show_in_list(pipeline, run_as, latest),
    }


def show_in_list(pipeline: Document, run_as: str, latest: Sequence[Update]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "pipeline_id": pipeline.id,
        "name": pipeline.name,
        "state": "IDLE",
        "creator_user_name": pipeline.creator,
        "run_as_user_name": run_as,
    }
    if latest:
        last = latest[0]
        if last.is_active:
            shown["state"] = ACTIVE_STATES.get(last.state, "STARTING")
        shown["health"] = "UNHEALTHY" if last.state == "FAILED" else "HEALTHY"
        shown["latest_updates"] = [
            {
                "update_id": one.update_id,
                "state": one.state,
                "creation_time": timestamp(one.created_ms),
            }
            for one in latest
        ]
    return shown


def show_update(pipeline: Document, one: Update) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "pipeline_id": one.pipeline_id,
        "update_id": one.update_id,
        "config": with_defaults(pipeline.body, pipeline.id),
        "cause": one.request["cause"],
        "state": one.state,
        "creation_time": one.created_ms,
        "full_refresh": one.request["full_refresh"],
        "validate_only": one.request["validate_only"],
        "mode": "DEFAULT",
    }
    for name in ("refresh_selection", "full_refresh_selection", "parameters"):
        if one.request[name]:
            shown[name] = one.request[name]
    return shown
