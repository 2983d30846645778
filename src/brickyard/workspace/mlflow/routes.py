"""All routes of MLflow: tracking, experiments, credentials, models, prompts, clients' reports."""

from __future__ import annotations

from brickyard.workspace.kernel import Route
from brickyard.workspace.mlflow import (
    credentials,
    dataset_routes,
    experiments,
    judges,
    prompts,
    refused,
    registry,
    reviews,
    scheduled,
    tracking,
)

ROUTES: tuple[Route, ...] = (
    *experiments.ROUTES,
    *tracking.ROUTES,
    *credentials.ROUTES,
    *registry.ROUTES,
    *prompts.ROUTES,
    *dataset_routes.ROUTES,
    *judges.ROUTES,
    *reviews.ROUTES,
    *scheduled.ROUTES,
    *refused.ROUTES,
)
