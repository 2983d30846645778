"""Making the vector index, or bringing it up to date, and waiting for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

LONGEST_S = 1800.0


def up_to_date(
    client: WorkspaceClient,
    *,
    index: str,
    table: str,
    endpoint: str,
    embedding_endpoint: str,
    expected: int,
    longest_s: float = LONGEST_S,
) -> int:
    """The number of rows in the index once it follows the table. Raises TimeoutError."""
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service import vectorsearch as vs

    api = client.vector_search_indexes
    try:
        api.get_index(index)
        api.sync_index(index)
    except NotFound:
        source = vs.EmbeddingSourceColumn(
            name="text", embedding_model_endpoint_name=embedding_endpoint
        )
        api.create_index(
            name=index,
            endpoint_name=endpoint,
            primary_key="id",
            index_type=vs.VectorIndexType.DELTA_SYNC,
            delta_sync_index_spec=vs.DeltaSyncVectorIndexSpecRequest(
                source_table=table,
                pipeline_type=vs.PipelineType.TRIGGERED,
                embedding_source_columns=[source],
            ),
        )
    give_up_at = time.monotonic() + longest_s
    while True:
        status = api.get_index(index).status
        rows = int(status.indexed_row_count or 0) if status else 0
        if status and status.ready and rows == expected:
            return rows
        if time.monotonic() > give_up_at:
            told = (status.message if status else "") or "it does not say why"
            raise TimeoutError(f"{index} has {rows} of {expected} rows: {told}")
        time.sleep(1)
