# Databricks notebook source
import json

from people import PEOPLE

for name in ("catalog", "schema"):
    dbutils.widgets.text(name, "")
table = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}.people"

# COMMAND ----------

# Replace this by your own table.
rows = [(one["id"], one["age"], one["email"]) for one in PEOPLE]
found = spark.createDataFrame(rows, "id INT, age DOUBLE, email STRING")
found.write.mode("overwrite").saveAsTable(table)
dbutils.notebook.exit(json.dumps({"rows": len(rows)}))
