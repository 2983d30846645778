# Databricks notebook source
import json

import mlflow
from people import FAULTS

for name in ("catalog", "schema", "model_name", "experiment_id", "model_version"):
    dbutils.widgets.text(name, "")
catalog, schema = (dbutils.widgets.get(name) for name in ("catalog", "schema"))
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=dbutils.widgets.get("experiment_id"))

# COMMAND ----------

name, version = dbutils.widgets.get("model_name"), dbutils.widgets.get("model_version")
if version == "latest":
    found = mlflow.MlflowClient().search_model_versions(f"name='{name}'")
    version = str(max(int(one.version) for one in found))
agent = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
table = spark.table(f"{catalog}.{schema}.people").orderBy("id", "age").toPandas()
rows = [{k: None if v is None or v != v else v for k, v in one.items()} for one in table.to_dict("records")]
answer = agent.predict(
    {
        "input": [{"role": "user", "content": "Which rows break a rule?"}],
        "custom_inputs": {"rows": rows},
    }
)
found = {(one["column"], one["rule"]) for one in answer["custom_outputs"]["breaches"]}
wanted = {("age", "out of range"), ("email", "missing"), ("id", "repeated")}
counted = len(answer["custom_outputs"]["breaches"])
metrics = {
    "recall": len(found & wanted) / len(wanted),
    "precision": min(len(FAULTS) / counted, 1.0) if counted else 0.0,
}
with mlflow.start_run(run_name="evaluate"):
    mlflow.log_metrics(metrics)

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"metrics": metrics}))
