"""Quality monitors, driven by the official SDK: what is kept, and who may."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.catalog import (
    MonitorCronSchedule,
    MonitorInfoStatus,
    MonitorRefreshInfo,
    MonitorRefreshInfoState,
    MonitorRefreshInfoTrigger,
    MonitorSnapshot,
    MonitorTimeSeries,
    PermissionsChange,
    Privilege,
)

ASSETS = "/Workspace/Shared/monitors"
LIMIT_S = 120


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


def ended(client: WorkspaceClient, table: str, refresh_id: int = 0) -> MonitorRefreshInfo:
    """A refresh, or the last there is, when it has ended well."""
    give_up_at = time.monotonic() + LIMIT_S
    while True:
        found = (client.quality_monitors.list_refreshes(table).refreshes or [])[0]
        if refresh_id:
            found = client.quality_monitors.get_refresh(table, refresh_id)
        if found.end_time_ms:
            assert found.state is MonitorRefreshInfoState.SUCCESS, found.message
            return found
        assert time.monotonic() < give_up_at, found
        time.sleep(0.1)


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
    assert ended(client, table).trigger is MonitorRefreshInfoTrigger.MANUAL
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
def test_snapshots_are_profiled_and_compared(
    client: WorkspaceClient, schema: str, table: str
) -> None:
    run(client, f"INSERT INTO {table} VALUES (0, 'a', NULL), (4, 'bcd', NULL)")
    baseline = f"{table}_before"
    run(client, f"CREATE TABLE {baseline} (id BIGINT, shop STRING, at TIMESTAMP)")
    run(client, f"INSERT INTO {baseline} VALUES (1, NULL, NULL)")
    monitors = client.quality_monitors
    made = monitors.create(
        table,
        schema,
        ASSETS,
        snapshot=MonitorSnapshot(),
        baseline_table_name=baseline,
        slicing_exprs=["shop", "id > 1"],
    )
    ended(client, table)
    profile, drift = made.profile_metrics_table_name, made.drift_metrics_table_name
    measured = (
        "column_name, count, num_nulls, avg, min, max, num_zeros, max_length, distinct_count,"
        " percent_null, percent_zeros"
    )
    whole = "log_type = 'INPUT' AND slice_key IS NULL ORDER BY column_name"
    none = [None] * 6
    assert run(client, f"SELECT {measured} FROM {profile} WHERE {whole}") == [
        [":table", "2", None, *none, None, None],
        ["at", "0", "2", None, None, None, None, None, "0", "100.0", None],
        ["id", "2", "0", "2.0", "0.0", "4.0", "1", None, "2", "0.0", "50.0"],
        ["shop", "2", "0", None, None, None, None, "3", "2", "0.0", None],
    ]
    slices = f"SELECT slice_key, slice_value, count FROM {profile}"
    assert run(
        client, f"{slices} WHERE column_name = 'id' AND log_type = 'INPUT' ORDER BY 1, 2"
    ) == [[None, None, "2"], ["id > 1", "false", "1"], ["id > 1", "true", "1"],
          ["shop", "a", "1"], ["shop", "bcd", "1"]]  # fmt: skip

    run(client, f"INSERT INTO {table} VALUES (NULL, 'a', NULL), (5, 'a', NULL)")
    again = monitors.run_refresh(table)
    assert ended(client, table, again.refresh_id).refresh_id == again.refresh_id
    deltas = f"SELECT count_delta, avg_delta, percent_null_delta FROM {drift}"
    of_id = "column_name = 'id' AND slice_key IS NULL"
    assert run(client, f"{deltas} WHERE {of_id} AND drift_type = 'CONSECUTIVE'") == [
        ["1.0", "1.0", "25.0"]
    ]
    assert run(
        client, f"{deltas} WHERE {of_id} AND drift_type = 'BASELINE' ORDER BY window.start"
    ) == [["1.0", "1.0", "0.0"], ["2.0", "2.0", "25.0"]]
    with pytest.raises(BadRequest, match="has ended"):
        monitors.cancel_refresh(table, again.refresh_id)


@pytest.mark.documented
def test_a_time_series_is_profiled_by_windows(
    client: WorkspaceClient, schema: str, table: str
) -> None:
    moments = ("2026-01-01 10:05:00", "2026-01-01 10:55:00", "2026-01-05 00:00:00")
    values = ", ".join(f"(1, 'a', TIMESTAMP'{one}')" for one in moments)
    run(client, f"INSERT INTO {table} VALUES {values}")
    series = MonitorTimeSeries(timestamp_col="at", granularities=["1 hour", "1 week", "1 month"])
    made = client.quality_monitors.create(table, schema, ASSETS, time_series=series)
    ended(client, table)
    found = run(
        client,
        "SELECT granularity, window.start, window.end, count FROM"
        f" {made.profile_metrics_table_name} WHERE column_name = ':table' ORDER BY 1, 2",
    )
    assert found == [
        ["1 hour", "2026-01-01T10:00:00.000Z", "2026-01-01T11:00:00.000Z", "2"],
        ["1 hour", "2026-01-05T00:00:00.000Z", "2026-01-05T01:00:00.000Z", "1"],
        ["1 month", "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z", "3"],
        ["1 week", "2025-12-29T00:00:00.000Z", "2026-01-05T00:00:00.000Z", "2"],
        ["1 week", "2026-01-05T00:00:00.000Z", "2026-01-12T00:00:00.000Z", "1"],
    ]


@pytest.mark.documented
def test_distances_are_those_of_the_distributions(
    client: WorkspaceClient, schema: str, table: str
) -> None:
    """Every column, slice and window, to the window before and to the baseline, as SciPy has it."""
    from scipy import stats
    from scipy.spatial.distance import jensenshannon

    day = "TIMESTAMP'2026-01-0{} 10:00:00'"
    before = f"SELECT id, IF(id % 4 = 0, 'a', 'b') AS shop, {day.format(1)} AS at FROM range(40)"
    after = f"SELECT id + 10, IF(id % 2 = 0, 'a', 'b'), {day.format(2)} FROM range(40)"
    run(client, f"INSERT INTO {table} {before} UNION ALL {after}")
    baseline = f"{table}_before"
    run(client, f"CREATE TABLE {baseline} AS {before}")
    # A table of an earlier time lacks columns; they are added.
    run(client, f"CREATE TABLE {table}_drift_metrics (column_name STRING, count_delta DOUBLE)")
    made = client.quality_monitors.create(
        table,
        schema,
        ASSETS,
        time_series=MonitorTimeSeries(timestamp_col="at", granularities=["1 day"]),
        baseline_table_name=baseline,
        slicing_exprs=["id < 20"],
    )
    ended(client, table)
    drift = made.drift_metrics_table_name
    where = "drift_type = '{}' AND `window`.start = " + day.format(2).replace("10:", "00:")

    numbers = "ks_test.statistic, ks_test.pvalue, wasserstein_distance, population_stability_index"
    old, new = list(range(40)), list(range(10, 50))
    expected = stats.ks_2samp(old, new)
    for kind in ("CONSECUTIVE", "BASELINE"):
        said = f"{where.format(kind)} AND slice_key IS NULL"
        select = f"SELECT {numbers} FROM {drift} WHERE column_name = 'id' AND {said}"
        (row,) = run(client, select)
        statistic, pvalue, wasserstein, index = (float(one) for one in row)
        assert (statistic, pvalue) == (
            pytest.approx(expected.statistic),
            pytest.approx(expected.pvalue),
        )
        assert wasserstein == pytest.approx(10)
        assert index > 0.25

        shares = "chi_squared_test.statistic, tv_distance, l_infinity_distance, js_distance"
        (row,) = run(client, f"SELECT {shares} FROM {drift} WHERE column_name = 'shop' AND {said}")
        chi2 = stats.chi2_contingency([[10, 30], [20, 20]], correction=False).statistic
        js = jensenshannon([0.25, 0.75], [0.5, 0.5])
        assert [float(one) for one in row] == pytest.approx([chi2, 0.25, 0.25, js])
    slices = (
        f"SELECT slice_value, wasserstein_distance FROM {drift} WHERE column_name = 'id'"
        f" AND {where.format('CONSECUTIVE')} AND slice_key IS NOT NULL ORDER BY 1"
    )
    (_, high), (_, low) = run(client, slices)
    assert float(high) == pytest.approx(
        stats.wasserstein_distance([*range(20, 40)], [*range(20, 50)])
    )
    assert float(low) == pytest.approx(stats.wasserstein_distance([*range(20)], [*range(10, 20)]))
    kept = "SELECT size(quantiles), frequent_items, non_null_columns"
    of_day = f"FROM {made.profile_metrics_table_name} WHERE slice_key IS NULL AND window.start = "
    of_day += day.format(1).replace("10:", "00:")
    (row,) = run(client, f"{kept} {of_day} AND column_name = 'shop'")
    items = {one["item"]: int(one["count"]) for one in json.loads(row[1])}
    assert items == {"a": 10, "b": 30}
    (row,) = run(client, f"{kept} {of_day} AND column_name = 'id'")
    assert row[0] == "40"
    (row,) = run(client, f"{kept} {of_day} AND column_name = ':table'")
    assert row[2] == '["id","shop","at"]'


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
    with pytest.raises(PermissionDenied, match="who created the monitor"):
        robot.quality_monitors.update(table, schema, snapshot=MonitorSnapshot())
    robot.quality_monitors.delete(table)
