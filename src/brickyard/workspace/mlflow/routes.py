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
    registry_activities,
    reviews,
    run_batches,
    scheduled,
    tracking,
)
from brickyard.workspace.mlflow.ui.routes import ui_routes

API: tuple[Route, ...] = (
    *experiments.ROUTES,
    *tracking.ROUTES,
    *run_batches.ROUTES,
    *credentials.ROUTES,
    *registry.ROUTES,
    *registry_activities.ROUTES,
    *prompts.ROUTES,
    *dataset_routes.ROUTES,
    *judges.ROUTES,
    *reviews.ROUTES,
    *scheduled.ROUTES,
    *refused.ROUTES,
)
ROUTES: tuple[Route, ...] = (*API, *ui_routes(API))
