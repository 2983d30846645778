# Databricks notebook source
import json

for name in ("catalog", "schema"):
    dbutils.widgets.text(name, "")
table = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}.numbers"

# COMMAND ----------

spark.range(10).write.mode("overwrite").saveAsTable(table)
dbutils.notebook.exit(json.dumps({"rows": spark.table(table).count()}))
