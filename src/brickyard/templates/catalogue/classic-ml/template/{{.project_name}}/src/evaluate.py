# Databricks notebook source
import json

import mlflow
from features import FEATURES, LABEL, split
from sklearn.metrics import mean_absolute_error, r2_score

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
model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
_, judged = split(spark.table(f"{catalog}.{schema}.trips").toPandas())
predicted = model.predict(judged[FEATURES].astype(float))
metrics = {
    "r2": float(r2_score(judged[LABEL], predicted)),
    "mean_absolute_error": float(mean_absolute_error(judged[LABEL], predicted)),
    "rows": len(judged),
}
with mlflow.start_run(run_name="evaluate"):
    mlflow.log_metrics(metrics)

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"metrics": metrics}))
