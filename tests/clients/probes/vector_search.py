"""Vector search with databricks-vectorsearch, and the databricks-ai-search beneath it."""

from __future__ import annotations

import asyncio
import uuid
import warnings
from typing import Any

from place import HOST, SCHEMA, TOKEN, rest, unique, wait

warnings.simplefilter("ignore")
from databricks.vector_search.client import VectorSearchClient  # noqa: E402
from databricks.vector_search.exceptions import (  # noqa: E402
    BadRequest,
    NotFound,
    ResourceConflict,
)
from databricks.vector_search.reranker import DatabricksReranker  # noqa: E402

CLIENT = "databricks-vectorsearch"
QUICK = True
MODEL = "databricks-gte-large-en"
TEXTS = (
    (1, "A waterproof hiking boot for slippery trails", "shoes", 149.0),
    (2, "A warm down sleeping bag for freezing nights", "camping", 229.0),
    (3, "A burr grinder for fresh espresso beans", "kitchen", 89.0),
    (4, "An insulated bottle that keeps coffee hot all day", "kitchen", 29.0),
)

client = VectorSearchClient(workspace_url=HOST, personal_access_token=TOKEN, disable_notice=True)
endpoint = f"probe-{uuid.uuid4().hex[:8]}"
client.create_endpoint_and_wait(endpoint)


def sql(statement: str) -> Any:
    """A statement, run on a warehouse: how a source table is made and changed."""
    listed = rest("GET", "/api/2.0/sql/warehouses").get("warehouses")
    made = listed[0] if listed else rest("POST", "/api/2.0/sql/warehouses", {"name": unique()})
    body = {"warehouse_id": made["id"], "statement": statement, "wait_timeout": "50s"}
    answer = rest("POST", "/api/2.0/sql/statements", body)
    assert answer["status"]["state"] == "SUCCEEDED", answer
    return answer


def values(rows: Any) -> str:
    return ", ".join(f"({id}, '{text}', '{kind}', {price})" for id, text, kind, price in rows)


def table_of(rows: Any) -> str:
    name = f"{SCHEMA}.{unique('products')}"
    columns = "id BIGINT, text STRING, kind STRING, price DOUBLE"
    properties = "TBLPROPERTIES (delta.enableChangeDataFeed = true)"
    sql(f"CREATE TABLE {name} ({columns}) {properties}")
    sql(f"INSERT INTO {name} VALUES {values(rows)}")
    return name


def synced(index: Any, rows: int) -> None:
    def is_done() -> bool:
        status = index.describe()["status"]
        assert "FAILED" not in status["detailed_state"], status
        busy = not status["detailed_state"].startswith("ONLINE_NO_PENDING")
        return not busy and status["indexed_row_count"] == rows

    wait(is_done, limit_s=60, every_s=0.2)


def refused(kind: type[Exception], wrong: Any) -> Any:
    """The exception of this kind that a call raises."""
    try:
        wrong()
    except kind as fault:
        return fault
    raise AssertionError(f"no {kind.__name__}")


def ids(found: Any) -> list[int]:
    return [row[0] for row in found["result"]["data_array"]]


def direct() -> Any:
    schema = {"id": "long", "text": "string", "kind": "string", "v": "array<float>"}
    return client.create_direct_access_index(
        endpoint_name=endpoint,
        index_name=f"{SCHEMA}.{unique('direct')}",
        primary_key="id",
        embedding_dimension=2,
        embedding_vector_column="v",
        schema=schema,
    )


def probe_endpoints() -> None:
    """endpoints: create and wait, list, exist, policy, target QPS, stop, start, delete"""
    name = f"{endpoint}-b"
    client.create_endpoint_and_wait(name, "STANDARD", target_qps=5)
    assert client.endpoint_exists(name)
    assert not client.endpoint_exists(f"{name}-not")
    assert name in {one["name"] for one in client.list_endpoints()["endpoints"]}
    client.update_endpoint_budget_policy(name, usage_policy_id="policy")
    client.update_endpoint(name, target_qps=7)
    got = client.get_endpoint(name)
    assert got["budget_policy_id"] == "policy"
    assert got["scaling_info"]["requested_target_qps"] == 7
    client.stop_endpoint_and_wait(name)
    client.start_endpoint_and_wait(name)
    client.delete_endpoint(name)
    assert not client.endpoint_exists(name)


