"""Delta-sync indexes: they hold what their source table holds, once synced."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    EmbeddingVectorColumn,
    EndpointType,
    PipelineType,
    VectorIndexType,
)
from deltalake import DeltaTable, write_deltalake
from search_place import FLOATS, Place, folder, online, wait

pytestmark = pytest.mark.documented

COLUMNS = (("id", "long"), ("text", "string"), ("secret", "string"), ("vector", FLOATS))
SHAPE = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("secret", pa.string()),
        ("vector", pa.list_(pa.float32())),
    ]
)


def rows(*ids: int, text: str = "text") -> pa.Table:
    given = [{"id": id, "text": f"{text} {id}", "secret": "s", "vector": [id, 0]} for id in ids]
    return pa.Table.from_pylist(given, schema=SHAPE)


def create(client: WorkspaceClient, name: str, endpoint: str, table: str, **given: Any) -> None:
    vector = EmbeddingVectorColumn(name="vector", embedding_dimension=given.pop("size", 2))
    client.vector_search_indexes.create_index(
        name,
        endpoint,
        "id",
        VectorIndexType.DELTA_SYNC,
        delta_sync_index_spec=DeltaSyncVectorIndexSpecRequest(
            source_table=table,
            **{"pipeline_type": PipelineType.TRIGGERED, **given},
            embedding_vector_columns=[vector],
        ),
    )


def found(client: WorkspaceClient, name: str, columns: list[str]) -> list[Any]:
    got = client.vector_search_indexes.query_index(
        name, columns, query_vector=[0.0, 0.0], num_results=100
    )
    return [row[:-1] for row in got.result.data_array]


def test_a_triggered_index_follows_when_it_is_synced(place: Place) -> None:
    client, name = place.client, f"{place.schema}.triggered"
    table = place.table("source", *COLUMNS)
    path = folder(client, table)
    write_deltalake(path, rows(1, 2, 3), mode="append")
    create(client, name, place.endpoint, table, columns_to_sync=["text"])
    assert wait(client, name, online)["indexed_row_count"] == 3
    assert found(client, name, ["id", "text"]) == [[1, "text 1"], [2, "text 2"], [3, "text 3"]]
    with pytest.raises(InvalidParameterValue, match="no column secret"):
        found(client, name, ["secret"])
    with pytest.raises(InvalidParameterValue, match="follows a table"):
        client.vector_search_indexes.upsert_data_vector_index(name, "[]")

    write_deltalake(path, rows(4), mode="append")
    DeltaTable(path).delete("id <= 2")
    write_deltalake(path, rows(2, text="other"), mode="append")
    assert len(found(client, name, ["id"])) == 3  # as it was
    client.vector_search_indexes.sync_index(name)
    wait(client, name, online)
    assert found(client, name, ["id", "text"]) == [[2, "other 2"], [3, "text 3"], [4, "text 4"]]

    # What cannot be synced is said, and what was there stays.
    write_deltalake(path, rows(4), mode="append")
    client.vector_search_indexes.sync_index(name)
    failed = wait(client, name, lambda now: now["detailed_state"] == "ONLINE_PIPELINE_FAILED")
    assert "primary key id is not unique" in failed["message"]
    assert len(found(client, name, ["id"])) == 3
    client.vector_search_indexes.delete_index(name)


def test_a_first_sync_that_fails_says_why(place: Place) -> None:
    client, name = place.client, f"{place.schema}.failing"
    table = place.table("odd", *COLUMNS)
    write_deltalake(folder(client, table), rows(1, 2), mode="append")
    create(client, name, place.endpoint, table, size=3)
    failed = wait(client, name, lambda now: now["detailed_state"] == "OFFLINE_FAILED")
    assert (failed["ready"], "2 rows have a vector in vector" in failed["message"]) == (False, True)
    with pytest.raises(BadRequest, match="is not ready"):
        found(client, name, ["id"])
    client.vector_search_indexes.delete_index(name)


def test_a_continuous_index_follows_by_itself(place: Place) -> None:
    client, name = place.client, f"{place.schema}.continuous"
    table = place.table("stream", *COLUMNS)
    path = folder(client, table)
    create(client, name, place.endpoint, table, pipeline_type=PipelineType.CONTINUOUS)
    wait(client, name, lambda now: bool(now["ready"]))
    assert found(client, name, ["id"]) == []
    write_deltalake(path, rows(7, 8), mode="append")
    wait(client, name, lambda now: now["indexed_row_count"] == 2)
    assert found(client, name, ["id"]) == [[7], [8]]
    with pytest.raises(InvalidParameterValue, match="not of pipeline_type TRIGGERED"):
        client.vector_search_indexes.sync_index(name)
    client.vector_search_indexes.delete_index(name)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_a_kill(own_workspace: Any) -> None:
    client = own_workspace.client("dev")
    endpoint = "killed"
    client.vector_search_endpoints.create_endpoint_and_wait(endpoint, EndpointType.STANDARD)
    place = Place(client, "dev.default", endpoint)
    table = place.table("source", *COLUMNS)
    path = folder(client, table)
    write_deltalake(path, rows(*range(50)), mode="append")
    create(client, "dev.default.killed", endpoint, table)
    own_workspace.kill()  # in the middle of the first sync
    own_workspace.start()
    client = own_workspace.client("dev")
    wait(client, "dev.default.killed", online)
    assert len(found(client, "dev.default.killed", ["id"])) == 50

    write_deltalake(path, rows(99), mode="append")
    client.vector_search_indexes.sync_index("dev.default.killed")
    own_workspace.kill()
    own_workspace.start()
    client = own_workspace.client("dev")
    wait(client, "dev.default.killed", lambda now: now["indexed_row_count"] == 51)
    indexes = own_workspace.home / "catalogs" / "dev" / "indexes"
    assert len(list(indexes.iterdir())) == 1
    client.vector_search_indexes.delete_index("dev.default.killed")
    assert not list(indexes.iterdir())
