# Databricks notebook source
# MAGIC %md
# MAGIC # Evaluate
# MAGIC Asks one version of the registered model about each table and scores its reports against the
# MAGIC labelled defects and constraints in `evaluation/labels.json`.

# COMMAND ----------

import json
import os
import time
from pathlib import Path

import mlflow
from mlflow.entities import Feedback
from mlflow.genai.scorers import scorer

from data_quality_agent import evaluation
from data_quality_agent.ingestion import FILES
from data_quality_agent.knowledge import RULE, read_entries

names = ("catalog", "schema", "model_name", "model_version", "experiment_id", "volume")
for name in names:
    dbutils.widgets.text(name, "")
catalog, schema, model_name, model_version, experiment_id, volume = (
    dbutils.widgets.get(name) for name in names
)
full_name = f"{catalog}.{schema}.{model_name}"

mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=experiment_id)

if model_version == "latest":
    versions = mlflow.MlflowClient().search_model_versions(f"name='{full_name}'")
    model_version = str(max(int(version.version) for version in versions))

# COMMAND ----------

labels = evaluation.read_labels(Path.cwd().parent / "evaluation" / "labels.json")
model = mlflow.pyfunc.load_model(f"models:/{full_name}/{model_version}")
reports, latencies_s, faults = {}, {}, {}


def predict(table: str) -> dict:
    question = {
        "input": [{"role": "user", "content": "Which rules does this table break?"}],
        "custom_inputs": {"table": f"{catalog}.{schema}.{table}"},
    }
    started = time.perf_counter()
    try:
        report = model.predict(question)["custom_outputs"]
    except Exception as fault:
        faults[table] = f"{type(fault).__name__}: {fault}"
        raise
    latencies_s[table] = time.perf_counter() - started
    reports[table] = report
    return {"table": table, **report}


past = {one.id: json.loads(one.content) for one in read_entries() if one.kind == RULE}


def retrieval_of(outputs: dict) -> evaluation.Retrieval:
    return evaluation.retrieval(outputs["past_rules"], outputs["columns"], past)


def score_of(outputs: dict) -> evaluation.Score:
    mine = [label for label in labels if label.table == outputs["table"].rsplit(".", 1)[-1]]
    return evaluation.score(outputs, mine)


@scorer
def recall(outputs: dict) -> Feedback:
    found = score_of(outputs)
    missed = ", ".join(found.missed) or "nothing"
    return Feedback(value=found.recall, rationale=f"missed: {missed}")


@scorer
def precision(outputs: dict) -> float:
    return score_of(outputs).precision


@scorer
def hold_rate(outputs: dict) -> float:
    return score_of(outputs).hold_rate


@scorer
def retrieval_recall(outputs: dict) -> float:
    return retrieval_of(outputs).recall


@scorer
def retrieval_precision(outputs: dict) -> float:
    return retrieval_of(outputs).precision


# COMMAND ----------

os.environ["MLFLOW_GENAI_EVAL_MAX_WORKERS"] = "1"  # one at a time, or they slow each other down
data = [{"inputs": {"table": table}} for table in FILES]
with mlflow.start_run(run_name=f"evaluate version {model_version}") as run:
    mlflow.log_params({"model": full_name, "model_version": model_version})
    mlflow.genai.evaluate(
        data=data,
        predict_fn=predict,
        scorers=[recall, precision, hold_rate, retrieval_recall, retrieval_precision],
        model_id=model.model_id,
    )
    if faults:
        raise RuntimeError(f"the model gave no report on {json.dumps(faults, indent=2)}")
    scores = [score_of({"table": table, **report}) for table, report in reports.items()]
    retrievals = [retrieval_of(report) for report in reports.values()]
    metrics = evaluation.metrics(scores, list(latencies_s.values()), retrievals)
    mlflow.log_metrics(metrics)
    missed = evaluation.pooled(scores).missed
    details = {"metrics": metrics, "missed": missed, "reports": reports}
    mlflow.log_dict(details, "evaluation.json")

for name, value in metrics.items():
    print(f"{name:22} {value}")
print("missed:", ", ".join(missed) or "nothing")

# COMMAND ----------

report = f"/Volumes/{catalog}/{schema}/{volume}/evaluation_of_version_{model_version}.json"
Path(report).write_text(json.dumps(details, indent=2))

outcome = {
    "model": full_name,
    "model_version": model_version,
    "run_id": run.info.run_id,
    "metrics": metrics,
    "examples": evaluation.examples(scores, labels),
    "report": report,
}
dbutils.notebook.exit(json.dumps(outcome))