def probe_delta_sync_triggered() -> None:
    """delta sync, triggered: vectors by a model endpoint, sync of changed rows, query by text"""
    source = table_of(TEXTS)
    index = client.create_delta_sync_index_and_wait(
        endpoint_name=endpoint,
        index_name=f"{SCHEMA}.{unique('index')}",
        primary_key="id",
        source_table_name=source,
        pipeline_type="TRIGGERED",
        embedding_source_column="text",
        embedding_model_endpoint_name=MODEL,
        columns_to_sync=["kind"],
    )
    synced(index, 4)
    asked = {"query_text": "boots for slippery trails", "columns": ["id", "text"]}
    assert ids(index.similarity_search(num_results=1, **asked)) == [1]
    sql(f"UPDATE {source} SET text = 'boots for slippery trails' WHERE id = 2")
    sql(f"DELETE FROM {source} WHERE id = 3")
    sql(f"INSERT INTO {source} VALUES (5, 'A tent', 'camping', 1.0)")
    index.sync()
    synced(index, 4)
    found = index.similarity_search(num_results=10, **asked)
    assert ids(found)[0] == 2
    assert set(ids(found)) == {1, 2, 4, 5}
    assert found["result"]["data_array"][0][-1] > 0.99
    described = index.describe()
    assert described["delta_sync_index_spec"]["columns_to_sync"] == ["kind"]
    assert described["status"]["ready"]
    client.delete_index(index_name=index.name)


def probe_delta_sync_continuous() -> None:
    """delta sync, continuous: follows commits by itself; another model for queries"""
    source = table_of(TEXTS[:2])
    index = client.create_delta_sync_index_and_wait(
        endpoint_name=endpoint,
        index_name=f"{SCHEMA}.{unique('index')}",
        primary_key="id",
        source_table_name=source,
        pipeline_type="CONTINUOUS",
        embedding_source_column="text",
        embedding_model_endpoint_name=MODEL,
        model_endpoint_name_for_query="databricks-bge-large-en",
    )
    assert index.mlserving_endpoint_id_for_query is None
    sql(f"INSERT INTO {source} VALUES {values(TEXTS[2:])}")
    wait(lambda: index.describe()["status"]["indexed_row_count"] == 4, limit_s=60)
    found = index.similarity_search(["id"], query_text="espresso beans", num_results=1)
    assert ids(found) == [3]
    client.delete_index(index_name=index.name)


def probe_query_types() -> None:
    """queries: ANN, FULL_TEXT, HYBRID, query columns, score threshold, sorting, facets"""
    source = table_of(TEXTS)
    index = client.create_delta_sync_index_and_wait(
        endpoint_name=endpoint,
        index_name=f"{SCHEMA}.{unique('index')}",
        primary_key="id",
        source_table_name=source,
        pipeline_type="TRIGGERED",
        embedding_source_column="text",
        embedding_model_endpoint_name=MODEL,
    )
    for kind in ("ann", "full_text", "hybrid"):
        found = index.similarity_search(
            ["id"], query_text="fresh espresso", query_type=kind, num_results=2
        )
        assert ids(found)[0] == 3, kind
    assert found["manifest"]["columns"][-1]["name"] == "score"
    found = index.similarity_search(
        ["id"], query_text="kitchen", query_type="FULL_TEXT", query_columns=["kind"]
    )
    assert sorted(ids(found)) == [3, 4]
    assert not ids(index.similarity_search(["id"], query_text="espresso", score_threshold=0.999))
    found = index.similarity_search(
        ["id", "price"],
        query_text="a",
        sort_columns=["price DESC"],
        facets=["kind TOP 1", "price BUCKETS [[0,100]]"],
    )
    assert ids(found) == [2, 1, 3, 4]
    rows = found["facet_result"]["facet_array"]
    assert rows == [["kind", "kitchen", "2"], ["price", "[0,100]", "2"]]
    client.delete_index(index_name=index.name)


def probe_filters() -> None:
    """filters: as dictionaries and as texts"""
    index = direct()
    rows = [{"id": id, "text": t, "kind": k, "v": [id, 0]} for id, t, k, _ in TEXTS]
    assert index.upsert(rows)["status"] == "SUCCESS"

    def left(filters: Any) -> list[int]:
        return sorted(ids(index.similarity_search(["id"], query_vector=[0, 0], filters=filters)))

    assert left({"kind": ["shoes", "camping"]}) == [1, 2]
    assert left({"kind NOT": "kitchen", "id >=": 2}) == [2]
    assert left({"text LIKE": "warm"}) == [2]
    assert left({"kind OR id": ["shoes", 4]}) == [1, 4]
    assert left("kind = 'kitchen' AND id > 3") == [4]
    assert left("kind IN ('shoes') OR NOT id < 4") == [1, 4]
    client.delete_index(endpoint, index.name)


