# Databricks notebook source
# MAGIC %md
# MAGIC # Evaluate
# MAGIC Asks one version of the registered model every question of `evaluation/questions.json`, and
# MAGIC scores what it found, what it said and what it cited.

# COMMAND ----------

import json
import os
import time
from pathlib import Path

import mlflow
from mlflow.genai.scorers import scorer

from retrieval_agent import evaluation

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

questions = evaluation.read_questions(Path.cwd().parent / "evaluation" / "questions.json")
known = {one.text: one for one in questions}
model = mlflow.pyfunc.load_model(f"models:/{full_name}/{model_version}")
answers, latencies_s, faults = {}, {}, {}


def predict(question: str) -> dict:
    started = time.perf_counter()
    try:
        asked = {"input": [{"role": "user", "content": question}]}
        found = model.predict(asked)["custom_outputs"]
    except Exception as fault:
        faults[question] = f"{type(fault).__name__}: {fault}"
        raise
    latencies_s[question] = time.perf_counter() - started
    answers[question] = found
    return {"question": question, **found}


def score_of(outputs: dict) -> evaluation.Score:
    return evaluation.score(known[outputs["question"]], outputs)


@scorer
def precision(outputs: dict) -> float | None:
    return score_of(outputs).precision


@scorer
def recall(outputs: dict) -> float | None:
    return score_of(outputs).recall


@scorer
def groundedness(outputs: dict) -> float:
    return score_of(outputs).grounded


@scorer
def facts(outputs: dict) -> float | None:
    return score_of(outputs).facts


# COMMAND ----------

os.environ["MLFLOW_GENAI_EVAL_MAX_WORKERS"] = "1"  # one at a time, or they slow each other down
data = [{"inputs": {"question": one.text}} for one in questions]
with mlflow.start_run(run_name=f"evaluate version {model_version}") as run:
    mlflow.log_params({"model": full_name, "model_version": model_version})
    mlflow.genai.evaluate(
        data=data,
        predict_fn=predict,
        scorers=[precision, recall, groundedness, facts],
        model_id=model.model_id,
    )
    if faults:
        raise RuntimeError(f"the model did not answer: {json.dumps(faults, indent=2)}")
    scores = {text: evaluation.score(known[text], found) for text, found in answers.items()}
    metrics = evaluation.metrics(list(scores.values()), list(latencies_s.values()))
    mlflow.log_metrics(metrics)
    details = {"metrics": metrics, "answers": answers}
    mlflow.log_dict(details, "evaluation.json")

for name, value in metrics.items():
    print(f"{name:22} {value}")
for text, one in scores.items():
    if one.recall == 0 or one.facts == 0 or one.refused == 0:
        print("missed:", text, "->", answers[text]["answer"][:200])

# COMMAND ----------

report = f"/Volumes/{catalog}/{schema}/{volume}/evaluation_of_version_{model_version}.json"
Path(report).write_text(json.dumps(details, indent=2))

outcome = {
    "model": full_name,
    "model_version": model_version,
    "run_id": run.info.run_id,
    "metrics": metrics,
    "report": report,
}
dbutils.notebook.exit(json.dumps(outcome))
