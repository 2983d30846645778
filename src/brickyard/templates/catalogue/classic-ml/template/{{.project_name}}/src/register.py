# Databricks notebook source
import json

import mlflow
from features import FEATURES, LABEL, split
from sklearn.linear_model import LinearRegression

for name in ("catalog", "schema", "model_name", "experiment_id"):
    dbutils.widgets.text(name, "")
catalog, schema = (dbutils.widgets.get(name) for name in ("catalog", "schema"))
mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment(experiment_id=dbutils.widgets.get("experiment_id"))

# COMMAND ----------

learn, _ = split(spark.table(f"{catalog}.{schema}.trips").toPandas())
model = LinearRegression().fit(learn[FEATURES], learn[LABEL])

with mlflow.start_run(run_name="register"):
    mlflow.log_param("rows", len(learn))
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        input_example=learn[FEATURES].head(3).astype(float),
        registered_model_name=dbutils.widgets.get("model_name"),
    )

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"model_version": str(logged.registered_model_version)}))
