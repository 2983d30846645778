"""Evaluation datasets: mlflow.genai.datasets with databricks-agents installed."""

from __future__ import annotations

import mlflow
from mlflow.genai import datasets
from place import SCHEMA, refusal, rest, unique

CLIENT = "databricks-agents"

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
EXPERIMENT = mlflow.set_experiment(f"/Shared/{unique()}").experiment_id

RECORDS = [
    {
        "inputs": {"question": f"What is {n}?", "context": {"n": n}},
        "expectations": {"expected_response": str(n), "facts": ["a", "b"]},
        "tags": {"kind": "number"},
    }
    for n in range(3)
]


def probe_datasets() -> None:
    """evaluation datasets: create, merge, read, find, delete; a Delta table behind"""
    name = f"{SCHEMA}.{unique('evals')}"
    made = datasets.create_dataset(name=name, experiment_id=EXPERIMENT)
    assert made.to_df().empty
    made.merge_records(RECORDS)
    made.merge_records([{**RECORDS[0], "expectations": {"expected_response": "zero"}}])
    frame = datasets.get_dataset(name=name).to_df()
    assert len(frame) == 3
    by_question = {row["inputs"]["question"]: row for row in frame.to_dict("records")}
    first = by_question["What is 0?"]
    assert first["expectations"] == {"expected_response": "zero", "facts": ["a", "b"]}
    assert first["inputs"]["context"] == {"n": 0}
    assert first["tags"] == {"kind": "number"}
    table = rest("GET", f"/api/2.1/unity-catalog/tables/{name}")
    assert table["table_id"] == made.dataset_id
    assert table["data_source_format"] == "DELTA"
    found = datasets.search_datasets(experiment_ids=[EXPERIMENT])
    assert name in [one.name for one in found]
    datasets.delete_dataset(name=name)
    assert "does not exist" in refusal(lambda: datasets.get_dataset(name=name))


def probe_records() -> None:
    """evaluation datasets: versions, delete of records, experiments"""
    name = f"{SCHEMA}.{unique('evals')}"
    made = datasets.create_dataset(name=name, experiment_id=EXPERIMENT)
    made.merge_records(RECORDS)
    versions = made.list_versions()
    assert len(versions) >= 2
    newest = max(one.version for one in versions)
    gone = made.to_df()["dataset_record_id"].tolist()[:1]
    made.delete_records(gone)
    assert len(datasets.get_dataset(name=name).to_df()) == 2
    assert len(datasets.get_dataset(name=name, version=newest).to_df()) == 3
    other = mlflow.create_experiment(f"/Shared/{unique()}")
    made.add_to_experiments([other])
    assert name in [one.name for one in datasets.search_datasets(experiment_ids=[other])]
    assert "invalid" in refusal(lambda: datasets.create_dataset(name="plain")).lower()
