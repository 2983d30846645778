"""Vector search endpoints through the official SDK: kept, changed, shared."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service.vectorsearch import (
    CustomTag,
    DirectAccessVectorIndexSpec,
    EmbeddingVectorColumn,
    EndpointStatusState,
    EndpointType,
    VectorIndexType,
    VectorSearchEndpointAccessControlRequest,
    VectorSearchEndpointPermissionLevel,
)


@pytest.fixture
def name() -> str:
    return f"vs-{uuid.uuid4().hex[:8]}"


@pytest.mark.documented
def test_an_endpoint_is_kept_and_changed_in_part(workspace: Any, name: str) -> None:
    client = workspace.client("dev")
    endpoints = client.vector_search_endpoints
    made = endpoints.create_endpoint_and_wait(
        name, EndpointType.STANDARD, budget_policy_id="b1", target_qps=20
    )
    assert made == endpoints.get_endpoint(name)
    assert (made.name, made.creator, made.num_indexes) == (name, workspace.user("dev"), 0)
    assert made.endpoint_status.state is EndpointStatusState.ONLINE
    assert (made.budget_policy_id, made.effective_budget_policy_id) == ("b1", "b1")
    assert made.scaling_info.requested_target_qps == 20

    assert endpoints.patch_endpoint(name, target_qps=50).scaling_info.requested_target_qps == 50
    assert endpoints.update_endpoint_budget_policy(name, "b2").effective_budget_policy_id == "b2"
    tags = [CustomTag(key="team", value="search")]
    assert endpoints.update_endpoint_custom_tags(name, tags).custom_tags == tags
    got = endpoints.get_endpoint(name)
    assert (got.id, got.budget_policy_id, got.custom_tags) == (made.id, "b2", tags)
    assert got.scaling_info.requested_target_qps == 50
    assert name in {one.name for one in endpoints.list_endpoints()}
    staging = workspace.client("staging").vector_search_endpoints
    assert name not in {one.name for one in staging.list_endpoints()}

    with pytest.raises(ResourceAlreadyExists):
        endpoints.create_endpoint(name, EndpointType.STANDARD)
    endpoints.delete_endpoint(name)
    for gone in (endpoints.get_endpoint, endpoints.delete_endpoint):
        with pytest.raises(NotFound):
            gone(name)


@pytest.mark.documented
def test_an_endpoint_that_cannot_be_is_refused(workspace: Any, name: str) -> None:
    endpoints = workspace.client("dev").vector_search_endpoints
    with pytest.raises(InvalidParameterValue, match="STANDARD endpoints only"):
        endpoints.create_endpoint(name, EndpointType.STORAGE_OPTIMIZED, target_qps=5)
    with pytest.raises(InvalidParameterValue, match="letters, digits"):
        endpoints.create_endpoint("not a name", EndpointType.STANDARD)
    assert name not in {one.name for one in endpoints.list_endpoints()}


@pytest.mark.documented
def test_a_stopped_endpoint_answers_nothing_until_it_is_started(workspace: Any, name: str) -> None:
    client, index = workspace.client("dev"), f"dev.default.{name.replace('-', '_')}"
    endpoints, indexes = client.vector_search_endpoints, client.vector_search_indexes
    endpoints.create_endpoint_and_wait(name, EndpointType.STANDARD)
    spec = DirectAccessVectorIndexSpec(
        schema_json='{"id": "int", "v": "array<float>"}',
        embedding_vector_columns=[EmbeddingVectorColumn(name="v", embedding_dimension=1)],
    )
    kind = VectorIndexType.DIRECT_ACCESS
    indexes.create_index(index, name, "id", kind, direct_access_index_spec=spec)
    indexes.upsert_data_vector_index(index, '[{"id": 1, "v": [1]}]')
    assert endpoints.stop_endpoint(name).endpoint_status.state.value == "STOPPED"
    assert indexes.get_index(index).status.ready is False
    with pytest.raises(BadRequest, match="is stopped"):
        indexes.query_index(index, ["id"], query_vector=[1.0])
    with pytest.raises(BadRequest, match="is stopped"):
        indexes.upsert_data_vector_index(index, '[{"id": 2, "v": [1]}]')
    assert endpoints.start_endpoint(name).endpoint_status.state.value == "ONLINE"
    assert indexes.query_index(index, ["id"], query_vector=[1.0]).result.row_count == 1
    indexes.delete_index(index)
    endpoints.delete_endpoint(name)


@pytest.mark.documented
def test_an_endpoint_is_shared_by_its_permissions(
    workspace: Any, somebody: Callable[..., WorkspaceClient], name: str
) -> None:
    endpoints, other = workspace.client("dev").vector_search_endpoints, somebody()
    theirs = other.vector_search_endpoints
    id = str(endpoints.create_endpoint_and_wait(name, EndpointType.STANDARD).id)
    with pytest.raises(PermissionDenied):
        theirs.get_endpoint(name)
    assert name not in {one.name for one in theirs.list_endpoints()}
    entry = VectorSearchEndpointAccessControlRequest(
        service_principal_name=other.current_user.me().user_name,
        permission_level=VectorSearchEndpointPermissionLevel.CAN_USE,
    )
    endpoints.update_permissions(id, access_control_list=[entry])
    assert theirs.get_endpoint(name).id == id
    assert name in {one.name for one in theirs.list_endpoints()}
    with pytest.raises(PermissionDenied):
        theirs.delete_endpoint(name)
    levels = endpoints.get_permission_levels(id).permission_levels
    assert [one.permission_level.value for one in levels] == ["CAN_CREATE", "CAN_USE", "CAN_MANAGE"]
    endpoints.delete_endpoint(name)
    with pytest.raises(NotFound):
        endpoints.get_permissions(id)
