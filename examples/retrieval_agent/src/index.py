# Databricks notebook source
# MAGIC %md
# MAGIC # Index
# MAGIC Makes the delta-sync index over the passages the first time and syncs it the others. Waits
# MAGIC until it answers with every row of the table.

# COMMAND ----------

import json
import time

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    EmbeddingSourceColumn,
    PipelineType,
    VectorIndexType,
)

names = ("catalog", "schema", "search_endpoint", "embedding_endpoint")
for name in names:
    dbutils.widgets.text(name, "")
catalog, schema, search_endpoint, embedding_endpoint = (dbutils.widgets.get(name) for name in names)
table, index = f"{catalog}.{schema}.passages", f"{catalog}.{schema}.passages_index"
LIMIT_S = 3600

# COMMAND ----------

client = WorkspaceClient()
expected = spark.table(table).count()
client.vector_search_endpoints.wait_get_endpoint_vector_search_endpoint_online(search_endpoint)
try:
    client.vector_search_indexes.get_index(index)
    client.vector_search_indexes.sync_index(index)
except NotFound:
    embedded = EmbeddingSourceColumn(name="text", embedding_model_endpoint_name=embedding_endpoint)
    client.vector_search_indexes.create_index(
        index,
        search_endpoint,
        "id",
        VectorIndexType.DELTA_SYNC,
        delta_sync_index_spec=DeltaSyncVectorIndexSpecRequest(
            source_table=table,
            pipeline_type=PipelineType.TRIGGERED,
            embedding_source_columns=[embedded],
        ),
    )

# COMMAND ----------

give_up_at = time.monotonic() + LIMIT_S
while True:
    got = client.api_client.do("GET", f"/api/2.0/vector-search/indexes/{index}")["status"]
    state = got.get("detailed_state", "")
    if "FAILED" in state:
        raise RuntimeError(f"{index} could not be synced: {got.get('message')}")
    if state == "ONLINE_NO_PENDING_UPDATE" and got.get("indexed_row_count") == expected:
        break
    if time.monotonic() > give_up_at:
        raise TimeoutError(f"{index} is {state} with {got.get('indexed_row_count')} rows")
    time.sleep(1)
print(f"{index}: {expected} passages")

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"index": index, "rows": expected}))
