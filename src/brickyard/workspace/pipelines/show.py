"""Pipelines as the API shows them."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.kernel import Document
from brickyard.workspace.pipelines.settings import BESIDE, with_defaults


def show_pipeline(pipeline: Document, run_as: str) -> dict[str, Any]:
    """`GET pipelines/{id}`: `run_as` is the user name of the identity that updates have."""
    return {
        "pipeline_id": pipeline.id,
        "spec": with_defaults(pipeline.body, pipeline.id),
        "effective_publishing_mode": "DEFAULT_PUBLISHING_MODE",
        "last_modified": pipeline.updated_ms,
        **{name: pipeline.body[name] for name in BESIDE if name in pipeline.body},
        **show_in_list(pipeline, run_as),
    }


def show_in_list(pipeline: Document, run_as: str) -> dict[str, Any]:
    return {
        "pipeline_id": pipeline.id,
        "name": pipeline.name,
        "state": "IDLE",
        "creator_user_name": pipeline.creator,
        "run_as_user_name": run_as,
    }
