# Databricks notebook source
# MAGIC %md
# MAGIC # Ingest
# MAGIC Cuts the documents of `corpus/` into passages and merges them into the table `passages`.
# MAGIC What did not change stays as it is, so that the index has little to do.

# COMMAND ----------

import json
from pathlib import Path

from retrieval_agent.passages import read_library

dbutils.widgets.text("catalog", "")
dbutils.widgets.text("schema", "")
catalog = dbutils.widgets.get("catalog")
schema = dbutils.widgets.get("schema")
table = f"{catalog}.{schema}.passages"

# COMMAND ----------

spark.sql(f"""
    CREATE TABLE IF NOT EXISTS {table} (
        id STRING NOT NULL, page STRING, title STRING, section STRING, text STRING
    ) TBLPROPERTIES (delta.enableChangeDataFeed = true)
""")
passages = read_library(Path.cwd().parent / "corpus")
if not passages:
    raise FileNotFoundError("corpus/ holds no Markdown pages")
columns = "id STRING, page STRING, title STRING, section STRING, text STRING"
spark.createDataFrame([one.row() for one in passages], columns).createOrReplaceTempView("read")

# COMMAND ----------

known = {row.id for row in spark.table(table).select("id").collect()}
ids = {one.id for one in passages}
new, gone = len(ids - known), len(known - ids)
if new:
    spark.sql(f"""
        MERGE INTO {table} USING read ON {table}.id = read.id WHEN NOT MATCHED THEN INSERT *
    """)
if gone:
    spark.sql(f"DELETE FROM {table} WHERE id NOT IN (SELECT id FROM read)")
count = spark.table(table).count()
print(f"{table}: {count} passages, {new} of them new; {gone} are gone")

# COMMAND ----------

outcome = {"table": table, "passages": count, "new": new, "gone": gone}
dbutils.notebook.exit(json.dumps(outcome))
