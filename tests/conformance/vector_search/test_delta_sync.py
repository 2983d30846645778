"""Delta-sync indexes: they hold what their source table holds, once synced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
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


@pytest.mark.belief
def test_a_sync_reads_only_the_files_that_came_since_the_last_one(place: Place) -> None:
    client, name = place.client, f"{place.schema}.incremental"
    table = place.table("growing", *COLUMNS)
    path = folder(client, table)
    write_deltalake(path, rows(1, 2), mode="append")
    (first,) = Path(path).glob("*.parquet")
    write_deltalake(path, rows(3, 4), mode="append")
    create(client, name, place.endpoint, table)
    wait(client, name, online)
    first.rename(path + "/_kept")  # it cannot be read again

    write_deltalake(path, rows(5), mode="append")
    DeltaTable(path).delete("id = 3")
    write_deltalake(path, rows(6), mode="append")
    client.vector_search_indexes.sync_index(name)
    assert wait(client, name, online)["indexed_row_count"] == 5
    assert found(client, name, ["id"]) == [[1], [2], [4], [5], [6]]

    # A key that may be in a file that did not change takes a whole reading: here it fails.
    write_deltalake(path, rows(1), mode="append")
    client.vector_search_indexes.sync_index(name)
    failed = wait(client, name, lambda now: now["detailed_state"] == "ONLINE_PIPELINE_FAILED")
    assert failed["indexed_row_count"] == 5
    Path(path, "_kept").rename(first)
    DeltaTable(path).delete("id = 1")  # both of them
    client.vector_search_indexes.sync_index(name)
    assert wait(client, name, online)["indexed_row_count"] == 4

    # A table made anew under the name is another one, whatever its version.
    client.tables.delete(table)
    again = folder(client, place.table("growing", *COLUMNS))
    for one in range(12):
        write_deltalake(again, rows(100 + one), mode="append")
    client.vector_search_indexes.sync_index(name)
    assert wait(client, name, online)["indexed_row_count"] == 12
    client.vector_search_indexes.delete_index(name)


@pytest.mark.slow
@pytest.mark.belief
def test_many_rows_are_searched_approximately_and_the_recall_is_told(place: Place) -> None:
    client, name = place.client, f"{place.schema}.many"
    table = place.table("large", *COLUMNS)
    path, many, size = folder(client, table), 20_000, 16
    vectors = np.random.default_rng(1).standard_normal((many, size)).astype("f4")
    values = pa.array(vectors.ravel())
    given = {
        "id": pa.array(range(many), pa.int64()),
        "text": [f"text {one % 500}" for one in range(many)],
        "secret": [None] * many,
        "vector": pa.FixedSizeListArray.from_arrays(values, size).cast(pa.list_(pa.float32())),
    }
    write_deltalake(path, pa.table(given, schema=SHAPE), mode="append")
    create(client, name, place.endpoint, table, size=size)
    told = wait(client, name, online)["message"]
    assert told.startswith("Approximate search, recall at 10: ")
    assert float(told.split(": ")[1].split(" ")[0]) >= 0.97

    def nearest(number: int, **more: Any) -> list[Any]:
        got = client.vector_search_indexes.query_index(
            name, ["id"], query_vector=vectors[number].tolist(), **more
        )
        return [int(row[0]) for row in got.result.data_array]

    shares = []
    for number in range(0, many, 2000):
        apart = ((vectors - vectors[number]) ** 2).sum(1)
        shares.append(len({*np.argsort(apart)[:10]} & {*nearest(number, num_results=10)}) / 10)
    assert sum(shares) / len(shares) >= 0.9
    # A narrow filter finds all that it lets through.
    narrow = {"filters_json": json.dumps({"text": "text 7"}), "num_results": 50}
    assert sorted(nearest(0, **narrow)) == list(range(7, many, 500))
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
