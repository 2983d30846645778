"""A direct access index: written, searched in every way, scanned, emptied."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.vectorsearch import (
    DirectAccessVectorIndexSpec,
    EmbeddingVectorColumn,
    EndpointType,
    RerankerConfig,
    RerankerConfigRerankerParameters,
    VectorIndexType,
)
from search_place import Place

SCHEMA = {
    "id": "long",
    "title": "string",
    "lang": "string",
    "pages": "integer",
    "day": "date",
    "vector": "array<float>",
}
ROWS: list[dict[str, Any]] = [
    {"id": 1, "title": "red brick wall", "lang": "en", "pages": 10, "vector": [0, 0]},
    {"id": 2, "title": "blue roof", "lang": "en", "pages": 20, "vector": [1, 0]},
    {"id": 3, "title": "mur de brique", "lang": "fr", "pages": 30, "vector": [0, 2]},
    {"id": 4, "title": "brick oven", "lang": "it", "pages": 40, "vector": [5, 5]},
]


def spec(schema: dict[str, str] | None = None) -> DirectAccessVectorIndexSpec:
    return DirectAccessVectorIndexSpec(
        schema_json=json.dumps(schema or SCHEMA),
        embedding_vector_columns=[EmbeddingVectorColumn(name="vector", embedding_dimension=2)],
    )


@pytest.fixture(scope="module")
def index(place: Place) -> Iterator[str]:
    name = f"{place.schema}.walls"
    indexes = place.client.vector_search_indexes
    indexes.create_index(
        name,
        place.endpoint,
        "id",
        VectorIndexType.DIRECT_ACCESS,
        direct_access_index_spec=spec(),
    )
    written = indexes.upsert_data_vector_index(name, json.dumps(ROWS))
    assert (written.status.value, written.result.success_row_count) == ("SUCCESS", 4)
    yield name
    indexes.delete_index(name)


@pytest.fixture
def ask(place: Place, index: str) -> Callable[..., Any]:
    """Sends a query as the SDK does; gives the rows of its answer."""

    def send(columns: list[str] | None = None, **given: Any) -> Any:
        body = {"columns": columns or ["id"], **given}
        url = f"/api/2.0/vector-search/indexes/{index}/query"
        answer: Any = place.client.api_client.do("POST", url, body=body)
        return answer["result"]["data_array"]

    return send


def ids(rows: list[list[Any]]) -> list[int]:
    return [row[0] for row in rows]


@pytest.mark.documented
def test_the_nearest_come_first_with_their_scores(place: Place, index: str) -> None:
    got = place.client.vector_search_indexes.query_index(
        index, ["title", "day", "vector"], query_vector=[0.0, 0.0], num_results=3
    )
    names = [one.name for one in got.manifest.columns]
    assert got.manifest.columns[0].as_dict() == {"name": "title"}  # as databricks-langchain needs
    assert (names, got.manifest.column_count) == (["title", "day", "vector", "score"], 4)
    assert got.result.row_count == 3
    assert [row[0] for row in got.result.data_array] == [row["title"] for row in ROWS[:3]]
    assert [row[3] for row in got.result.data_array] == [1.0, 0.5, 0.2]
    assert got.result.data_array[2][1:3] == [None, [0.0, 2.0]]


@pytest.mark.documented
def test_queries_are_filtered(ask: Callable[..., Any]) -> None:
    def left(filters: dict[str, Any]) -> set[int]:
        return set(ids(ask(query_vector=[0, 0], filters_json=json.dumps(filters))))

    assert left({"lang": "en"}) == {1, 2}
    assert left({"lang": ["fr", "it"]}) == {3, 4}
    assert left({"lang NOT": "en"}) == {3, 4}
    assert left({"pages >=": 20, "pages <": 40}) == {2, 3}
    assert left({"title LIKE": "brick"}) == {1, 4}  # a word, not a part of one
    assert left({"lang OR pages": ["fr", 10]}) == {1, 3}
    assert left({"title": "it's"}) == set()
    assert set(ids(ask(query_vector=[0, 0], filter_string='lang = "en" AND pages > 10'))) == {2}
    assert set(ids(ask(query_vector=[0, 0], filter_string="lang IN ('fr') OR pages = 10"))) == {
        1,
        3,
    }
    assert ids(ask(query_vector=[0, 0], score_threshold=0.4)) == [1, 2]
    for wrong in (
        {"filters_json": '{"nope": 1}'},
        {"filters_json": "{"},
        {"filters_json": '{"pages <": "x"}'},
        {"filter_string": "nope = 1"},
        {"filter_string": "id IN (SELECT 1)"},
        {"filter_string": "1 = 1; DROP TABLE x"},
    ):
        with pytest.raises(InvalidParameterValue):
            ask(query_vector=[0, 0], **wrong)


@pytest.mark.documented
def test_words_are_found_alone_and_with_vectors(ask: Callable[..., Any]) -> None:
    assert set(ids(ask(query_text="brick", query_type="FULL_TEXT"))) == {1, 4}
    assert ids(ask(query_text="en", query_type="FULL_TEXT", query_columns=["title"])) == []
    both = ask(query_text="brick oven", query_vector=[0, 0], query_type="hybrid")
    assert set(ids(both)) == {1, 2, 3, 4}
    assert both[0][0] in (1, 4)
    assert both[0][1] > both[-1][1] > 0
    assert both[0][1] <= 1
    filters = json.dumps({"lang": "it"})
    both = ask(query_text="brick", query_vector=[0, 0], query_type="HYBRID", filters_json=filters)
    assert both == [[4, 1.0]]


@pytest.mark.documented
def test_a_query_that_cannot_be_answered_says_why(ask: Callable[..., Any]) -> None:
    for given, why in (
        ({"query_vector": [1, 2, 3]}, "dim"),
        ({"query_text": "x"}, "query_vector is required"),
        ({"query_vector": [0, 0], "columns": ["nope"]}, "no column nope"),
        ({"query_vector": [0, 0], "query_type": "HYBRID"}, "query_text is required"),
        ({"query_vector": [0, 0], "query_type": "KNN"}, "must be one of ANN"),
        ({"query_vector": [0, 0], "num_results": 0}, "between 1 and"),
        ({"query_vector": [0, 0], "facets": ["nope"]}, "no column nope"),
        ({"query_vector": [0, 0], "sort_columns": ["nope DESC"]}, "no column nope"),
        ({"query_vector": [0, 0], "columns_to_rerank": ["title"]}, "query_text is required"),
    ):
        with pytest.raises(InvalidParameterValue, match=why):
            ask(**given)


@pytest.mark.documented
def test_results_are_reranked_sorted_and_counted(
    place: Place, index: str, ask: Callable[..., Any]
) -> None:
    texts = RerankerConfigRerankerParameters(columns_to_rerank=["title"])
    base = RerankerConfig(model="databricks_reranker", parameters=texts)
    text = "ovens of bricks"  # the farthest by its vector
    for how in ({"reranker": base.as_dict()}, {"columns_to_rerank": ["title"]}):
        found = ask(query_text=text, query_vector=[0, 0], num_results=2, **how)
        assert ids(found) == [4, 1]
    wrong = {"reranker": {**base.as_dict(), "model": "other"}}
    with pytest.raises(InvalidParameterValue, match="must be 'databricks_reranker'"):
        ask(query_text=text, query_vector=[0, 0], **wrong)

    got = place.client.vector_search_indexes.query_index(
        index,
        ["id", "lang"],
        query_vector=[0, 0],
        sort_columns=["lang DESC", "id DESC"],
        facets=["lang TOP 1", "pages BUCKETS [[10,20],[40,90]]"],
    )
    assert [row[0] for row in got.result.data_array] == [4, 3, 2, 1]
    assert [one.name for one in got.manifest.facet_columns][2] == "count"
    assert got.facet_result.facet_array == [
        ["lang", "en", "2"],
        ["pages", "[10,20]", "2"],
        ["pages", "[40,90]", "1"],
    ]


@pytest.mark.documented
def test_rows_are_scanned_changed_and_deleted(place: Place) -> None:
    indexes, name = place.client.vector_search_indexes, f"{place.schema}.changing"
    indexes.create_index(
        name, place.endpoint, "id", VectorIndexType.DIRECT_ACCESS, direct_access_index_spec=spec()
    )
    indexes.upsert_data_vector_index(name, json.dumps(ROWS))
    first = indexes.scan_index(name, num_results=3)
    assert first.last_primary_key == "3"
    row = {one.key: one.value for one in first.data[0].fields}
    assert (row["id"].number_value, row["title"].string_value) == (1, "red brick wall")
    rest = indexes.scan_index(name, num_results=3, last_primary_key=first.last_primary_key)
    assert [rest.last_primary_key, len(rest.data)] == ["4", 1]
    assert not indexes.scan_index(name, last_primary_key="4").data

    day = {"id": 2, "title": "green roof", "day": "2026-01-31", "vector": [1, 0]}
    wrong = {"id": 9, "title": "x", "vector": [1, 2, 3]}
    written = indexes.upsert_data_vector_index(name, json.dumps([day, wrong]))
    assert written.status.value == "PARTIAL_SUCCESS"
    assert written.result.as_dict() == {"success_row_count": 1, "failed_primary_keys": ["9"]}
    got = indexes.query_index(name, ["title", "day"], query_vector=[1.0, 0.0], num_results=1)
    assert got.result.data_array == [["green roof", "2026-01-31", 1.0]]
    assert indexes.get_index(name).status.indexed_row_count == 4

    gone = indexes.delete_data_vector_index(name, ["1", "2"])
    assert (gone.status.value, gone.result.success_row_count) == ("SUCCESS", 2)
    assert indexes.get_index(name).status.indexed_row_count == 2
    with pytest.raises(InvalidParameterValue, match="not of pipeline_type TRIGGERED"):
        indexes.sync_index(name)
    indexes.delete_index(name)
    with pytest.raises(NotFound):
        indexes.query_index(name, ["id"], query_vector=[0.0, 0.0])


@pytest.mark.documented
def test_many_results_come_in_pages(place: Place) -> None:
    indexes, name = place.client.vector_search_indexes, f"{place.schema}.many"
    indexes.create_index(
        name, place.endpoint, "id", VectorIndexType.DIRECT_ACCESS, direct_access_index_spec=spec()
    )
    rows = [{"id": one, "vector": [one, 0]} for one in range(2100)]
    indexes.upsert_data_vector_index(name, json.dumps(rows))
    got = indexes.query_index(name, ["id"], query_vector=[0.0, 0.0], num_results=2050)
    found = [row[0] for row in got.result.data_array]
    while got.next_page_token:
        got = indexes.query_next_page(name, page_token=got.next_page_token)
        assert got.result.row_count <= 1000
        found += [row[0] for row in got.result.data_array]
    assert found == list(range(2050))
    indexes.delete_index(name)


@pytest.mark.documented
def test_searching_and_writing_take_their_privileges(
    place: Place, somebody: Callable[..., WorkspaceClient]
) -> None:
    """In a catalog of its own: everybody may read the workspace's."""
    client, other = place.client, somebody()
    theirs, who = other.vector_search_indexes, str(other.current_user.me().user_name)
    catalog = place.schema.split(".")[1]
    client.catalogs.create(catalog)
    name = f"{catalog}.default.walls"
    client.vector_search_indexes.create_index(
        name, place.endpoint, "id", VectorIndexType.DIRECT_ACCESS, direct_access_index_spec=spec()
    )

    def grant(kind: str, what: str, *privileges: Privilege) -> None:
        changes = [PermissionsChange(principal=who, add=list(privileges))]
        client.grants.update(kind, what, changes=changes)

    with pytest.raises(PermissionDenied):
        theirs.get_index(name)
    grant("catalog", catalog, Privilege.USE_CATALOG, Privilege.USE_SCHEMA)
    with pytest.raises(PermissionDenied, match="SELECT"):
        theirs.query_index(name, ["id"], query_vector=[0.0, 0.0])
    grant("table", name, Privilege.SELECT)
    assert theirs.query_index(name, ["id"], query_vector=[0.0, 0.0]).result.row_count == 0
    with pytest.raises(PermissionDenied, match="MODIFY"):
        theirs.upsert_data_vector_index(name, "[]")
    with pytest.raises(PermissionDenied, match="MODIFY"):
        theirs.delete_data_vector_index(name, ["1"])
    grant("table", name, Privilege.MODIFY)
    theirs.upsert_data_vector_index(name, json.dumps(ROWS))
    assert theirs.query_index(name, ["id"], query_vector=[0.0, 0.0]).result.row_count == 4
    taken = [PermissionsChange(principal=who, remove=[Privilege.SELECT])]
    client.grants.update("table", name, changes=taken)
    with pytest.raises(PermissionDenied, match="SELECT"):  # at once: nothing is remembered
        theirs.query_index(name, ["id"], query_vector=[0.0, 0.0])
    client.catalogs.delete(catalog, force=True)
    with pytest.raises(NotFound):
        client.vector_search_indexes.get_index(name)


@pytest.mark.recorded
def test_an_index_goes_with_its_endpoint(place: Place) -> None:
    """Made anew under the same name, an endpoint does not have the indexes of the old one."""
    client, endpoint, name = place.client, place.endpoint + "-gone", f"{place.schema}.left"
    for again in (False, True):
        client.vector_search_endpoints.create_endpoint_and_wait(endpoint, EndpointType.STANDARD)
        if again:
            break
        client.vector_search_indexes.create_index(
            name,
            endpoint,
            "id",
            VectorIndexType.DIRECT_ACCESS,
            direct_access_index_spec=spec(),
        )
        client.vector_search_endpoints.delete_endpoint(endpoint)
    with pytest.raises(NotFound, match="is gone"):
        client.vector_search_indexes.query_index(name, ["id"], query_vector=[0.0, 0.0])
    assert not list(client.vector_search_indexes.list_indexes(endpoint))
    client.vector_search_indexes.delete_index(name)
    client.vector_search_endpoints.delete_endpoint(endpoint)
