"""Traces in tables of Unity Catalog: what says here that there are none.

Databricks writes traces by OpenTelemetry into tables of a schema and reads them through a SQL
warehouse. Here they lie in the experiment, as they do there by default. The search of version 4 is
left out on purpose: its 404 makes clients use the one that is here.
"""

from __future__ import annotations

from typing import Final

from brickyard.workspace.kernel import ApiError, Call, Fidelity, Json, Route

WHY: Final = (
    "Traces are not kept in Unity Catalog tables here: leave out the trace location (and "
    "trace archival), and they are kept in the experiment, where search_traces finds them"
)
NOTE: Final = "traces are kept in the experiment"
PATHS: Final = (
    "/api/5.0/mlflow/tracing/locations",
    "/api/5.0/mlflow/experiments/{experiment_id}/trace-location:link",
    "/api/4.0/mlflow/traces/location",
    "/api/4.0/mlflow/traces/{experiment_id}/link-location",
    "/api/2.0/otel/v1/traces",
    "/api/2.0/managed-evals/experiments/{experiment_id}/trace-archival",
)


def refuse(call: Call) -> Json:
    raise ApiError("FEATURE_DISABLED", WHY, status=403)


ROUTES: tuple[Route, ...] = tuple(
    Route("POST", path, refuse, Fidelity.REFUSED, note=NOTE) for path in PATHS
)
