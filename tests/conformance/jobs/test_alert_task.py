"""A job's task that evaluates an alert, driven by the official SDK."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk.errors import OperationFailed
from databricks.sdk.service.jobs import AlertTask, RunResultState, SubmitTask
from databricks.sdk.service.sql import (
    AlertStatementParameter,
    AlertV2,
    AlertV2Evaluation,
    AlertV2Operand,
    AlertV2OperandColumn,
    AlertV2OperandValue,
    ComparisonOperator,
    CronSchedule,
)


@pytest.mark.documented
def test_an_alert_is_evaluated_by_id_and_by_path_with_other_values(workspace: Any) -> None:
    client = workspace.client("dev")
    folder = f"/Shared/{uuid.uuid4().hex[:8]}"
    client.workspace.mkdirs(folder)
    alert = client.alerts_v2.create_alert(
        AlertV2(
            display_name="High",
            parent_path=folder,
            warehouse_id=next(iter(client.warehouses.list())).id,
            query_text="SELECT CAST(:level AS INT) AS x",
            parameters=[AlertStatementParameter(name="level", value="7")],
            evaluation=AlertV2Evaluation(
                source=AlertV2OperandColumn(name="x"),
                comparison_operator=ComparisonOperator.GREATER_THAN,
                threshold=AlertV2Operand(value=AlertV2OperandValue(double_value=5)),
            ),
            schedule=CronSchedule(quartz_cron_schedule="0 0 5 1 1 ?", timezone_id="UTC"),
        )
    )
    tasks = {
        "by_id": AlertTask(alert_id=alert.id),
        "by_path": AlertTask(
            workspace_path=f"/Workspace{folder}/High.dbalert.json", parameters={"level": "3"}
        ),
        "wrong": AlertTask(alert_id=alert.id, parameters={"nothing": "3"}),
    }
    run = client.jobs.submit(
        tasks=[SubmitTask(task_key=key, alert_task=task) for key, task in tasks.items()]
    )
    with pytest.raises(OperationFailed, match="no parameter nothing"):
        client.jobs.wait_get_run_job_terminated_or_skipped(run.run_id)
    found = {
        one.task_key: (one.state.result_state, client.jobs.get_run_output(one.run_id))
        for one in client.jobs.get_run(run.run_id).tasks
    }
    assert {key: state for key, (state, _) in found.items()} == {
        "by_id": RunResultState.SUCCESS,
        "by_path": RunResultState.SUCCESS,
        "wrong": RunResultState.FAILED,
    }
    assert found["by_id"][1].alert_output.alert_state.value == "TRIGGERED"
    assert found["by_path"][1].alert_output.alert_state.value == "OK"
    assert "no parameter nothing" in found["wrong"][1].error
