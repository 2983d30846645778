"""Tracking with MLflow's own client, `tracking_uri="databricks"`."""

from __future__ import annotations

import mlflow
from place import unique

CLIENT = "mlflow"

mlflow.set_tracking_uri("databricks")
mlflow.set_experiment(f"/Shared/{unique()}")


def probe_runs() -> None:
    """runs: nested, metric history, parameters, tags, artifacts"""
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_param("depth", 3)
        mlflow.log_text("hello", "notes/a.txt")
    client = mlflow.MlflowClient()
    history = client.get_metric_history(child.info.run_id, "loss")
    assert [one.step for one in history] == list(range(5))
    found = client.get_run(child.info.run_id)
    assert found.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert mlflow.artifacts.load_text(f"{found.info.artifact_uri}/notes/a.txt") == "hello"
