# Databricks notebook source
import json

from features import sample_trips

for name in ("catalog", "schema"):
    dbutils.widgets.text(name, "")
table = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}.trips"

# COMMAND ----------

# Replace this by your own data.
trips = sample_trips()
spark.createDataFrame(trips).write.mode("overwrite").saveAsTable(table)
dbutils.notebook.exit(json.dumps({"rows": len(trips)}))
