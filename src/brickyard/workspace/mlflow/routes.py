"""All routes of MLflow: tracking, experiments, credentials, models, prompts, clients' reports."""

from __future__ import annotations

from brickyard.workspace.kernel import Call, Fidelity, Json, Route
from brickyard.workspace.mlflow import (
    credentials,
    dataset_routes,
    experiments,
    prompts,
    registry,
    tracking,
)


def usage_event(call: Call) -> Json:
    return {}


ROUTES: tuple[Route, ...] = (
    *experiments.ROUTES,
    *tracking.ROUTES,
    *credentials.ROUTES,
    *registry.ROUTES,
    *prompts.ROUTES,
    *dataset_routes.ROUTES,
    Route(
        "POST",
        "/api/2.0/agents/evaluation-client-usage-events",
        usage_event,
        fidelity=Fidelity.ACCEPTED,
        note="usage reports of the evaluation client are dropped",
    ),
)
