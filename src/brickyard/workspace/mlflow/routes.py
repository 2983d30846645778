"""All routes of MLflow: tracking, experiments, credentials, and reports that clients send."""

from __future__ import annotations

from brickyard.workspace.kernel import Call, Fidelity, Json, Route
from brickyard.workspace.mlflow import credentials, experiments, tracking


def usage_event(call: Call) -> Json:
    return {}


ROUTES: tuple[Route, ...] = (
    *experiments.ROUTES,
    *tracking.ROUTES,
    *credentials.ROUTES,
    Route(
        "POST",
        "/api/2.0/agents/evaluation-client-usage-events",
        usage_event,
        fidelity=Fidelity.ACCEPTED,
        note="usage reports of the evaluation client are dropped",
    ),
)
