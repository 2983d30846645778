"""Vector search indexes through the official SDK: what is kept of them and who may have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceConflict,
)
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    DirectAccessVectorIndexSpec,
    EmbeddingSourceColumn,
    EmbeddingVectorColumn,
    IndexSubtype,
    PipelineType,
    VectorIndexType,
    VectorSearchEndpointAccessControlRequest,
    VectorSearchEndpointPermissionLevel,
)
from search_place import FLOATS, Place

VECTOR = EmbeddingVectorColumn(name="vector", embedding_dimension=2)
DIRECT = DirectAccessVectorIndexSpec(
    schema_json='{"vector": "array<float>", "id": "long", "text": "string"}',
    embedding_vector_columns=[VECTOR],
)


def synced(table: str, **changes: Any) -> DeltaSyncVectorIndexSpecRequest:
    given = {"pipeline_type": PipelineType.TRIGGERED, "embedding_vector_columns": [VECTOR]}
    return DeltaSyncVectorIndexSpecRequest(source_table=table, **{**given, **changes})


def create_direct(place: Place, name: str, client: WorkspaceClient | None = None) -> Any:
    return (client or place.client).vector_search_indexes.create_index(
        f"{place.schema}.{name}",
        place.endpoint,
        "id",
        VectorIndexType.DIRECT_ACCESS,
        direct_access_index_spec=DIRECT,
    )


@pytest.mark.documented
def test_a_direct_access_index_is_kept_with_its_schema_normalized(place: Place) -> None:
    indexes = place.client.vector_search_indexes
    made = create_direct(place, "Kept")
    name = f"{place.schema}.kept"
    got = indexes.get_index(name)
    assert place.client.tables.exists(name).table_exists is False
    assert (got.name, got.endpoint_name, got.primary_key) == (name, place.endpoint, "id")
    assert got.index_subtype is IndexSubtype.HYBRID
    assert made.direct_access_index_spec == got.direct_access_index_spec
    schema = got.direct_access_index_spec.schema_json
    assert schema == '{"id":"bigint","text":"string","vector":"array<float>"}'
    assert got.status.index_url == (
        f"{place.client.config.host}/api/2.0/vector-search/indexes/{name}"
    )
    listed = {one.name: one for one in indexes.list_indexes(place.endpoint)}
    assert listed[name].index_type is VectorIndexType.DIRECT_ACCESS
    endpoint = place.client.vector_search_endpoints.get_endpoint(place.endpoint)
    assert endpoint.num_indexes == len(listed)
    assert got.endpoint_id == endpoint.id

    with pytest.raises(ResourceAlreadyExists):
        create_direct(place, "kept")
    indexes.delete_index(name)
    for gone in (indexes.get_index, indexes.delete_index):
        with pytest.raises(NotFound):
            gone(name)
    create_direct(place, "kept")
    indexes.delete_index(name)


@pytest.mark.recorded
def test_the_vector_search_client_finds_indexes_below_their_endpoint(place: Place) -> None:
    """Requests of `databricks-vectorsearch`, which the SDK does not send."""
    api, name = place.client.api_client, f"{place.schema}.below"
    base = f"/api/2.0/vector-search/endpoints/{place.endpoint}/indexes"
    spec = DIRECT.as_dict()
    body = {"name": name, "index_type": "DIRECT_ACCESS", "primary_key": "id"}
    made: Any = api.do("POST", base, body={**body, "direct_access_index_spec": spec})
    assert made["endpoint_name"] == place.endpoint
    assert api.do("GET", f"{base}/{name}") == made
    listed: Any = api.do("GET", base)
    assert name in {one["name"] for one in listed["vector_indexes"]}
    with pytest.raises(NotFound):
        api.do("GET", f"/api/2.0/vector-search/endpoints/other/indexes/{name}")
    api.do("DELETE", f"{base}/{name}")
    with pytest.raises(NotFound):
        place.client.vector_search_indexes.get_index(name)


@pytest.mark.documented
def test_an_index_that_cannot_be_is_refused_with_the_reason(place: Place) -> None:
    table = place.table("refused", ("id", "long"), ("text", "string"), ("vector", FLOATS))

    def create(
        name: str = f"{place.schema}.no", endpoint: str = place.endpoint, **spec: Any
    ) -> Any:
        return place.client.vector_search_indexes.create_index(
            name,
            endpoint,
            spec.pop("primary_key", "id"),
            VectorIndexType.DELTA_SYNC,
            delta_sync_index_spec=synced(spec.pop("source_table", table), **spec),
        )

    with pytest.raises(InvalidParameterValue, match="Only alphanumerics and underscores"):
        create(f"{place.schema}.not-a-name")
    with pytest.raises(NotFound, match="nowhere"):
        create(endpoint="nowhere")
    with pytest.raises(NotFound, match="no_such_schema"):
        create("dev.no_such_schema.no")
    with pytest.raises(NotFound, match="missing"):
        create(source_table=f"{place.schema}.missing")
    with pytest.raises(InvalidParameterValue, match="no column key; it has id, text, vector"):
        create(primary_key="key")
    wrong = EmbeddingVectorColumn(name="text", embedding_dimension=2)
    with pytest.raises(InvalidParameterValue, match="must be array<float>"):
        create(embedding_vector_columns=[wrong])
    text = EmbeddingSourceColumn(name="text", embedding_model_endpoint_name="nobody-embeds")
    with pytest.raises(InvalidParameterValue, match="nobody-embeds does not exist"):
        create(embedding_vector_columns=[], embedding_source_columns=[text])
    with pytest.raises(InvalidParameterValue, match="Give embedding_source_columns or"):
        create(embedding_vector_columns=[])
    with pytest.raises(ResourceConflict):
        create(table)
    with pytest.raises(NotFound):
        place.client.vector_search_indexes.get_index(f"{place.schema}.no")


@pytest.mark.documented
def test_an_index_has_the_privileges_of_a_table(
    place: Place, somebody: Callable[..., WorkspaceClient]
) -> None:
    name = f"{place.schema}.shared"
    create_direct(place, "shared")
    other = somebody()
    who = str(other.current_user.me().user_name)
    with pytest.raises(PermissionDenied):
        create_direct(place, "theirs", other)
    endpoint = place.client.vector_search_endpoints.get_endpoint(place.endpoint)
    place.client.vector_search_endpoints.update_permissions(
        str(endpoint.id),
        access_control_list=[
            VectorSearchEndpointAccessControlRequest(
                service_principal_name=who,
                permission_level=VectorSearchEndpointPermissionLevel.CAN_USE,
            )
        ],
    )
    grants = place.client.grants
    grants.update("table", name, changes=[PermissionsChange(principal=who, remove=[])])
    with pytest.raises(PermissionDenied, match="CREATE TABLE"):
        create_direct(place, "theirs", other)
    select = [PermissionsChange(principal=who, add=[Privilege.SELECT])]
    held = grants.update("table", name, changes=select).privilege_assignments
    assert json.loads(json.dumps([one.as_dict() for one in held])) == [
        {"principal": who, "privileges": ["SELECT"]}
    ]
    assert other.vector_search_indexes.get_index(name).name == name
    with pytest.raises(PermissionDenied):
        other.vector_search_indexes.delete_index(name)
    place.client.vector_search_indexes.delete_index(name)
    with pytest.raises(NotFound):
        grants.get("table", name)
