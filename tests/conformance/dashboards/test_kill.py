"""What was acknowledged survives kill -9: dashboards, spaces and alerts, with their rights."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.service.dashboards import Dashboard
from databricks.sdk.service.sql import (
    AlertEvaluationState,
    AlertV2,
    AlertV2Evaluation,
    AlertV2OperandColumn,
    ComparisonOperator,
    CronSchedule,
)


@pytest.mark.belief
def test_a_kill_loses_nothing_and_leaves_names_free(own_workspace: Any) -> None:
    client = own_workspace.client("dev")
    folder = "/Shared/kept"
    client.workspace.mkdirs(folder)
    first = Dashboard(display_name="a", parent_path=folder, serialized_dashboard='{"n": 1}')
    id = client.lakeview.create(first).dashboard_id
    client.lakeview.publish(id, embed_credentials=True)
    renamed = client.lakeview.update(id, Dashboard(display_name="b"))
    public = client.lakeview.get_published(id)
    gone = client.lakeview.create(Dashboard(display_name="c", parent_path=folder)).dashboard_id
    client.lakeview.trash(gone)
    space = client.genie.create_space("w", "{}", title="s", parent_path=folder)
    alert = client.alerts_v2.create_alert(
        AlertV2(
            display_name="d",
            parent_path=folder,
            warehouse_id="none",
            query_text="SELECT 1 AS x",
            evaluation=AlertV2Evaluation(
                source=AlertV2OperandColumn(name="x"),
                comparison_operator=ComparisonOperator.IS_NULL,
            ),
            schedule=CronSchedule(quartz_cron_schedule="0 0 5 1 1 ?", timezone_id="UTC"),
        )
    )

    own_workspace.kill()
    own_workspace.start()
    client = own_workspace.client("dev")
    assert client.lakeview.get(id) == renamed
    assert client.lakeview.get_published(id) == public
    assert client.lakeview.get(gone).lifecycle_state.value == "TRASHED"
    assert client.genie.get_space(space.space_id, include_serialized_space=True) == space
    assert client.alerts_v2.get_alert(alert.id) == alert
    assert alert.evaluation.state is AlertEvaluationState.UNKNOWN
    for kind, one in (("dashboards", id), ("genie", space.space_id), ("alertsv2", alert.id)):
        assert client.permissions.get(kind, one).access_control_list
    for name in ("a", "c"):
        client.lakeview.create(Dashboard(display_name=name, parent_path=folder))
    names = [one.path.rpartition("/")[2] for one in client.workspace.list(folder)]
    assert names == ["a.lvdash.json", "b.lvdash.json", "c.lvdash.json", "d.dbalert.json"]
