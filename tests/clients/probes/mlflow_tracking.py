"""Tracking with MLflow's own client, `tracking_uri="databricks"`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mlflow
import pandas as pd
from mlflow import MlflowClient
from place import refusal, unique

CLIENT = "mlflow"

mlflow.set_tracking_uri("databricks")
EXPERIMENT = mlflow.set_experiment(f"/Shared/{unique()}").experiment_id


def probe_runs() -> None:
    """runs: nested, metric history, parameters, tags, artifacts"""
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_param("depth", 3)
        mlflow.log_text("hello", "notes/a.txt")
    client = MlflowClient()
    history = client.get_metric_history(child.info.run_id, "loss")
    assert [one.step for one in history] == list(range(5))
    found = client.get_run(child.info.run_id)
    assert found.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert mlflow.artifacts.load_text(f"{found.info.artifact_uri}/notes/a.txt") == "hello"
    assert "Changing param values" in refusal(
        lambda: client.log_param(child.info.run_id, "depth", 4)
    )


def probe_search() -> None:
    """runs: search filters, order, pages, deleted ones"""
    experiment = mlflow.create_experiment(f"/Shared/{unique()}")
    client = MlflowClient()
    ids = []
    for number in range(5):
        with mlflow.start_run(experiment_id=experiment, run_name=f"run-{number}") as run:
            mlflow.log_metric("score", number)
            mlflow.log_param("kind", "even" if number % 2 == 0 else "odd")
            mlflow.set_tag("team", "data")
        ids.append(run.info.run_id)

    def search(text: str, **more: object) -> list[str]:
        found = client.search_runs([experiment], text, **more)
        return [one.info.run_name for one in found]

    order = {"order_by": ["metrics.score DESC"]}
    assert search("metrics.score > 2", **order) == ["run-4", "run-3"]
    assert search("params.kind = 'even' AND metrics.score < 4", **order) == ["run-2", "run-0"]
    assert search("attributes.run_name LIKE 'run-%' AND tags.team = 'data'", max_results=2) != []
    assert search(f"attributes.run_id IN ('{ids[0]}')") == ["run-0"]
    page = client.search_runs([experiment], max_results=3)
    rest = client.search_runs([experiment], max_results=3, page_token=page.token)
    assert {one.info.run_id for one in [*page, *rest]} == set(ids)
    client.delete_run(ids[0])
    assert len(client.search_runs([experiment])) == 4
    client.restore_run(ids[0])
    assert len(client.search_runs([experiment])) == 5
    assert "Invalid" in refusal(lambda: search("nonsense ~ 3"))


def probe_experiments() -> None:
    """experiments: search, tags, rename, delete, restore"""
    stem, client = unique(), MlflowClient()
    ids = [mlflow.create_experiment(f"/Shared/{stem}-{n}", tags={"n": str(n)}) for n in range(3)]
    found = client.search_experiments(filter_string=f"name LIKE '/Shared/{stem}%'", max_results=2)
    assert len(found) == 2
    assert found.token
    by_tag = client.search_experiments(
        filter_string=f"name LIKE '/Shared/{stem}%' AND tags.n = '1'"
    )
    assert [one.experiment_id for one in by_tag] == [ids[1]]
    client.rename_experiment(ids[0], f"/Shared/{stem}-renamed")
    assert client.get_experiment(ids[0]).name == f"/Shared/{stem}-renamed"
    client.delete_experiment(ids[0])
    assert client.get_experiment(ids[0]).lifecycle_stage == "deleted"
    client.restore_experiment(ids[0])
    assert client.get_experiment(ids[0]).lifecycle_stage == "active"


def probe_inputs() -> None:
    """runs: datasets as inputs, figures and tables as artifacts, artifacts deleted"""
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(frame, name="frame"), context="training")
        mlflow.log_table(frame, "table.json")
        mlflow.log_dict({"a": 1}, "d/config.json")
    found = mlflow.get_run(run.info.run_id)
    assert found.inputs.dataset_inputs[0].dataset.name == "frame"
    assert mlflow.load_table("table.json", run_ids=[run.info.run_id])["a"].tolist() == [1, 2]
    assert mlflow.artifacts.load_dict(f"{found.info.artifact_uri}/d/config.json") == {"a": 1}
    listed = MlflowClient().list_artifacts(run.info.run_id)
    assert sorted(one.path for one in listed) == ["d", "table.json"]


def probe_logged_models() -> None:
    """logged models: parameters, metrics, tags, search, artifacts, delete"""

    class Model(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return model_input

    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(
            name="m", python_model=Model(), params={"depth": 3}, pip_requirements=["mlflow"]
        )
        mlflow.log_metric("score", 0.9, model_id=info.model_id)
    client = MlflowClient()
    found = client.get_logged_model(info.model_id)
    assert (found.params["depth"], found.status.name) == ("3", "READY")
    assert found.source_run_id == run.info.run_id
    client.set_logged_model_tags(info.model_id, {"stage": "gold"})
    rows = mlflow.search_logged_models(
        experiment_ids=[EXPERIMENT], filter_string="metrics.score > 0.5", output_format="list"
    )
    assert info.model_id in [one.model_id for one in rows]
    listed = client.list_logged_model_artifacts(info.model_id)
    assert "MLmodel" in [one.path for one in listed]
    assert mlflow.pyfunc.load_model(f"models:/{info.model_id}").predict([1]) == [1]
    client.delete_logged_model(info.model_id)
    assert refusal(lambda: client.get_logged_model(info.model_id))


def probe_large_artifacts() -> None:
    """artifacts: 300 MiB in one file, up and down, in parts"""
    block = bytes(range(256)) * 4096
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.bin"
        with large.open("wb") as file:
            for _ in range(300):
                file.write(block)
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(large))
        got = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="large.bin", dst_path=f"{folder}/got"
        )
        assert Path(got).stat().st_size == 300 * len(block)
        with Path(got).open("rb") as file:
            assert all(file.read(len(block)) == block for _ in range(300))
