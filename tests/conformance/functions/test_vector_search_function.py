"""`vector_search()` in SQL. Follows "vector_search function" of the Databricks SQL reference."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    DirectAccessVectorIndexSpec,
    EmbeddingSourceColumn,
    EmbeddingVectorColumn,
    EndpointType,
    PipelineType,
    VectorIndexType,
)
from tests.conformance.functions.conftest import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def endpoint(workspace: Any) -> Iterator[str]:
    client, name = workspace.client(), f"vs-{uuid.uuid4().hex[:8]}"
    client.vector_search_endpoints.create_endpoint_and_wait(name, EndpointType.STANDARD)
    yield name
    client.vector_search_endpoints.delete_endpoint(name)


@pytest.fixture(scope="module")
def by_text(workspace: Any, run: Run, schema: str, endpoint: str) -> str:
    """An index that embeds the texts of a table."""
    name = f"{schema}.by_text"
    run(
        f"CREATE TABLE {schema}.docs AS SELECT * FROM VALUES (1, 'red apples grow on trees'), "
        "(2, 'bridges are of steel'), (3, 'the sea is deep') AS t(id, txt)"
    )
    run(f"ALTER TABLE {schema}.docs SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    client = workspace.client()
    column = EmbeddingSourceColumn(
        name="txt", embedding_model_endpoint_name="databricks-gte-large-en"
    )
    client.vector_search_indexes.create_index(
        name,
        endpoint,
        "id",
        VectorIndexType.DELTA_SYNC,
        delta_sync_index_spec=DeltaSyncVectorIndexSpecRequest(
            source_table=f"{schema}.docs",
            pipeline_type=PipelineType.TRIGGERED,
            embedding_source_columns=[column],
        ),
    )
    for _ in range(240):
        if client.vector_search_indexes.get_index(name).status.ready:
            break
        time.sleep(0.25)
    return name


@pytest.mark.documented
def test_rows_are_found_by_text(run: Run, by_text: str) -> None:
    called = f"vector_search(index => '{by_text}', query_text => 'apples', num_results => 1)"
    assert run(f"SELECT id, txt FROM {called}") == [["1", "red apples grow on trees"]]
    scored = run(f"SELECT s.search_score > 0 FROM {called} AS s WHERE s.id = 1")
    assert scored == [["true"]]
    hybrid = run(
        f"SELECT id FROM vector_search(index => '{by_text}', query_text => 'steel', "
        "query_type => 'HYBRID', num_results => 1)"
    )
    assert hybrid == [["2"]]


@pytest.mark.documented
@pytest.mark.parametrize("shape", ["(SELECT * FROM {})", "{}"])
def test_a_lateral_query_searches_for_each_row(run: Run, by_text: str, shape: str) -> None:
    called = f"vector_search(index => '{by_text}', query_text => q.t, num_results => 1)"
    rows = run(
        "SELECT q.t, s.id FROM VALUES ('apples'), ('sea') AS q(t), "
        f"LATERAL {shape.format(called)} AS s ORDER BY 1"
    )
    assert rows == [["apples", "1"], ["sea", "3"]]


@pytest.mark.documented
def test_rows_are_found_by_vector(workspace: Any, run: Run, schema: str, endpoint: str) -> None:
    client, name = workspace.client(), f"{schema}.by_vector"
    kinds = {"id": "int", "day": "date", "vec": "array<float>"}
    client.vector_search_indexes.create_index(
        name,
        endpoint,
        "id",
        VectorIndexType.DIRECT_ACCESS,
        direct_access_index_spec=DirectAccessVectorIndexSpec(
            schema_json=json.dumps(kinds),
            embedding_vector_columns=[EmbeddingVectorColumn(name="vec", embedding_dimension=2)],
        ),
    )
    rows = [{"id": at, "day": f"2024-01-0{at + 1}", "vec": [at, 1]} for at in range(3)]
    client.vector_search_indexes.upsert_data_vector_index(name, json.dumps(rows))
    found = run(
        f"SELECT id, day, search_score FROM vector_search(index => '{name}', "
        "query_vector => array(2, 1), num_results => 2)"
    )
    assert found == [["2", "2024-01-03", "1.0"], ["1", "2024-01-02", "0.5"]]
    text = run(f"SELECT * FROM vector_search(index => '{name}', query_text => 'x')")
    assert "query_vector is required" in text


@pytest.mark.documented
def test_what_cannot_be_searched_is_said(run: Run, by_text: str) -> None:
    assert "does not exist" in run(
        "SELECT * FROM vector_search(index => 'dev.default.nope', query_text => 'x')"
    )
    assert "not the argument" in run(f"SELECT * FROM vector_search('{by_text}', 'x')")
    assert "give query_text or query_vector" in run(
        f"SELECT * FROM vector_search(index => '{by_text}')"
    )
    assert "between 1 and 100" in run(
        f"SELECT * FROM vector_search(index => '{by_text}', query_text => 'x', num_results => 0)"
    )
