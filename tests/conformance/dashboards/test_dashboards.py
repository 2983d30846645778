"""AI/BI dashboards, driven by the official SDK: drafts, their files, what is published, rights."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    Aborted,
    BadRequest,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service.dashboards import (
    CronSchedule,
    Dashboard,
    LifecycleState,
    Schedule,
    SchedulePauseStatus,
    Subscriber,
    Subscription,
    SubscriptionSubscriberUser,
)
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, ObjectType

TEXT = '{"pages": [{"name": "p"}], "datasets": [{"name": "d", "queryLines": ["SELECT 1"]}]}'


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def folder(client: WorkspaceClient) -> str:
    path = f"/Users/{client.current_user.me().user_name}/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(path)
    return path


def made(client: WorkspaceClient, folder: str, name: str = "Sales", **more: Any) -> Dashboard:
    want = Dashboard(
        display_name=name, parent_path=f"/Workspace{folder}", serialized_dashboard=TEXT
    )
    return client.lakeview.create(want, **more)


@pytest.mark.documented
def test_a_draft_is_read_as_it_was_made_and_changes_by_its_etag(
    client: WorkspaceClient, folder: str
) -> None:
    first = made(client, folder, dataset_catalog="dev", dataset_schema="sales")
    assert first.dashboard_id
    assert client.lakeview.get(first.dashboard_id) == first
    assert (first.parent_path, first.path) == (folder, f"{folder}/Sales.lvdash.json")
    assert first.lifecycle_state is LifecycleState.ACTIVE
    text = json.loads(first.serialized_dashboard or "")
    assert text["pages"] == [{"name": "p", "pageType": "PAGE_TYPE_CANVAS"}]
    assert (text["datasets"][0]["catalog"], text["datasets"][0]["schema"]) == ("dev", "sales")

    change = Dashboard(display_name="Sold", warehouse_id="abc", etag=first.etag)
    second = client.lakeview.update(first.dashboard_id, change)
    assert second.path == f"{folder}/Sold.lvdash.json"
    assert second.serialized_dashboard == first.serialized_dashboard
    assert (second.warehouse_id, second.etag != first.etag) == ("abc", True)
    with pytest.raises(Aborted, match="has been modified"):
        client.lakeview.update(first.dashboard_id, change)
    assert client.lakeview.get(first.dashboard_id) == second
    with pytest.raises(BadRequest, match="not valid JSON"):
        client.lakeview.update(first.dashboard_id, Dashboard(serialized_dashboard="{"))


@pytest.mark.documented
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    client: WorkspaceClient, folder: str
) -> None:
    with pytest.raises(NotFound, match="doesn't exist"):
        made(client, f"{folder}/none")
    made(client, folder)
    with pytest.raises(ResourceAlreadyExists):
        made(client, folder)
    other = made(client, folder, "Other")
    with pytest.raises(ResourceAlreadyExists):
        client.lakeview.update(
            other.dashboard_id or "", Dashboard(display_name="Sales", serialized_dashboard="{}")
        )
    assert client.lakeview.get(other.dashboard_id or "") == other
    for name in ("", "a/b", "x" * 300):
        with pytest.raises(BadRequest):
            made(client, folder, name)
    listed = [one.path for one in client.workspace.list(folder)]
    assert listed == [f"{folder}/Other.lvdash.json", f"{folder}/Sales.lvdash.json"]


@pytest.mark.recorded
def test_it_is_an_object_of_the_workspace(client: WorkspaceClient, folder: str) -> None:
    one = made(client, folder)
    path = one.path or ""
    for seen in (client.workspace.get_status(path), *client.workspace.list(folder)):
        assert seen.object_type is ObjectType.DASHBOARD
        assert (seen.path, seen.resource_id) == (path, one.dashboard_id)
    exported = client.workspace.export(path, format=ExportFormat.AUTO).content or ""
    assert base64.b64decode(exported).decode() == one.serialized_dashboard
    before = client.workspace.get_status(path).object_id
    client.lakeview.update(one.dashboard_id or "", Dashboard(display_name="Sold"))
    renamed = client.workspace.get_status(f"{folder}/Sold.lvdash.json")
    assert (renamed.object_id, renamed.resource_id) == (before, one.dashboard_id)

    client.workspace.upload(
        f"{folder}/Sold.lvdash.json", b'{"a":1}\n', format=ImportFormat.AUTO, overwrite=True
    )
    edited = client.lakeview.get(one.dashboard_id or "")
    assert edited.serialized_dashboard == '{"a":1}\n'
    assert int(edited.etag or 0) == int(one.etag or 0) + 2
    assert client.lakeview.get(one.dashboard_id or "") == edited


@pytest.mark.documented
@pytest.mark.parametrize("how", ["trash", "object", "folder"])
def test_one_that_is_removed_is_in_the_trash_and_still_answers(
    client: WorkspaceClient, folder: str, how: str
) -> None:
    one = made(client, folder)
    id = one.dashboard_id or ""
    client.lakeview.publish(id, embed_credentials=True)
    if how == "trash":
        client.lakeview.trash(id)
        client.lakeview.trash(id)
    else:
        client.workspace.delete(one.path or "" if how == "object" else folder, recursive=True)
    assert client.lakeview.get(id).lifecycle_state is LifecycleState.TRASHED
    for gone in (
        lambda: client.lakeview.get_published(id),
        lambda: client.lakeview.update(id, Dashboard(display_name="Again")),
        lambda: client.workspace.get_status(one.path or ""),
    ):
        with pytest.raises(NotFound):
            gone()
    assert id not in {each.dashboard_id for each in client.lakeview.list()}
    assert id in {each.dashboard_id for each in client.lakeview.list(show_trashed=True)}
    client.workspace.mkdirs(folder)
    assert made(client, folder).dashboard_id != id


@pytest.mark.documented
def test_the_published_version_stays_while_the_draft_goes_on(
    client: WorkspaceClient, folder: str
) -> None:
    id = made(client, folder).dashboard_id or ""
    with pytest.raises(NotFound, match="Unable to find published dashboard"):
        client.lakeview.get_published(id)
    told = client.lakeview.publish(id, embed_credentials=False, warehouse_id="abc")
    assert client.lakeview.get_published(id) == told
    assert (told.embed_credentials, told.warehouse_id) == (False, "abc")
    draft = client.lakeview.get(id)
    assert (told.revision_create_time or "") >= (draft.update_time or "")
    edited = client.lakeview.update(id, Dashboard(serialized_dashboard='{"new": 1}'))
    assert client.lakeview.get_published(id) == told
    assert (told.revision_create_time or "") <= (edited.update_time or "")
    with pytest.raises(Aborted):
        client.lakeview.revert(id, etag=draft.etag)
    reverted = client.lakeview.revert(id, etag=edited.etag).dashboard
    assert reverted is not None
    assert reverted.serialized_dashboard == draft.serialized_dashboard
    client.lakeview.unpublish(id)
    with pytest.raises(NotFound):
        client.lakeview.get_published(id)


@pytest.mark.documented
def test_rights_are_the_dashboards_own_and_its_folders(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    robot = somebody()
    id = made(client, folder).dashboard_id or ""
    with pytest.raises(PermissionDenied):
        robot.lakeview.get(id)
    with pytest.raises(PermissionDenied):
        made(robot, folder, "Theirs")
    assert id not in {one.dashboard_id for one in robot.lakeview.list()}
    name = robot.current_user.me().user_name

    def grant(kind: str, subject: str, level: PermissionLevel) -> None:
        entry = AccessControlRequest(service_principal_name=name, permission_level=level)
        client.permissions.update(kind, subject, access_control_list=[entry])

    grant("dashboards", id, PermissionLevel.CAN_READ)
    with robot.workspace.download(f"{folder}/Sales.lvdash.json") as file:
        assert file.read() == (robot.lakeview.get(id).serialized_dashboard or "").encode()
    with pytest.raises(PermissionDenied):
        robot.lakeview.publish(id)
    place = str(client.workspace.get_status(folder).object_id)
    grant("directories", place, PermissionLevel.CAN_EDIT)
    robot.lakeview.publish(id)
    with pytest.raises(PermissionDenied):
        robot.lakeview.trash(id)
    shown = client.permissions.get("dashboards", id)
    mine = next(one for one in shown.access_control_list if one.service_principal_name == name)
    assert {(one.permission_level, one.inherited) for one in mine.all_permissions} == {
        (PermissionLevel.CAN_READ, False),
        (PermissionLevel.CAN_EDIT, True),
    }
    theirs = made(robot, folder, "Theirs").dashboard_id or ""
    robot.lakeview.trash(theirs)


@pytest.mark.documented
def test_schedules_and_subscriptions_are_kept(client: WorkspaceClient, folder: str) -> None:
    id = made(client, folder).dashboard_id or ""
    cron = CronSchedule(quartz_cron_expression="0 0 8 * * ?", timezone_id="UTC")
    first = client.lakeview.create_schedule(id, Schedule(cron_schedule=cron, display_name="Daily"))
    named = first.schedule_id or ""
    assert list(client.lakeview.list_schedules(id)) == [first]
    change = Schedule(cron_schedule=cron, pause_status=SchedulePauseStatus.PAUSED, etag=first.etag)
    second = client.lakeview.update_schedule(id, named, change)
    assert second.pause_status is SchedulePauseStatus.PAUSED
    with pytest.raises(Aborted):
        client.lakeview.update_schedule(id, named, change)
    me = int(client.current_user.me().id or 0)
    who = Subscriber(user_subscriber=SubscriptionSubscriberUser(user_id=me))
    told = client.lakeview.create_subscription(id, named, Subscription(subscriber=who))
    assert told.subscriber == who
    assert list(client.lakeview.list_subscriptions(id, named)) == [told]
    assert client.lakeview.get_subscription(id, named, told.subscription_id or "") == told
    other = made(client, folder, "Other").dashboard_id or ""
    with pytest.raises(NotFound):
        client.lakeview.get_schedule(other, named)
    client.lakeview.delete_subscription(id, named, told.subscription_id or "")
    client.lakeview.delete_schedule(id, named, etag=second.etag)
    assert list(client.lakeview.list_schedules(id)) == []
