# Databricks notebook source
import json

from sample import ORDERS

for name in ("catalog", "schema"):
    dbutils.widgets.text(name, "")
catalog, schema = (dbutils.widgets.get(name) for name in ("catalog", "schema"))

# COMMAND ----------

kept = spark.table(f"{catalog}.{schema}.orders").count()
days = spark.table(f"{catalog}.{schema}.orders_by_day").count()
metrics = {"kept": kept / len(ORDERS), "days": days}
print(metrics)

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"metrics": metrics}))
