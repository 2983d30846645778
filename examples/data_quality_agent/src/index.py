# Databricks notebook source
# MAGIC %md
# MAGIC # Index
# MAGIC Writes what is known (the data dictionary, rules of other tables) to a table, and brings the
# MAGIC vector index that the agent searches up to date with it. The table is merged into, with its
# MAGIC change feed on, so that only what has changed is embedded again.

# COMMAND ----------

import json
from dataclasses import asdict

from databricks.sdk import WorkspaceClient

from data_quality_agent.indexing import up_to_date
from data_quality_agent.knowledge import read_entries

names = ("catalog", "schema", "endpoint", "embedding_endpoint")
for name in names:
    dbutils.widgets.text(name, "")
catalog, schema, endpoint, embedding_endpoint = (dbutils.widgets.get(name) for name in names)
table = f"{catalog}.{schema}.knowledge"
index = f"{table}_index"

# COMMAND ----------

spark.sql(
    f"CREATE TABLE IF NOT EXISTS {catalog}.{schema}.knowledge"
    " (id STRING NOT NULL, kind STRING, subject STRING, text STRING, content STRING)"
    " TBLPROPERTIES (delta.enableChangeDataFeed = true)"
)
entries = spark.createDataFrame([asdict(entry) for entry in read_entries()])
entries.createOrReplaceTempView("entries")
spark.sql(
    f"""
    MERGE INTO {catalog}.{schema}.knowledge AS old USING entries AS new ON old.id = new.id
    WHEN MATCHED AND (old.text <> new.text OR old.content <> new.content) THEN UPDATE SET *
    WHEN NOT MATCHED THEN INSERT *
    WHEN NOT MATCHED BY SOURCE THEN DELETE
    """
)

# COMMAND ----------

rows = up_to_date(
    WorkspaceClient(),
    index=index,
    table=table,
    endpoint=endpoint,
    embedding_endpoint=embedding_endpoint,
    expected=spark.table(table).count(),
)
print(f"{index}: {rows} rows")
dbutils.notebook.exit(json.dumps({"index": index, "rows": rows}))
