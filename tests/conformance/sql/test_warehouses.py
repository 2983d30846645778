"""SQL warehouses through the official SDK: what is kept of them, who may use them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    DatabricksError,
    InvalidParameterValue,
    PermissionDenied,
    ResourceDoesNotExist,
)
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.sql import (
    CreateWarehouseRequestWarehouseType,
    EndpointTagPair,
    EndpointTags,
    State,
    StatementState,
    WarehouseAccessControlRequest,
    WarehousePermissionLevel,
)


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def warehouse(client: WorkspaceClient) -> Iterator[str]:
    made = client.warehouses.create_and_wait(name=f"w-{uuid.uuid4().hex[:8]}")
    yield str(made.id)
    client.warehouses.delete(str(made.id))


@pytest.mark.documented
def test_a_warehouse_is_kept_as_given_and_changed_in_part(client: WorkspaceClient) -> None:
    name = f"w-{uuid.uuid4().hex[:8]}"
    tags = EndpointTags(custom_tags=[EndpointTagPair(key="team", value="dq")])
    made = client.warehouses.create_and_wait(
        name=name,
        cluster_size="Small",
        auto_stop_mins=15,
        max_num_clusters=3,
        warehouse_type=CreateWarehouseRequestWarehouseType.PRO,
        enable_serverless_compute=False,
        tags=tags,
    )
    assert (made.name, made.cluster_size, made.auto_stop_mins) == (name, "Small", 15)
    assert (made.state, made.max_num_clusters) == (State.RUNNING, 3)
    assert made.enable_serverless_compute is False
    assert made.creator_name == client.current_user.me().user_name
    assert made.tags == tags
    assert made.odbc_params.path == f"/sql/1.0/warehouses/{made.id}"
    assert str(made.odbc_params.port) in client.config.host
    changed = client.warehouses.edit_and_wait(str(made.id), name=name, auto_stop_mins=30)
    assert (changed.auto_stop_mins, changed.cluster_size) == (30, "Small")
    assert made.id in {one.id for one in client.warehouses.list()}
    assert name in {one.name for one in client.data_sources.list()}
    client.warehouses.delete(str(made.id))
    with pytest.raises(ResourceDoesNotExist):
        client.warehouses.get(str(made.id))


@pytest.mark.documented
def test_names_are_unique_and_wanted(client: WorkspaceClient, warehouse: str) -> None:
    name = client.warehouses.get(warehouse).name
    with pytest.raises(DatabricksError, match="already exists"):
        client.warehouses.create(name=name)
    with pytest.raises(InvalidParameterValue):
        client.warehouses.create(name="")


@pytest.mark.belief
@pytest.mark.parametrize(
    "settings",
    [
        {"tags": 5},
        {"tags": {"custom_tags": ["a"]}},
        {"auto_stop_mins": "soon"},
        {"warehouse_type": "BIG"},
        {"channel": []},
        {"cluster_size": {}},
    ],
)
def test_settings_that_no_client_could_read_back_are_refused(
    client: WorkspaceClient, warehouse: str, settings: dict[str, Any]
) -> None:
    path = "/api/2.0/sql/warehouses"
    with pytest.raises(InvalidParameterValue, match=next(iter(settings))):
        client.api_client.do("POST", path, body={"name": uuid.uuid4().hex} | settings)
    with pytest.raises(InvalidParameterValue):
        client.api_client.do("POST", f"{path}/{warehouse}/edit", body=settings)
    assert warehouse in {one.id for one in client.warehouses.list()}


@pytest.mark.documented
def test_a_stopped_warehouse_starts_with_the_next_statement(
    client: WorkspaceClient, warehouse: str
) -> None:
    stopped = client.warehouses.stop_and_wait(warehouse)
    assert (stopped.state, stopped.num_clusters) == (State.STOPPED, 0)
    assert client.warehouses.start_and_wait(warehouse).state is State.RUNNING
    client.warehouses.stop_and_wait(warehouse)
    answer = client.statement_execution.execute_statement("SELECT 1", warehouse)
    assert answer.status.state is StatementState.SUCCEEDED
    assert client.warehouses.get(warehouse).state is State.RUNNING


@pytest.mark.belief
def test_every_workspace_has_a_warehouse_that_everybody_may_use(
    workspace: Any, somebody: Callable[..., WorkspaceClient]
) -> None:
    for name in ("dev", "staging", "prod"):
        starter = next(iter(somebody(name).warehouses.list()))
        assert starter.state is State.RUNNING
    levels = workspace.client("dev").permissions.get("sql/warehouses", _starter(workspace))
    users = next(one for one in levels.access_control_list if one.group_name == "users")
    assert users.all_permissions[0].permission_level is PermissionLevel.CAN_USE


@pytest.mark.documented
def test_who_may_not_use_a_warehouse_can_neither_see_nor_query_it(
    client: WorkspaceClient, warehouse: str, somebody: Callable[..., WorkspaceClient]
) -> None:
    robot = somebody()
    who = robot.current_user.me().user_name
    assert warehouse not in {one.id for one in robot.warehouses.list()}
    with pytest.raises(PermissionDenied):
        robot.warehouses.get(warehouse)
    with pytest.raises(PermissionDenied):
        robot.statement_execution.execute_statement("SELECT 1", warehouse)

    def give(level: WarehousePermissionLevel) -> None:
        entry = WarehouseAccessControlRequest(service_principal_name=who, permission_level=level)
        client.warehouses.update_permissions(warehouse, access_control_list=[entry])

    give(WarehousePermissionLevel.CAN_VIEW)
    assert robot.warehouses.get(warehouse).id == warehouse
    with pytest.raises(PermissionDenied):
        robot.statement_execution.execute_statement("SELECT 1", warehouse)
    give(WarehousePermissionLevel.CAN_USE)
    done = robot.statement_execution.execute_statement("SELECT 1", warehouse)
    assert done.result.data_array == [["1"]]
    with pytest.raises(PermissionDenied):
        robot.warehouses.stop(warehouse)
    give(WarehousePermissionLevel.CAN_MONITOR)
    robot.warehouses.stop(warehouse)
    with pytest.raises(PermissionDenied):
        robot.warehouses.edit(warehouse, name="mine")
    with pytest.raises(PermissionDenied):
        robot.warehouses.delete(warehouse)
    give(WarehousePermissionLevel.CAN_MANAGE)
    robot.warehouses.edit(warehouse, auto_stop_mins=5)


@pytest.mark.documented
def test_a_warehouse_has_one_owner_who_may_be_replaced(
    client: WorkspaceClient, warehouse: str, somebody: Callable[..., WorkspaceClient]
) -> None:
    who = somebody().current_user.me().user_name
    levels = client.warehouses.get_permission_levels(warehouse).permission_levels
    assert [one.permission_level.value for one in levels] == [
        "CAN_VIEW",
        "CAN_USE",
        "CAN_MONITOR",
        "CAN_MANAGE",
        "IS_OWNER",
    ]

    def owners() -> list[str]:
        found = client.permissions.get("sql/warehouses", warehouse)
        assert found.object_id == f"/sql/warehouses/{warehouse}"
        return [
            str(one.user_name or one.service_principal_name)
            for one in found.access_control_list
            for held in one.all_permissions
            if held.permission_level is PermissionLevel.IS_OWNER
        ]

    assert owners() == [client.current_user.me().user_name]
    mine = AccessControlRequest(
        service_principal_name=who, permission_level=PermissionLevel.IS_OWNER
    )
    client.permissions.update("sql/warehouses", warehouse, access_control_list=[mine])
    assert owners() == [who]
    lower = AccessControlRequest(
        service_principal_name=who, permission_level=PermissionLevel.CAN_USE
    )
    with pytest.raises(DatabricksError, match="owner"):
        client.permissions.update("sql/warehouses", warehouse, access_control_list=[lower])
    with pytest.raises(DatabricksError, match="exactly one owner"):
        client.permissions.set("sql/warehouses", warehouse, access_control_list=[lower])
    group = AccessControlRequest(group_name="users", permission_level=PermissionLevel.IS_OWNER)
    with pytest.raises(DatabricksError, match="group"):
        client.permissions.set("sql/warehouses", warehouse, access_control_list=[group])
    assert owners() == [who]


def _starter(workspace: Any) -> str:
    return str(next(iter(workspace.client("dev").warehouses.list())).id)
