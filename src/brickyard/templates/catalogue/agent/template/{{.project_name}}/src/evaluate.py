# Databricks notebook source
import json

import mlflow
from questions import share_right

for name in ("model_name", "experiment_id", "model_version"):
    dbutils.widgets.text(name, "")
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=dbutils.widgets.get("experiment_id"))

# COMMAND ----------

name, version = dbutils.widgets.get("model_name"), dbutils.widgets.get("model_version")
if version == "latest":
    found = mlflow.MlflowClient().search_model_versions(f"name='{name}'")
    version = str(max(int(one.version) for one in found))
agent = mlflow.pyfunc.load_model(f"models:/{name}/{version}")


def said(question: str) -> str:
    answer = agent.predict({"input": [{"role": "user", "content": question}]})
    return answer["output"][0]["content"][0]["text"]


metrics = {"answered_right": share_right(said)}
with mlflow.start_run(run_name="evaluate"):
    mlflow.log_metrics(metrics)

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"metrics": metrics}))