def probe_direct_access() -> None:
    """direct access: upsert, partial failure, delete, scan, pages of 1,000"""
    index = direct()
    index.upsert([{"id": n, "text": "t", "kind": "k", "v": [n, 1]} for n in range(2500)])
    found = index.similarity_search(["id"], query_vector=[0, 1], num_results=2200)
    assert found["result"]["row_count"] == 2200
    assert ids(found) == list(range(2200))
    wrong = index.upsert([{"id": 1, "v": [1, 2, 3]}, {"id": 2, "v": [5, 5]}])
    assert (wrong["status"], wrong["result"]["failed_primary_keys"]) == ("PARTIAL_SUCCESS", ["1"])
    assert index.delete([0, 1])["result"]["success_row_count"] == 2
    first = index.scan(num_results=2)
    assert first["last_primary_key"] == "3"
    second = index.scan(num_results=1, last_primary_key=3)
    assert second["data"][0]["fields"][0] == {"key": "id", "value": {"number_value": 4}}
    client.delete_index(endpoint, index.name)


def probe_reranking() -> None:
    """reranking: DatabricksReranker, the older columns_to_rerank, debug_info"""
    index = direct()
    index.upsert([{"id": id, "text": t, "kind": k, "v": [id, 0]} for id, t, k, _ in TEXTS])
    asked = {"query_vector": [0, 0], "query_text": "hot coffee bottle", "num_results": 2}
    reranker = DatabricksReranker(columns_to_rerank=["text", "kind"])
    found = index.similarity_search(["id"], reranker=reranker, debug_level=1, **asked)
    assert ids(found)[0] == 4
    assert "warnings" not in found["debug_info"]
    assert found["debug_info"]["reranker_time"] >= 0
    assert ids(index.similarity_search(["id"], columns_to_rerank=["text"], **asked))[0] == 4
    client.delete_index(endpoint, index.name)


def probe_control() -> None:
    """indexes: get, list, exist, describe, policy, payload logging; errors as its exceptions"""
    index = direct()
    assert client.index_exists(endpoint, index.name)
    assert not client.index_exists(endpoint, f"{SCHEMA}.nothing")
    listed = client.list_indexes(endpoint)["vector_indexes"]
    assert index.name in {one["name"] for one in listed}
    client.update_index_usage_policy(index.name, "policy")
    assert client.update_index_payload_logging(index.name, True)["payload_logging_enabled"]
    again = client.get_index(index_name=index.name)
    again.wait_until_ready(wait_for_updates=True)
    assert again.describe()["usage_policy_id"] == "policy"
    for fault, wrong in (
        (NotFound, lambda: client.get_index(endpoint, f"{SCHEMA}.nothing")),
        (BadRequest, lambda: index.similarity_search(["nope"], query_vector=[0, 0])),
        (BadRequest, index.sync),
        (ResourceConflict, lambda: client.create_endpoint(endpoint)),
    ):
        assert refused(fault, wrong).error_code
    client.delete_index(endpoint, index.name)


def probe_service_principal() -> None:
    """OAuth of a service principal: tokens for control, for reads, for writes"""
    made = rest("POST", "/api/2.0/preview/scim/v2/ServicePrincipals", {"displayName": unique()})
    kept = rest("POST", f"/api/2.0/accounts/servicePrincipals/{made['id']}/credentials/secrets")
    theirs = VectorSearchClient(
        workspace_url=HOST,
        service_principal_client_id=made["applicationId"],
        service_principal_client_secret=kept["secret"],
        disable_notice=True,
    )
    index = direct()
    index.upsert([{"id": 1, "text": "t", "kind": "k", "v": [1, 1]}])
    change = {"principal": made["applicationId"], "add": ["SELECT", "MODIFY"]}
    path = f"/api/2.1/unity-catalog/permissions/table/{index.name}"
    rest("PATCH", path, {"changes": [change]})
    granted = theirs.get_index(index_name=index.name)
    assert granted.index_url.startswith(HOST)
    assert ids(granted.similarity_search(["id"], query_vector=[1, 1])) == [1]
    assert granted.upsert([{"id": 2, "v": [2, 2]}])["status"] == "SUCCESS"
    client.delete_index(endpoint, index.name)


def probe_async() -> None:
    """the asynchronous index: upsert, search, describe"""
    made = direct()

    async def used() -> list[int]:
        async with client.get_async_index(endpoint, made.name) as index:
            await index.upsert([{"id": 7, "text": "t", "kind": "k", "v": [1, 1]}])
            found = await index.similarity_search(["id"], query_vector=[1, 1])
            assert (await index.describe())["name"] == made.name
            return ids(found)

    assert asyncio.run(used()) == [7]
    client.delete_index(endpoint, made.name)


def probe_many_threads() -> None:
    """one index object searched by many threads at once"""
    from concurrent.futures import ThreadPoolExecutor

    index = direct()
    index.upsert([{"id": n, "text": "t", "kind": "k", "v": [n, n]} for n in range(50)])

    def asked(number: int) -> bool:
        return ids(index.similarity_search(["id"], query_vector=[number] * 2))[0] == number

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(asked, list(range(50)) * 2))
    client.delete_index(endpoint, index.name)
