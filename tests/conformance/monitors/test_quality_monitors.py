"""Quality monitors, driven by the official SDK: what is kept, and who may."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.catalog import (
    MonitorCronSchedule,
    MonitorInfoStatus,
    MonitorSnapshot,
    MonitorTimeSeries,
    PermissionsChange,
    Privilege,
)

ASSETS = "/Workspace/Shared/monitors"


@pytest.fixture(scope="module")
def client(workspace: Any) -> WorkspaceClient:
    client: WorkspaceClient = workspace.client("dev")
    return client


def run(client: WorkspaceClient, statement: str) -> list[list[str]]:
    """The rows of a statement."""
    house = str(next(iter(client.warehouses.list())).id)
    ended = client.statement_execution.execute_statement(statement, house, wait_timeout="50s")
    assert ended.status is not None
    assert ended.status.error is None, ended.status.error
    return (ended.result and ended.result.data_array) or []


@pytest.fixture(scope="module")
def schema(client: WorkspaceClient) -> str:
    catalog = client.catalogs.create(f"watched_{uuid.uuid4().hex[:8]}")
    return str(client.schemas.create("sales", str(catalog.name)).full_name)


@pytest.fixture
def table(client: WorkspaceClient, schema: str) -> str:
    name = f"{schema}.sales_{uuid.uuid4().hex[:8]}"
    run(client, f"CREATE TABLE {name} (id BIGINT, shop STRING, at TIMESTAMP)")
    return name


@pytest.mark.documented
def test_a_monitor_is_kept_with_its_table(client: WorkspaceClient, schema: str, table: str) -> None:
    monitors = client.quality_monitors
    daily = MonitorCronSchedule(quartz_cron_expression="0 0 5 1 1 ?", timezone_id="UTC")
    made = monitors.create(table, schema, ASSETS, snapshot=MonitorSnapshot(), schedule=daily)
    assert monitors.get(table.upper()) == made
    assert (made.table_name, made.status) == (table, MonitorInfoStatus.MONITOR_STATUS_ACTIVE)
    assert made.profile_metrics_table_name == f"{table}_profile_metrics"
    assert made.drift_metrics_table_name == f"{table}_drift_metrics"
    with pytest.raises(ResourceAlreadyExists):
        monitors.create(table, schema, ASSETS, snapshot=MonitorSnapshot())

    series = MonitorTimeSeries(timestamp_col="at", granularities=["1 day"])
    changed = monitors.update(table, schema, time_series=series, slicing_exprs=["shop"])
    assert (changed.snapshot, changed.schedule) == (None, None)
    assert (changed.time_series, changed.slicing_exprs) == (series, ["shop"])
    assert (changed.assets_dir, changed.monitor_version) == (ASSETS, made.monitor_version + 1)
    monitors.delete(table)
    for gone in (monitors.get, monitors.delete):
        with pytest.raises(NotFound, match="Monitor for table"):
            gone(table)

    monitors.create(table, schema, ASSETS, snapshot=MonitorSnapshot())
    client.tables.delete(table)
    with pytest.raises(NotFound):
        monitors.get(table)
    run(client, f"CREATE TABLE {table} (id BIGINT)")
    with pytest.raises(NotFound, match="Monitor for table"):
        monitors.get(table)


@pytest.mark.documented
def test_what_cannot_be_watched_is_refused(
    client: WorkspaceClient, schema: str, table: str
) -> None:
    create = client.quality_monitors.create
    with pytest.raises(NotFound):
        create(f"{schema}.none", schema, ASSETS, snapshot=MonitorSnapshot())
    with pytest.raises(NotFound):
        create(table, "dev.none", ASSETS, snapshot=MonitorSnapshot())
    with pytest.raises(BadRequest, match="Exactly one of"):
        create(table, schema, ASSETS)
    with pytest.raises(BadRequest, match="assets_dir"):
        create(table, schema, "monitors", snapshot=MonitorSnapshot())
    with pytest.raises(PermissionDenied):
        create(table, "prod.default", ASSETS, snapshot=MonitorSnapshot())


@pytest.mark.documented
def test_who_reads_the_table_sees_its_monitor_and_who_manages_it_changes_it(
    client: WorkspaceClient, schema: str, table: str, somebody: Any
) -> None:
    robot = somebody()
    who = robot.current_user.me().user_name
    client.quality_monitors.create(table, schema, ASSETS, snapshot=MonitorSnapshot())
    with pytest.raises(PermissionDenied):
        robot.quality_monitors.get(table)

    def grant(kind: str, name: str, *privileges: Privilege) -> None:
        change = PermissionsChange(principal=who, add=list(privileges))
        client.grants.update(kind, name, changes=[change])

    grant("catalog", schema.split(".", maxsplit=1)[0], Privilege.USE_CATALOG)
    grant("schema", schema, Privilege.USE_SCHEMA)
    grant("table", table, Privilege.SELECT)
    assert robot.quality_monitors.get(table).table_name == table
    with pytest.raises(PermissionDenied):
        robot.quality_monitors.update(table, schema, snapshot=MonitorSnapshot())
    grant("table", table, Privilege.MANAGE)
    with pytest.raises(PermissionDenied, match="CREATE TABLE"):
        robot.quality_monitors.update(table, schema, snapshot=MonitorSnapshot())
    robot.quality_monitors.delete(table)
