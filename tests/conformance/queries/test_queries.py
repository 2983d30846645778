"""Saved queries and notification destinations, driven by the official SDK."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    OperationFailed,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.jobs import SqlTask, SqlTaskQuery, SubmitTask
from databricks.sdk.service.settings import (
    Config,
    DestinationType,
    EmailConfig,
    GenericWebhookConfig,
    SlackConfig,
)
from databricks.sdk.service.sql import (
    CreateQueryRequestQuery,
    DateValue,
    DateValueDynamicDate,
    EnumValue,
    LifecycleState,
    MultiValuesOptions,
    NumericValue,
    Query,
    QueryParameter,
    TextValue,
    UpdateQueryRequestQuery,
)

pytestmark = pytest.mark.documented


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def folder(client: WorkspaceClient) -> str:
    path = f"/Shared/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(path)
    return path


def made(client: WorkspaceClient, folder: str, name: str = "q", **rest: Any) -> Query:
    return client.queries.create(
        query=CreateQueryRequestQuery(display_name=name, parent_path=folder, **rest)
    )


def test_a_query_is_kept_changed_and_trashed(client: WorkspaceClient, folder: str) -> None:
    first = made(client, folder, "Trips", query_text="SELECT 1", tags=["a"], description="d")
    assert client.queries.get(first.id) == first
    me = client.current_user.me().user_name
    assert (first.owner_user_name, first.last_modifier_user_name) == (me, me)
    assert (first.lifecycle_state, first.parent_path) == (LifecycleState.ACTIVE, folder)

    changed = client.queries.update(
        first.id,
        "query_text,description",
        query=UpdateQueryRequestQuery(query_text="SELECT 2", display_name="not in the mask"),
    )
    assert (changed.query_text, changed.display_name) == ("SELECT 2", "Trips")
    assert (changed.description, changed.tags) == (None, ["a"])
    with pytest.raises(InvalidParameterValue, match="parent_path"):
        client.queries.update(first.id, "parent_path", query=UpdateQueryRequestQuery())

    with pytest.raises(ResourceAlreadyExists, match="Trips"):
        made(client, folder, "Trips")
    renamed = client.queries.create(
        auto_resolve_display_name=True,
        query=CreateQueryRequestQuery(display_name="Trips", parent_path=folder),
    )
    assert renamed.display_name == "Trips (1)"
    listed = {one.id: one for one in client.queries.list(page_size=1)}
    assert {first.id, renamed.id} <= set(listed)
    assert "parent_path" not in listed[first.id].as_dict()
    assert list(client.queries.list_visualizations(first.id)) == []

    client.queries.delete(first.id)
    assert client.queries.get(first.id).lifecycle_state is LifecycleState.TRASHED
    assert first.id not in {one.id for one in client.queries.list()}
    assert made(client, folder, "Trips").id != first.id
    with pytest.raises(NotFound):
        client.queries.get("nothing")


def test_of_several_at_once_one_gets_the_name(client: WorkspaceClient, folder: str) -> None:
    def make(_: int) -> str:
        query = CreateQueryRequestQuery(display_name="same", parent_path=folder)
        made = client.queries.create(auto_resolve_display_name=True, query=query)
        return str(made.display_name)

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(make, range(8)))
    assert sorted(names) == ["same", *(f"same ({at})" for at in range(1, 8))]


def test_rights_come_from_the_folder_and_are_given_one_by_one(
    somebody: Any, client: WorkspaceClient, folder: str
) -> None:
    other = somebody("dev")
    home = f"/Users/{client.current_user.me().user_name}/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(home)
    hidden = made(client, home, "hidden", query_text="SELECT 1")
    with pytest.raises(PermissionDenied):
        other.queries.get(hidden.id)
    assert hidden.id not in {one.id for one in other.queries.list()}

    read = [
        AccessControlRequest(
            service_principal_name=other.config.client_id,
            permission_level=PermissionLevel.CAN_READ,
        )
    ]
    client.permissions.update("queries", hidden.id, access_control_list=read)
    assert other.queries.get(hidden.id).display_name == "hidden"
    with pytest.raises(PermissionDenied):
        other.queries.update(
            hidden.id, "query_text", query=UpdateQueryRequestQuery(query_text="SELECT 2")
        )
    with pytest.raises(PermissionDenied):
        made(other, home, "mine")
    with pytest.raises(PermissionDenied):
        other.queries.delete(hidden.id)


def test_a_task_runs_a_query_with_its_parameters(client: WorkspaceClient, folder: str) -> None:
    warehouse = str(next(iter(client.warehouses.list())).id)
    schema = f"q_{uuid.uuid4().hex[:8]}"
    client.schemas.create(schema, "dev")
    text = """SELECT '{{ word }}' AS w, CAST(:number AS INT) + 1 AS n, array({{ many }}) AS m,
        CAST('{{ day }}' AS DATE) = current_date() AS d, current_schema() AS s"""
    query = made(
        client,
        folder,
        query_text=text,
        catalog="dev",
        schema=schema,
        parameters=[
            QueryParameter(name="word", text_value=TextValue(value="given")),
            QueryParameter(name="number", numeric_value=NumericValue(value=41)),
            QueryParameter(
                name="many",
                enum_value=EnumValue(
                    values=["a", "b"],
                    multi_values_options=MultiValuesOptions(prefix="'", suffix="'", separator=","),
                ),
            ),
            QueryParameter(
                name="day", date_value=DateValue(dynamic_date_value=DateValueDynamicDate.NOW)
            ),
        ],
    )

    def ran(**parameters: str) -> Any:
        task = SqlTask(
            warehouse_id=warehouse,
            query=SqlTaskQuery(query_id=query.id),
            parameters=parameters or None,
        )
        run = client.jobs.submit(tasks=[SubmitTask(task_key="q", sql_task=task)])
        done = client.jobs.wait_get_run_job_terminated_or_skipped(run.run_id)
        return client.jobs.get_run_output(done.tasks[0].run_id)

    output = ran(word="other").sql_output.query_output
    assert (output.query_text, output.warehouse_id) == (text, warehouse)

    client.queries.update(
        query.id,
        "query_text",
        query=UpdateQueryRequestQuery(
            query_text="SELECT assert_true('{{ word }}' = 'given' AND :number = 41"
            f" AND current_schema() = '{schema}')"
        ),
    )
    ran()
    with pytest.raises(OperationFailed):
        ran(word="other")
    client.queries.delete(query.id)
    with pytest.raises(OperationFailed, match="trash"):
        ran()


def test_a_destination_keeps_no_secret(somebody: Any, client: WorkspaceClient) -> None:
    api = client.notification_destinations
    first = api.create(display_name="team", config=Config(email=EmailConfig(addresses=["a@b.c"])))
    assert first.destination_type is DestinationType.EMAIL
    assert api.get(first.id).config.email.addresses == ["a@b.c"]

    hook = GenericWebhookConfig(url="https://example.com/secret-hook", password="hunter2")
    second = api.create(display_name="hook", config=Config(generic_webhook=hook))
    kept = api.get(second.id).config.generic_webhook
    assert (kept.url, kept.url_set, kept.password, kept.password_set) == (None, True, None, True)
    assert "hunter2" not in str(client.api_client.do("GET", f"{PATH}/{second.id}"))

    slack = api.update(second.id, config=Config(slack=SlackConfig(url="https://example.com/s")))
    assert (slack.destination_type, slack.display_name) == (DestinationType.SLACK, "hook")
    assert {first.id, second.id} <= {one.id for one in api.list()}
    with pytest.raises(InvalidParameterValue, match="exactly one"):
        api.create(display_name="both", config=Config())
    other = somebody("dev")
    assert first.id in {one.id for one in other.notification_destinations.list()}
    with pytest.raises(PermissionDenied):
        other.notification_destinations.delete(first.id)
    api.delete(first.id)
    with pytest.raises(NotFound):
        api.get(first.id)


PATH = "/api/2.0/notification-destinations"
