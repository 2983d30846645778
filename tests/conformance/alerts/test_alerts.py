"""Alerts, driven by the official SDK: kept, changed by masks, evaluated on their schedules."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.sql import (
    AlertEvaluationState,
    AlertLifecycleState,
    AlertStatementParameter,
    AlertV2,
    AlertV2Evaluation,
    AlertV2Operand,
    AlertV2OperandColumn,
    AlertV2OperandValue,
    AlertV2RunAs,
    ComparisonOperator,
    CronSchedule,
    SchedulePauseStatus,
)
from databricks.sdk.service.workspace import ObjectType

YEARLY, EACH_SECOND = "0 0 5 1 1 ?", "* * * * * ?"
LIMIT_S = 60


@pytest.fixture
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


@pytest.fixture
def folder(client: WorkspaceClient) -> str:
    path = f"/Users/{client.current_user.me().user_name}/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(path)
    return path


def wanted(client: WorkspaceClient, folder: str, name: str = "Low", **changes: Any) -> AlertV2:
    alert = AlertV2(
        display_name=name,
        parent_path=folder,
        warehouse_id=str(next(iter(client.warehouses.list())).id),
        query_text="SELECT CAST(:level AS INT) AS x",
        parameters=[AlertStatementParameter(name="level", type="INT", value="7")],
        evaluation=AlertV2Evaluation(
            source=AlertV2OperandColumn(name="x"),
            comparison_operator=ComparisonOperator.GREATER_THAN,
            threshold=AlertV2Operand(value=AlertV2OperandValue(double_value=5)),
        ),
        schedule=CronSchedule(quartz_cron_schedule=YEARLY, timezone_id="UTC"),
    )
    for field, value in changes.items():
        setattr(alert, field, value)
    return alert


@pytest.mark.documented
def test_an_alert_is_kept_and_changes_by_its_mask(client: WorkspaceClient, folder: str) -> None:
    want = wanted(client, folder)
    first = client.alerts_v2.create_alert(want)
    id, me = first.id or "", client.current_user.me().user_name
    assert client.alerts_v2.get_alert(id) == first
    assert first.evaluation.state is AlertEvaluationState.UNKNOWN
    assert (first.owner_user_name, first.lifecycle_state) == (me, AlertLifecycleState.ACTIVE)
    assert first.effective_run_as == AlertV2RunAs(user_name=me)
    kept = first.as_dict()
    for name, value in want.as_dict().items():
        assert kept[name] == ({**value, "state": "UNKNOWN"} if name == "evaluation" else value)

    paused = wanted(client, folder, "Renamed")
    paused.schedule.pause_status = SchedulePauseStatus.PAUSED
    second = client.alerts_v2.update_alert(id, paused, "schedule.pause_status")
    assert (second.display_name, second.schedule.pause_status) == (
        "Low",
        SchedulePauseStatus.PAUSED,
    )
    third = client.alerts_v2.update_alert(id, wanted(client, "/other", "Renamed"), "*")
    assert (third.display_name, third.parent_path) == ("Renamed", folder)
    assert third.schedule.pause_status is None
    with pytest.raises(BadRequest, match="no field 'nothing'"):
        client.alerts_v2.update_alert(id, want, "nothing")

    path = f"{folder}/Renamed.dbalert.json"
    seen = client.workspace.get_status(path)
    assert seen.object_type is ObjectType.FILE
    text = base64.b64decode(client.workspace.export(path).content or "")
    assert json.loads(text)["query_lines"] == ["SELECT CAST(:level AS INT) AS x"]


@pytest.mark.documented
def test_what_cannot_be_an_alert_is_refused(client: WorkspaceClient, folder: str) -> None:
    with pytest.raises(NotFound, match="doesn't exist"):
        client.alerts_v2.create_alert(wanted(client, f"{folder}/none"))
    client.alerts_v2.create_alert(wanted(client, folder))
    with pytest.raises(ResourceAlreadyExists):
        client.alerts_v2.create_alert(wanted(client, folder))
    never = CronSchedule(quartz_cron_schedule="never", timezone_id="UTC")
    with pytest.raises(BadRequest, match="Invalid quartz_cron_schedule"):
        client.alerts_v2.create_alert(wanted(client, folder, "Other", schedule=never))


@pytest.mark.documented
def test_trash_answers_and_a_purge_does_not(client: WorkspaceClient, folder: str) -> None:
    ids = [client.alerts_v2.create_alert(wanted(client, folder, name)).id or "" for name in "abc"]
    client.alerts_v2.trash_alert(ids[0])
    client.workspace.delete(f"{folder}/b.dbalert.json")
    for id in ids[:2]:
        found = client.alerts_v2.get_alert(id)
        assert found.lifecycle_state is AlertLifecycleState.DELETED
    assert {one.id for one in client.alerts_v2.list_alerts()} & set(ids) == {ids[2]}
    for id in ids:
        client.alerts_v2.trash_alert(id, purge=True)
        with pytest.raises(NotFound):
            client.alerts_v2.get_alert(id)
    assert list(client.workspace.list(folder)) == []


@pytest.mark.documented
def test_it_is_evaluated_on_its_schedule(client: WorkspaceClient, folder: str) -> None:
    schedule = CronSchedule(quartz_cron_schedule=EACH_SECOND, timezone_id="UTC")
    want = wanted(client, folder, schedule=schedule)
    id = client.alerts_v2.create_alert(want).id or ""

    def until(state: AlertEvaluationState) -> AlertV2:
        give_up_at = time.monotonic() + LIMIT_S
        while (found := client.alerts_v2.get_alert(id)).evaluation.state is not state:
            assert time.monotonic() < give_up_at, found.evaluation
            time.sleep(0.1)
        return found

    first = until(AlertEvaluationState.TRIGGERED)
    assert first.evaluation.last_evaluated_at
    assert want.evaluation.threshold is not None
    want.evaluation.threshold.value = AlertV2OperandValue(double_value=50)
    client.alerts_v2.update_alert(id, want, "evaluation")
    second = until(AlertEvaluationState.OK)
    assert (second.evaluation.last_evaluated_at or "") > first.evaluation.last_evaluated_at
    want.query_text = "SELECT 1 AS x WHERE false"
    want.evaluation.empty_result_state = AlertEvaluationState.TRIGGERED
    client.alerts_v2.update_alert(id, want, "query_text,evaluation.empty_result_state")
    until(AlertEvaluationState.TRIGGERED)
    want.query_text = "SELECT x FROM dev.nowhere.none"
    client.alerts_v2.update_alert(id, want, "query_text")
    until(AlertEvaluationState.ERROR)
    client.alerts_v2.trash_alert(id, purge=True)


@pytest.mark.documented
def test_rights_on_an_alert_and_whom_it_runs_as(
    client: WorkspaceClient, folder: str, somebody: Any
) -> None:
    robot = somebody()
    name = robot.current_user.me().user_name
    id = client.alerts_v2.create_alert(wanted(client, folder)).id or ""
    with pytest.raises(PermissionDenied):
        robot.alerts_v2.get_alert(id)
    assert id not in {one.id for one in robot.alerts_v2.list_alerts()}
    entry = AccessControlRequest(
        service_principal_name=name, permission_level=PermissionLevel.CAN_EDIT
    )
    client.permissions.update("alertsv2", id, access_control_list=[entry])
    me = client.current_user.me().user_name
    other = wanted(client, folder, query_text="SELECT 2 AS x", run_as=AlertV2RunAs(user_name=me))
    with pytest.raises(PermissionDenied, match="may not set run_as"):
        robot.alerts_v2.update_alert(id, other, "query_text,run_as")
    changed = robot.alerts_v2.update_alert(id, other, "query_text")
    assert changed.effective_run_as == AlertV2RunAs(service_principal_name=name)
    with pytest.raises(PermissionDenied):
        robot.alerts_v2.trash_alert(id, purge=True)
