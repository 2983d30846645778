# Databricks notebook source
import json

import mlflow
from features import FEATURES

for name in ("catalog", "schema", "model_name"):
    dbutils.widgets.text(name, "")
catalog, schema = (dbutils.widgets.get(name) for name in ("catalog", "schema"))
mlflow.set_registry_uri("databricks-uc")

# COMMAND ----------

# The version that the last release let through.
model = mlflow.pyfunc.load_model(f"models:/{dbutils.widgets.get('model_name')}@champion")
trips = spark.table(f"{catalog}.{schema}.trips").toPandas()
trips["predicted_fare"] = model.predict(trips[FEATURES].astype(float))
table = f"{catalog}.{schema}.predictions"
spark.createDataFrame(trips).write.mode("overwrite").saveAsTable(table)
dbutils.notebook.exit(json.dumps({"rows": len(trips)}))
