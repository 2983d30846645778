# Databricks notebook source
import json
import time

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    EmbeddingVectorColumn,
    PipelineType,
    VectorIndexType,
)
from passages import PASSAGES, SIZE, embed

for name in ("catalog", "schema", "endpoint"):
    dbutils.widgets.text(name, "")
catalog, schema = (dbutils.widgets.get(name) for name in ("catalog", "schema"))
table, index = f"{catalog}.{schema}.passages", f"{catalog}.{schema}.passages_index"

# COMMAND ----------

spark.sql(
    f"CREATE TABLE IF NOT EXISTS {table} (id STRING, text STRING, vector ARRAY<FLOAT>)"
    " TBLPROPERTIES (delta.enableChangeDataFeed = true)"
)
rows = [(key, text, embed(text)) for key, text in PASSAGES.items()]
found = spark.createDataFrame(rows, "id STRING, text STRING, vector ARRAY<FLOAT>")
found.write.mode("overwrite").insertInto(table)

# COMMAND ----------

client = WorkspaceClient()
try:
    client.vector_search_indexes.get_index(index)
    client.vector_search_indexes.sync_index(index)
except NotFound:
    client.vector_search_indexes.create_index(
        name=index,
        endpoint_name=dbutils.widgets.get("endpoint"),
        primary_key="id",
        index_type=VectorIndexType.DELTA_SYNC,
        delta_sync_index_spec=DeltaSyncVectorIndexSpecRequest(
            source_table=table,
            pipeline_type=PipelineType.TRIGGERED,
            embedding_vector_columns=[
                EmbeddingVectorColumn(name="vector", embedding_dimension=SIZE)
            ],
        ),
    )
give_up_at = time.monotonic() + 1800
while True:
    status = client.vector_search_indexes.get_index(index).status
    if status.ready and (status.indexed_row_count or 0) >= len(rows):
        break
    if time.monotonic() > give_up_at:
        raise TimeoutError(f"{index} is not ready: {status.message}")
    time.sleep(1)

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"index": index, "rows": len(rows)}))
